//! A TCP proxy between a process and what it talks to, whose wire can be cut and healed.

use std::net::SocketAddr;
use std::pin::pin;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What one direction of a connection holds while the wire carries nothing; the rest waits in the sockets.
const BUFFER_BYTES: usize = 64 << 10;

/// State of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Bytes go through.
    Whole,
    /// A host that is gone: connections are reset, and new ones reset as soon as they are made.
    Reset,
    /// A network that swallows everything: connections stay open and carry nothing, new ones too. Bytes that were under way
    /// arrive when it heals, as a network's own repetition would bring them.
    Frozen,
}

/// A proxy on a port of 127.0.0.1. Ends with its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    wire: watch::Sender<Wire>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of a port of 127.0.0.1.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("its address").port();
        let (wire, _) = watch::channel(Wire::Whole);
        let listening = tokio::spawn(listen(listener, SocketAddr::from(([127, 0, 0, 1], port)), wire.clone()));
        Self { port: own, wire, listening }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the wire.
    pub fn cut(&self, how: Wire) {
        self.wire.send_replace(how);
    }

    /// Makes it whole again.
    pub fn heal(&self) {
        self.wire.send_replace(Wire::Whole);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, target: SocketAddr, wire: watch::Sender<Wire>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a listener accepts");
        connections.spawn(carry(client, target, wire.subscribe()));
        // Those that have ended; the set would only grow.
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until a side closes it or the wire is reset.
async fn carry(mut client: TcpStream, target: SocketAddr, wire: watch::Receiver<Wire>) {
    let mut cut = wire.clone();
    let mut cut = pin!(cut.wait_for(|wire| *wire == Wire::Reset));
    let connecting = async {
        passable(&mut wire.clone()).await;
        TcpStream::connect(target).await
    };
    let server = tokio::select! {
        biased;
        _ = &mut cut => None,
        server = connecting => server.ok(),
    };
    let Some(mut server) = server else { return reset(&client) };
    let both = async {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        tokio::join!(pump(from_client, to_server, wire.clone()), pump(from_server, to_client, wire.clone()));
    };
    tokio::select! {
        biased;
        _ = &mut cut => {},
        () = both => return,
    }
    reset(&client);
    reset(&server);
}

/// Carries one direction until its end.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut wire: watch::Receiver<Wire>) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        passable(&mut wire).await;
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            let _ = to.shutdown().await;
            return;
        }
    }
}

/// Waits while the wire carries nothing.
async fn passable(wire: &mut watch::Receiver<Wire>) {
    // An error says that the proxy is gone, and we with it.
    let _ = wire.wait_for(|wire| *wire != Wire::Frozen).await;
}

/// Makes the closing of this socket, which comes with its drop, a reset.
fn reset(stream: &TcpStream) {
    // An error says that the other side has closed it.
    let _ = stream.set_zero_linger();
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        port
    }

    async fn call(stream: &mut TcpStream) -> std::io::Result<[u8; 4]> {
        let mut answer = [0; 4];
        stream.write_all(b"ping").await?;
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_reset_wire_breaks_old_and_new_connections_until_it_heals() {
        let proxy = Proxy::to(echo().await).await;
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port()));
        let mut before = connect().await.unwrap();
        assert_eq!(&call(&mut before).await.unwrap(), b"ping");
        proxy.cut(Wire::Reset);
        assert!(call(&mut before).await.is_err());
        if let Ok(mut new) = connect().await {
            assert!(call(&mut new).await.is_err());
        }
        proxy.heal();
        assert_eq!(&call(&mut connect().await.unwrap()).await.unwrap(), b"ping");
    }

    #[tokio::test]
    async fn a_frozen_wire_carries_nothing_until_it_heals() {
        let proxy = Proxy::to(echo().await).await;
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap();
        assert_eq!(&call(&mut stream).await.unwrap(), b"ping");
        proxy.cut(Wire::Frozen);
        {
            let mut call = pin!(call(&mut stream));
            let a_while = std::time::Duration::from_millis(100);
            assert!(tokio::time::timeout(a_while, &mut call).await.is_err());
            proxy.heal();
            assert_eq!(&call.await.unwrap(), b"ping");
        }
        assert_eq!(&call(&mut stream).await.unwrap(), b"ping");
    }
}
