//! Memory use of requests: lists of tasks with the largest metadata, and hostile forms.

use futures::future::join_all;
use futures::{StreamExt as _, stream};
use morag_tests::process_memory::MemoryWatch;
use morag_tests::redis::{RedisOptions, RedisServer};
use morag_tests::server::{API_KEY, PATIENCE, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Number of tasks in the list (issue 11).
const TASKS: usize = 1_000;

/// Memory that listing them may add, bytes (issue 11).
const LIST_GROWTH_MAX: u64 = 50 << 20;

/// Largest metadata of a task.
const METADATA_BYTES_MAX: usize = 64 << 10;

/// Connections that send a hostile form concurrently (issue 11).
const CONNECTIONS: usize = 20;

/// Bytes that each of them sends at most.
const HOSTILE_BYTES: usize = 8 << 20;

/// Memory that all of them may add: about 1 MiB each, which the sockets and the HTTP library buffer.
const HOSTILE_GROWTH_MAX: u64 = 32 << 20;

/// Length of the longest batch, bytes.
const BATCH_BYTES: usize = 4 << 20;

/// Memory that a batch with too many items may add, bytes: its body as it grows, and two copies of the list. As parsed values they took 26
/// times the length.
const BATCH_GROWTH_MAX: u64 = 8 * BATCH_BYTES as u64;

/// Metadata with the largest memory use for its length as JSON: objects with one entry.
fn worst_metadata(bytes: usize) -> String {
    let one = r#"{"":0}"#;
    let (begin, end) = (r#"{"worst":["#, "]}");
    let count = (bytes - begin.len() - end.len() + 1) / (one.len() + 1);
    let text = format!("{begin}{}{end}", vec![one; count].join(","));
    assert!(text.len() <= bytes && bytes - text.len() < 8);
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_worst_tasks_are_listed_in_50_mib() {
    // Its only worker runs the tasks meanwhile, one after the other.
    list_a_thousand(&[("MORAG_WORKER_CONCURRENCY", "1")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_worst_tasks_are_listed_in_50_mib_on_redis() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    list_a_thousand(&[("REDIS_URL", &redis.url()), ("MORAG_ROLE", "api")]).await;
}

async fn list_a_thousand(settings: &[(&str, &str)]) {
    let server = Server::start_with(settings).await;
    let metadata = worst_metadata(METADATA_BYTES_MAX);
    let fields = [("metadata", metadata.as_str())];
    let submit = |_| server.submit("note.md", b"# A note".to_vec(), &fields);
    let tasks: Vec<_> = stream::iter(0..TASKS).map(submit).buffer_unordered(4).collect().await;
    assert_eq!(tasks.len(), TASKS);
    // As after a restart: nothing from the submissions is in memory.
    let server = server.kill_and_restart().await;
    server.get("/api/v1/status?limit=1").await;
    let watch = MemoryWatch::begin(server.id());
    let list = server.get(&format!("/api/v1/status?limit={TASKS}")).await;
    let growth = watch.growth();
    println!("{TASKS} tasks with {} bytes of metadata each: {growth} bytes more", metadata.len());
    assert_eq!(list["count"], json!(TASKS));
    assert_eq!(list["active_tasks"][0]["file_name"], "note.md");
    assert!(growth < LIST_GROWTH_MAX, "{growth} bytes more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_does_not_multiply_what_its_items_share() {
    let server =
        Server::start_with(&[("MORAG_WORKER_CONCURRENCY", "1"), ("MORAG_FETCH_ALLOW_NETWORKS", "127.0.0.0/8")]).await;
    let metadata: Value = serde_json::from_str(&worst_metadata(METADATA_BYTES_MAX)).expect("JSON");
    let items = vec![json!({"url": format!("{}/health", server.url)}); 50];
    let batch = json!({"items": items, "metadata": metadata});
    let submit = async || {
        let request = server.request(reqwest::Method::POST, "/api/v1/ingest/batch").json(&batch);
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["task_ids"].as_array().map(Vec::len), Some(50), "{answer}");
    };
    // The first submission allocates what is kept.
    submit().await;
    let watch = MemoryWatch::begin(server.id());
    submit().await;
    let growth = watch.growth();
    println!("a batch of 50 items with 64 KiB of metadata: {growth} bytes more");
    assert!(growth < LIST_GROWTH_MAX, "{growth} bytes more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_two_million_items_costs_some_times_its_length() {
    let server = Server::start().await;
    let list = |bytes: usize| format!("[1{}]", ",1".repeat((bytes - "[1]".len()) / 2));
    let bodies = [
        ("a list", format!(r#"{{"items":{}}}"#, list(BATCH_BYTES - 16))),
        ("the text of a list", format!(r#"{{"items":"{}"}}"#, list(BATCH_BYTES - 16))),
        // A name that this route does not take; the digest of the request is computed before that is known.
        ("a list beside the items", format!(r#"{{"items":[1],"batch_urls":{}}}"#, list(BATCH_BYTES - 32))),
    ];
    let submit = async |body: String| {
        let request = server.request(reqwest::Method::POST, "/api/v1/ingest/batch");
        let answer = request.header("content-type", "application/json").body(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("its body"))
    };
    // The first submission allocates what is kept.
    assert_eq!(submit(r#"{"items":[1]}"#.into()).await.0, 200);
    for (what, body) in bodies {
        let watch = MemoryWatch::begin(server.id());
        let (status, answer) = submit(body).await;
        let growth = watch.growth();
        println!("{what}: {growth} bytes more");
        match what {
            "a list beside the items" => assert!(status == 422 && answer.contains("batch_urls"), "{what}: {answer}"),
            _ => assert!(status == 422 && answer.contains("items must be 1 to 50"), "{what}: {status} {answer}"),
        }
        assert!(growth < BATCH_GROWTH_MAX, "{what}: {growth} bytes more");
    }
}

/// Sends the beginning of a form and then the same piece repeatedly, until the server responds or closes; returns the response.
async fn hostile(server: &Server, begin: &str, piece: &[u8]) -> String {
    let address = server.url.strip_prefix("http://").expect("an address");
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut read, mut write) = stream.into_split();
    let head = format!(
        "POST /api/v1/ingest/file HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {API_KEY}\r\n\
         content-type: multipart/form-data; boundary=BOUND\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    let send = async move {
        let chunk = |bytes: &[u8]| {
            let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
            chunk.extend_from_slice(bytes);
            chunk.extend_from_slice(b"\r\n");
            chunk
        };
        let mut sent = write.write_all(head.as_bytes()).await;
        if sent.is_ok() && !begin.is_empty() {
            sent = write.write_all(&chunk(begin.as_bytes())).await;
        }
        let piece_sent = chunk(piece);
        let mut bytes = 0;
        while sent.is_ok() && bytes < HOSTILE_BYTES {
            sent = write.write_all(&piece_sent).await;
            bytes += piece.len();
        }
        // The end of the body, without the end of the form.
        if sent.is_ok() {
            let _ = write.write_all(b"0\r\n\r\n").await;
        }
    };
    let mut answer = Vec::new();
    let receive = async {
        // If the connection is closed while we send, reading ends with an error after the response.
        let _ = read.read_to_end(&mut answer).await;
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(send, receive) }).await.expect("the request ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends such a form on many connections. Returns the added memory of the server, and the responses.
async fn crowd(server: &Server, begin: &str, piece: &[u8]) -> (u64, Vec<String>) {
    let watch = MemoryWatch::begin(server.id());
    let answers = join_all((0..CONNECTIONS).map(|_| hostile(server, begin, piece))).await;
    (watch.growth(), answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_forms_cost_little_and_are_answered_in_few_words() {
    let server = Server::start().await;
    let long = vec![b'x'; 64 << 10];
    let part = "--BOUND\r\nContent-Disposition: form-data; name=\"";
    let empty_part = b"--BOUND\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(1000);
    let text = format!("{part}metadata\"\r\n\r\n");
    let forms: [(&str, &str, &[u8]); 6] = [
        ("an endless preamble", "", &long),
        ("an endless header", "--BOUND\r\nX-Long: ", &long),
        ("an endless name", part, &long),
        ("endless spaces behind a boundary", "--BOUND", &vec![b' '; 64 << 10]),
        ("endless empty parts", "", &empty_part),
        ("an endless text", &text, &long),
    ];
    // The first request allocates what is kept.
    hostile(&server, "", b"--BOUND--\r\n").await;
    for (what, begin, piece) in forms {
        let (growth, answers) = crowd(&server, begin, piece).await;
        let lengths: Vec<_> = answers.iter().map(String::len).collect();
        println!("{what}: {growth} bytes more; answers of {lengths:?} bytes");
        for answer in &answers {
            let refused = ["HTTP/1.1 400 ", "HTTP/1.1 422 "].iter().any(|status| answer.starts_with(status));
            assert!(refused && answer.len() < 2048, "{what}: {answer:.3000}");
        }
        assert!(growth < HOSTILE_GROWTH_MAX, "{what}: {growth} bytes more");
    }
}
