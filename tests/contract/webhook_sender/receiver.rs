//! Receivers for the suite: real sockets, with responses that no HTTP library would send.

use morag_tests::server::PATIENCE;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A listening socket whose connections are counted.
pub struct Receiver {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    /// Reports of the connections: requests, or the number of bytes that could be written.
    reports: mpsc::UnboundedReceiver<String>,
}

impl Receiver {
    /// Serves every connection with `serve`, until the test's runtime ends.
    pub async fn start<F>(serve: impl Fn(TcpStream, mpsc::UnboundedSender<String>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), serve)
    }

    /// Serves every connection of a socket.
    pub fn listen<F>(
        listener: TcpListener,
        serve: impl Fn(TcpStream, mpsc::UnboundedSender<String>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, reports) = mpsc::unbounded_channel();
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        Self { address, connections, reports }
    }

    /// Answers each request on each connection with these bytes.
    pub async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream, reports| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(request) = read_request(&mut stream).await {
                    // Reported before the response, so that a client with a response finds the report.
                    let _ = reports.send(request);
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Answers one request with these bytes and closes the connection.
    pub async fn answering_once(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream, _| {
            let answer = Arc::clone(&answer);
            async move {
                if read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(&answer).await;
                }
            }
        })
        .await
    }

    /// Answers a request with `head`, then with `piece` repeatedly until the connection breaks. Reports the number of bytes that could be
    /// written.
    pub async fn endless(head: &'static str, piece: &'static [u8], every: std::time::Duration) -> Self {
        Self::start(move |mut stream, reports| async move {
            if read_request(&mut stream).await.is_none() {
                return;
            }
            let mut written = head.len();
            let mut result = stream.write_all(head.as_bytes()).await;
            let mut ticks = tokio::time::interval(every.max(std::time::Duration::from_micros(1)));
            while result.is_ok() {
                if !every.is_zero() {
                    ticks.tick().await;
                }
                result = stream.write_all(piece).await;
                written += piece.len();
            }
            let _ = reports.send(written.to_string());
        })
        .await
    }

    /// The next report. Fails if none comes.
    pub async fn report(&mut self) -> String {
        let report = tokio::time::timeout(PATIENCE, self.reports.recv()).await;
        report.expect("a connection reports").expect("the receiver runs")
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Reads one request with its body; none at the end of the connection.
pub async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}
