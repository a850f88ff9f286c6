//! A TCP proxy between a process and what it talks to, whose wire can be cut and healed.

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

/// Which answers get lost.
#[derive(Debug, Default)]
struct Losses {
    /// What is in the requests they answer; empty while none is to get lost.
    to: Vec<u8>,
    /// Such requests that are answered before. What the client sends at once is taken for one.
    skip: usize,
    /// How many get lost then.
    left: usize,
    lost: usize,
}

impl Losses {
    /// Whether the answer to a request that holds the text gets lost.
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

/// What the connections of a proxy share.
#[derive(Debug, Clone)]
struct Shared {
    wire: watch::Sender<Wire>,
    losses: Arc<Mutex<Losses>>,
    /// How long what the server sends is on its way, milliseconds.
    lag: Arc<AtomicU64>,
}

impl Shared {
    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A proxy on a port of 127.0.0.1. Ends with its connections when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Shared,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of a port of 127.0.0.1.
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

    /// Cuts the wire.
    pub fn cut(&self, how: Wire) {
        self.shared.wire.send_replace(how);
    }

    /// Makes it whole again.
    pub fn heal(&self) {
        self.shared.wire.send_replace(Wire::Whole);
    }

    /// From now on what the server sends is so long on its way; what is there when the wire is reset does not arrive.
    pub fn lag(&self, lag: Duration) {
        self.shared.lag.store(u64::try_from(lag.as_millis()).expect("a short time"), Ordering::SeqCst);
    }

    /// From now on the first `skip` requests that hold this text are answered, and the answers to the next `count` get lost:
    /// the server has what its connection carried and works on it, then the client's end is reset. Counts anew.
    pub fn lose_answers(&self, to: &str, skip: usize, count: usize) {
        *self.shared.losses() = Losses { to: to.into(), skip, left: count, lost: 0 };
    }

    /// Answers that got lost since the last call of [`Self::lose_answers`].
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
        // Those that have ended; the set would only grow.
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until a side closes it or the wire is reset.
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

/// Carries what the client sends until its end, or until an answer is to get lost.
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
            // The server answers what it was asked before it sees this.
            let _ = to.shutdown().await;
            return;
        }
    }
}

/// Whether the answer to a request that ends in these bytes gets lost. `seen` is what came before them and has not been
/// looked at to its end.
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

/// Carries what the server sends until its end; nowhere, once it is to get lost.
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
