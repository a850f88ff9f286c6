//! A small HTTP CONNECT proxy that records its requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Maximum bytes of a request head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How the proxy handles requests.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Connects to the requested target; 502 if that fails.
    Connect,
    /// Connects to this address instead of the requested one, because tests request public addresses.
    ConnectTo(SocketAddr),
    /// Answers with these bytes and closes.
    Answer(Vec<u8>),
    /// Never answers.
    Silent,
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The request line.
    pub line: String,
    /// The header lines, unchanged.
    pub headers: Vec<String>,
}

/// A proxy on a port of 127.0.0.1. It and its connections end when dropped.
#[derive(Debug)]
pub struct ConnectProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    listening: JoinHandle<()>,
}

impl ConnectProxy {
    /// Starts a proxy.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket for tokio");
        let listener = TcpListener::from_std(listener).expect("a runtime");
        let address = listener.local_addr().expect("its address");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let listening = tokio::spawn(listen(listener, behaviour, asked.clone()));
        Self { address, asked, listening }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests received so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, behaviour: Behaviour, asked: Arc<Mutex<Vec<Asked>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a listener accepts");
        connections.spawn(serve(client, behaviour.clone(), asked.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut client: TcpStream, behaviour: Behaviour, asked: Arc<Mutex<Vec<Asked>>>) {
    let Some(head) = head(&mut client).await else { return };
    let mut lines = head.lines().map(str::to_owned);
    let line = lines.next().unwrap_or_default();
    lock(&asked).push(Asked { line: line.clone(), headers: lines.filter(|line| !line.is_empty()).collect() });
    let target = match &behaviour {
        Behaviour::Connect => line.split(' ').nth(1).and_then(|target| target.parse().ok()),
        Behaviour::ConnectTo(target) => Some(*target),
        Behaviour::Answer(answer) => {
            let _ = client.write_all(answer).await;
            return;
        }
        Behaviour::Silent => return drain(client).await,
    };
    let server = match target {
        Some(target) => TcpStream::connect(target).await.ok(),
        None => None,
    };
    let Some(mut server) = server else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
        return;
    };
    if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
        // Ends when either side closes the connection.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

/// Reads a request head byte by byte, because the bytes after it belong to the tunnel.
async fn head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        head.push(client.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// Waits until the client has disconnected.
async fn drain(mut client: TcpStream) {
    let mut buffer = [0; 1024];
    while client.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

fn lock(asked: &Mutex<Vec<Asked>>) -> MutexGuard<'_, Vec<Asked>> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}
