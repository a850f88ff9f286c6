//! A TCP proxy whose connections can be cut, frozen and delayed.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Buffer size per direction while the wire is frozen; further data waits in the sockets.
const BUFFER_BYTES: usize = 64 << 10;

/// State of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Data passes.
    Whole,
    /// Host down: existing connections are reset, new ones are reset as soon as they are made.
    Reset,
    /// Packets lost: existing and new connections stay open without transferring data. Data in transit arrives after healing, as by
    /// TCP retransmission.
    Frozen,
}

/// Which responses are dropped.
#[derive(Debug, Default)]
struct Losses {
    /// Text that identifies the affected requests; empty: drop nothing.
    to: Vec<u8>,
    /// Matching requests to answer first. Data sent at once counts as one request.
    skip: usize,
    /// Number of responses to drop after that.
    left: usize,
    lost: usize,
}

impl Losses {
    /// Whether to drop the response to a matching request.
    fn next(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        let loses = self.left > 0;
        self.left -= usize::from(loses);
        self.lost += usize::from(loses);
        loses
    }
}

/// State shared by the connections of a proxy.
#[derive(Debug, Clone)]
struct Shared {
    wire: watch::Sender<Wire>,
    losses: Arc<Mutex<Losses>>,
    /// Delay of data from the server, milliseconds.
    lag: Arc<AtomicU64>,
}

impl Shared {
    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proxy on a port of 127.0.0.1. It and its connections end when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Shared,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy for a port of 127.0.0.1.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("its address").port();
        let shared = Shared { wire: watch::channel(Wire::Whole).0, losses: Arc::default(), lag: Arc::default() };
        let listening = tokio::spawn(listen(listener, SocketAddr::from(([127, 0, 0, 1], port)), shared.clone()));
        Self { port: own, shared, listening }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Resets or freezes the wire.
    pub fn cut(&self, how: Wire) {
        self.shared.wire.send_replace(how);
    }

    /// Restores the wire.
    pub fn heal(&self) {
        self.shared.wire.send_replace(Wire::Whole);
    }

    /// Delays data from the server from now on; delayed data is lost if the wire is reset.
    pub fn lag(&self, lag: Duration) {
        self.shared.lag.store(u64::try_from(lag.as_millis()).expect("a short time"), Ordering::SeqCst);
    }

    /// Answers the next `skip` requests that contain `to`, then drops the responses to the next `count`: the server receives
    /// and processes the request, and the client's connection is reset. Restarts the count of [`Self::lost`].
    pub fn lose_answers(&self, to: &str, skip: usize, count: usize) {
        *self.shared.losses() = Losses { to: to.into(), skip, left: count, lost: 0 };
    }

    /// Number of responses dropped since the last call of [`Self::lose_answers`].
    pub fn lost(&self) -> usize {
        self.shared.losses().lost
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, target: SocketAddr, shared: Shared) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a listener accepts");
        connections.spawn(carry(client, target, shared.clone()));
        // Remove ended connections, so that the set does not grow.
        while connections.try_join_next().is_some() {}
    }
}

/// Forwards one connection until a side closes it or the wire is reset.
async fn carry(mut client: TcpStream, target: SocketAddr, shared: Shared) {
    let wire = shared.wire.subscribe();
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
    let losing = AtomicBool::new(false);
    let both = async {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let requests = requests(from_client, to_server, wire.clone(), &shared, &losing);
        tokio::join!(requests, answers(from_server, to_client, wire.clone(), &losing, &shared.lag));
    };
    tokio::select! {
        biased;
        _ = &mut cut => reset(&server),
        () = both => if !losing.load(Ordering::SeqCst) { return },
    }
    reset(&client);
}

/// Forwards data from the client until its end, or until a response is to be dropped.
async fn requests(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut wire: watch::Receiver<Wire>,
    shared: &Shared,
    losing: &AtomicBool,
) {
    let (mut buffer, mut seen) = (vec![0; BUFFER_BYTES], Vec::new());
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        passable(&mut wire).await;
        losing.store(loses(shared, &mut seen, &buffer[..count]), Ordering::SeqCst);
        let broken = to.write_all(&buffer[..count]).await.is_err();
        if count == 0 || broken || losing.load(Ordering::SeqCst) {
            // The server responds to the requests before it sees the end of the stream.
            let _ = to.shutdown().await;
            return;
        }
    }
}

/// Whether to drop the response to a request that ends with these bytes. `seen`: preceding bytes that may contain the start of a
/// match.
fn loses(shared: &Shared, seen: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let mut losses = shared.losses();
    if losses.to.is_empty() {
        return false;
    }
    seen.extend_from_slice(bytes);
    let length = losses.to.len();
    if seen.windows(length).any(|window| window == losses.to) {
        seen.clear();
        return losses.next();
    }
    seen.drain(..seen.len().saturating_sub(length - 1));
    false
}

/// Forwards data from the server until its end; discards it once responses are dropped.
async fn answers(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut wire: watch::Receiver<Wire>,
    losing: &AtomicBool,
    lag: &AtomicU64,
) {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        let lag = lag.load(Ordering::SeqCst);
        if lag > 0 {
            tokio::time::sleep(Duration::from_millis(lag)).await;
        }
        passable(&mut wire).await;
        if losing.load(Ordering::SeqCst) && count > 0 {
            continue;
        }
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            if !losing.load(Ordering::SeqCst) {
                let _ = to.shutdown().await;
            }
            return;
        }
    }
}

/// Waits while the wire is frozen.
async fn passable(wire: &mut watch::Receiver<Wire>) {
    // An error means that the proxy is gone.
    let _ = wire.wait_for(|wire| *wire != Wire::Frozen).await;
}

/// Makes the socket send a reset when it is dropped.
fn reset(stream: &TcpStream) {
    // An error means that the other side has closed it.
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
            let a_while = Duration::from_millis(100);
            assert!(tokio::time::timeout(a_while, &mut call).await.is_err());
            proxy.heal();
            assert_eq!(&call.await.unwrap(), b"ping");
        }
        assert_eq!(&call(&mut stream).await.unwrap(), b"ping");
    }

    #[tokio::test]
    async fn a_lost_answer_resets_the_client_after_the_server_had_the_request() {
        use tokio::sync::mpsc;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (heard, mut requests) = mpsc::unbounded_channel();
        let proxy = Proxy::to(listener.local_addr().unwrap().port()).await;
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let heard = heard.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4];
                    while stream.read_exact(&mut request).await.is_ok() {
                        heard.send(request).unwrap();
                        stream.write_all(&request).await.unwrap();
                    }
                });
            }
        });
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port()));
        proxy.lose_answers("ing", 1, 1);
        let mut stream = connect().await.unwrap();
        assert_eq!((&call(&mut stream).await.unwrap(), proxy.lost()), (b"ping", 0));
        assert!(call(&mut stream).await.is_err());
        assert_eq!((&call(&mut connect().await.unwrap()).await.unwrap(), proxy.lost()), (b"ping", 1));
        for _ in 0..3 {
            assert_eq!(&requests.recv().await.unwrap(), b"ping");
        }
    }
}
