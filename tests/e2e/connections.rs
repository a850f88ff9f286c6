//! Idle connections, and requests beside them.

use morag_tests::server::{API_KEY, PATIENCE, Server};
use reqwest::{Client, StatusCode};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Idle connections that one peer opens.
const SILENT: usize = 2048;

/// Probes of each kind, from each address.
const PROBES: usize = 10;

/// Timeout of a probe: monitoring gives up by then. An idle connection lives longer, unless it is closed for another.
const PROBE_MAX: Duration = Duration::from_secs(10);

/// Another address of this machine than that of the idle connections.
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn address(server: &Server) -> SocketAddr {
    server.url.strip_prefix("http://").expect("its URL").parse().expect("its address")
}

/// A connection from an address of this machine.
async fn connect(to: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((from, 0).into()).expect("an address of this machine");
    timeout(PATIENCE, socket.connect(to)).await.expect("the system takes it").expect("a connection")
}

/// A client that opens a connection for each request, from an address of this machine.
fn client(from: Ipv4Addr) -> Client {
    let _ = morag_tests::server::client();
    let builder = Client::builder().no_proxy().local_address(IpAddr::from(from)).pool_max_idle_per_host(0);
    builder.timeout(PROBE_MAX).build().expect("a client")
}

/// Opens this many idle connections concurrently, and holds each until the server closes it.
async fn flood(server: &Server, count: usize) -> JoinSet<()> {
    let connected = Arc::new(Semaphore::new(0));
    let mut silent = JoinSet::new();
    for _ in 0..count {
        let (to, connected) = (address(server), Arc::clone(&connected));
        silent.spawn(async move {
            let mut stream = connect(to, Ipv4Addr::LOCALHOST).await;
            connected.add_permits(1);
            let _ = stream.read(&mut [0]).await;
        });
    }
    // If the server does not accept all of them, the rest keeps trying while the probes are sent.
    let all = connected.acquire_many(u32::try_from(count).expect("some thousand"));
    let _ = timeout(PROBE_MAX, all).await;
    silent
}

/// Asserts that every probe is answered.
async fn assert_probes(server: &Server, from: Ipv4Addr) {
    let client = client(from);
    for path in ["/health", "/health/ready", "/metrics"] {
        for n in 0..PROBES {
            let answer = client.get(format!("{}{path}", server.url)).send().await;
            let status = answer.unwrap_or_else(|error| panic!("{path} {n} from {from}: {error:?}")).status();
            assert_eq!(status, StatusCode::OK, "{path} {n} from {from}");
        }
    }
}

/// An upload that is not finished.
struct Upload {
    stream: TcpStream,
}

impl Upload {
    async fn begin(server: &Server) -> Self {
        let mut stream = connect(address(server), Ipv4Addr::LOCALHOST).await;
        let head = format!(
            "POST /api/v1/ingest/file HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {API_KEY}\r\nConnection: close\r\n\
             Content-Type: multipart/form-data; boundary=B\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("it is sent");
        // It has begun when the server asks for the body.
        let mut asked = [0; 25];
        timeout(PATIENCE, stream.read_exact(&mut asked)).await.expect("in time").expect("the server asks for the body");
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        Self { stream }
    }

    /// Sends the rest, and returns the response.
    async fn end(mut self) -> String {
        let body =
            "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n# Hello\r\n--B--\r\n";
        let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        self.stream.write_all(chunks.as_bytes()).await.expect("the connection is there");
        let mut answer = String::new();
        timeout(PATIENCE, self.stream.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_of_one_peer_do_not_block_probes() {
    let server = Server::start().await;
    let upload = Upload::begin(&server).await;
    let silent = flood(&server, SILENT).await;
    assert_probes(&server, OTHER).await;
    assert_probes(&server, Ipv4Addr::LOCALHOST).await;
    let answer = upload.end().await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "a running request is not interrupted: {answer}");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_peer_leave_connections_for_others_and_probes() {
    let server = Server::start_with(&[("MORAG_CONNECTIONS_PER_PEER", "8")]).await;
    let mut uploads = Vec::new();
    for _ in 0..8 {
        uploads.push(Upload::begin(&server).await);
    }
    let list = |from| client(from).get(format!("{}/api/v1/status", server.url)).bearer_auth(API_KEY).send();
    let refused = list(Ipv4Addr::LOCALHOST).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key("retry-after"));
    let text = refused.text().await.expect("a body");
    assert!(text.contains("too_many_connections") && text.contains("MORAG_CONNECTIONS_PER_PEER"), "{text}");
    assert_eq!(list(OTHER).await.expect("an answer").status(), StatusCode::OK);
    assert_probes(&server, Ipv4Addr::LOCALHOST).await;
    assert_probes(&server, OTHER).await;
    for upload in uploads {
        let answer = upload.end().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(list(Ipv4Addr::LOCALHOST).await.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_closed_when_descriptors_run_out() {
    // Limit of all open files of the process, connections included.
    let server = Server::start_limited(160, &[("MORAG_CONNECTIONS_PER_PEER", "1024")]).await;
    let silent = flood(&server, 400).await;
    assert_probes(&server, OTHER).await;
    assert_probes(&server, Ipv4Addr::LOCALHOST).await;
    drop(silent);
}
