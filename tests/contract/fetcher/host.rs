//! Web servers for the suite: real sockets that send configured bytes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Chooses the reply to a request by its head.
pub type Answer = dyn Fn(&str) -> Reply + Send + Sync;

/// A reply.
pub enum Reply {
    /// These bytes; then the connection is closed.
    Bytes(Vec<u8>),
    /// A head, then this chunk repeatedly with this pause until the connection breaks.
    Endless(&'static str, Vec<u8>, Duration),
    /// Nothing while the connection is open.
    Silence,
}

/// A server.
pub struct Host {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Host {
    pub async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, connections, open) = (Arc::default(), Arc::default(), Arc::default());
        let host = Self { address, requests, connections, open };
        let (requests, connections, open) = (host.requests.clone(), host.connections.clone(), host.open.clone());
        let answer: Arc<Answer> = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                let (answer, requests, open) = (answer.clone(), requests.clone(), open.clone());
                tokio::spawn(async move {
                    serve(stream, &answer, &requests).await;
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        host
    }

    /// A server with one document.
    pub async fn with(head: &'static str, body: &'static [u8]) -> Self {
        Self::start(move |_| Reply::Bytes([head.as_bytes(), b"\r\n\r\n", body].concat())).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until the client has closed every connection.
    pub async fn is_let_go(&self) {
        let all = async {
            while self.open.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("a connection is still held");
    }
}

async fn serve(mut stream: TcpStream, answer: &Arc<Answer>, requests: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    requests.lock().unwrap().push(head.clone());
    match answer(&head) {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Endless(head, piece, pause) => {
            let mut result = stream.write_all(head.as_bytes()).await;
            while result.is_ok() {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                result = stream.write_all(&piece).await;
            }
        }
        Reply::Silence => {
            let _ = stream.read_u8().await;
        }
    }
}
