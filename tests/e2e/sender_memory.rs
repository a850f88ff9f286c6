//! Memory use of receivers' responses, and deliveries through a proxy.

use futures::future::join_all;
use morag_tests::connect_proxy::{Behaviour, ConnectProxy};
use morag_tests::receiver::Receiver;
use morag_tests::server::{PATIENCE, Server};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Receivers that respond concurrently.
const RECEIVERS: usize = 4;

/// Deliveries to each: those of a small document's task. Memory that a response leaks would add up.
const DELIVERIES: usize = 17;

/// Size of a large response.
const ANSWER_BYTES: usize = 128 * 1024 * 1024;

/// Memory that four such responses may add, bytes (issue 4).
const GROWTH_BYTES_MAX: u64 = 5_000_000;

/// A receiver that delays its responses until it is opened. Reports for each response how many bytes could be written.
struct Held {
    url: String,
    open: watch::Sender<bool>,
    written: mpsc::UnboundedReceiver<usize>,
}

impl Held {
    /// Responds with this many bytes each time.
    async fn start(answer_bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/webhook", listener.local_addr().expect("its address"));
        let (open, opened) = watch::channel(false);
        let (report, written) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a listener accepts");
                tokio::spawn(serve(stream, answer_bytes, opened.clone(), report.clone()));
            }
        });
        Self { url, open, written }
    }
}

async fn serve(
    stream: TcpStream,
    answer_bytes: usize,
    mut opened: watch::Receiver<bool>,
    report: mpsc::UnboundedSender<usize>,
) {
    let mut stream = BufReader::new(stream);
    let piece = vec![b'x'; 256 * 1024];
    while read_request(&mut stream).await.is_some() && opened.wait_for(|opened| *opened).await.is_ok() {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {answer_bytes}\r\n\r\n");
        let mut sent = stream.write_all(head.as_bytes()).await;
        let mut written = 0;
        while sent.is_ok() && written < answer_bytes {
            let next = &piece[..piece.len().min(answer_bytes - written)];
            sent = stream.write_all(next).await;
            written += if sent.is_ok() { next.len() } else { 0 };
        }
        let _ = report.send(written);
        if sent.is_err() {
            return;
        }
    }
}

/// Reads a request with its body; none at the end of the connection.
async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok().map(drop)
}

/// A line of the process's status, bytes: `VmRSS` is its current memory, `VmHWM` the peak since [`forget_peak`].
fn memory(server: &Server, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).expect("its line");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}

/// Resets the peak to the current memory (`proc(5)`: 5 into `clear_refs`).
fn forget_peak(server: &Server) {
    std::fs::write(format!("/proc/{}/clear_refs", server.id()), "5").expect("our own process");
}

/// Memory that the deliveries of four tasks add, and how much of each response could be written. The tasks have ended before the first
/// response, so only deliveries remain.
async fn growth(server: &Server, answer_bytes: usize) -> (u64, Vec<usize>) {
    let mut receivers = join_all((0..RECEIVERS).map(|_| Held::start(answer_bytes))).await;
    for receiver in &receivers {
        let fields = [("webhook_url", receiver.url.as_str())];
        let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &fields).await;
        server.wait_for_end(&task).await;
    }
    forget_peak(server);
    let before = memory(server, "VmRSS");
    for receiver in &receivers {
        receiver.open.send_replace(true);
    }
    let mut written = Vec::new();
    for receiver in &mut receivers {
        for _ in 0..DELIVERIES {
            let next = tokio::time::timeout(PATIENCE, receiver.written.recv()).await.expect("the events come");
            written.push(next.expect("the receiver runs"));
        }
    }
    (memory(server, "VmHWM").saturating_sub(before), written)
}

#[tokio::test(flavor = "multi_thread")]
async fn four_answers_of_128_mib_add_under_5_mb() {
    // Longer than the tasks take: the first delivery of each is delayed so long.
    let server = Server::start_with(&[("WEBHOOK_TIMEOUT", "600")]).await;
    // The first deliveries allocate what is kept: connections, caches, arenas of the allocator.
    growth(&server, 4).await;
    let (small, _) = growth(&server, 4).await;
    let (large, written) = growth(&server, ANSWER_BYTES).await;
    println!("small answers: {small} bytes more, of 128 MiB: {large}; written of each {written:?}");
    assert!(written.iter().all(|written| *written < ANSWER_BYTES), "a response was read to its end: {written:?}");
    assert!(large < GROWTH_BYTES_MAX, "{large} bytes more, {small} with small answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_go_through_the_proxy_to_the_checked_address() {
    let (proxy, receiver) = (ConnectProxy::start(Behaviour::Connect), Receiver::start().await);
    let server = Server::start_with(&[("WEBHOOK_PROXY", &proxy.url())]).await;
    let url = receiver.url.replace("127.0.0.1", "hook.localhost");
    server.submit("note.md", morag_fixtures::one_page_markdown(1), &[("webhook_url", url.as_str())]).await;
    let received = receiver.wait_for_end().await;
    assert_eq!(received.len(), 17);
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port");
    assert!(received.iter().all(|one| one.header("host") == format!("hook.localhost:{port}")));
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    for one in asked {
        assert_eq!(one.line, format!("CONNECT 127.0.0.1:{port} HTTP/1.1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_proxy_refuses_is_in_the_delivery_log() {
    let refusal = Behaviour::Answer(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec());
    let (proxy, receiver) = (ConnectProxy::start(refusal), Receiver::start().await);
    let proxy_url = proxy.url().replace("http://", "http://user:hidden@");
    let server = Server::start_with(&[("WEBHOOK_PROXY", &proxy_url), ("WEBHOOK_MAX_RETRIES", "0")]).await;
    let fields = [("webhook_url", receiver.url.as_str())];
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &fields).await;
    let path = format!("/api/v1/tasks/{task}/deliveries");
    let tried = async {
        loop {
            let log = server.get(&path).await;
            if log["deliveries"][0]["attempts"][0].is_object() {
                return log;
            }
            // Polling is what a client of this route does.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let log = tokio::time::timeout(PATIENCE, tried).await.expect("the first attempt is recorded");
    let text = log.to_string();
    assert!(text.contains("\"connect\"") && text.contains("answered 403 to CONNECT"), "{text}");
    assert!(!text.contains("hidden"), "{text}");
    assert_eq!(log["deliveries"][0]["attempts"][0]["http_status"], Value::Null);
    assert!(receiver.received().is_empty());
}
