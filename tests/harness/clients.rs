//! Clients in other languages: programs that read lines, and webhook receivers.

use super::server::{PATIENCE, SECRET, client};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A file of `tests/clients`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// A file of `examples`.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name)
}

/// Folder with the Node.js packages and the compiled example: `MORAG_TEST_NODE_DIR`, set by `cargo xtask test`, or its
/// default location.
pub fn node_folder() -> PathBuf {
    let folder = std::env::var_os("MORAG_TEST_NODE_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/node"), PathBuf::from);
    assert!(folder.join("build/receiver.js").exists(), "{}: `cargo xtask clients` fills it", folder.display());
    folder.canonicalize().expect("a folder")
}

/// Folder with the Node.js packages that work on the OpenAPI document: `MORAG_TEST_NODE_OPENAPI_DIR`, set by `cargo xtask test`, or
/// its default location.
pub fn openapi_folder() -> PathBuf {
    let folder = std::env::var_os("MORAG_TEST_NODE_OPENAPI_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/node-openapi"), PathBuf::from);
    assert!(folder.join("node_modules").exists(), "{}: `cargo xtask clients` fills it", folder.display());
    folder.canonicalize().expect("a folder")
}

/// A Node.js script of `tests/clients`.
pub fn node(name: &str) -> std::process::Command {
    let mut command = std::process::Command::new("node");
    command.arg(script(name));
    command
}

/// Writes JSON documents to a program, one per line. Returns its output, which must have a line per document.
pub fn feed(mut command: std::process::Command, documents: &[Value]) -> Vec<String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the client starts");
    let mut input = child.stdin.take().expect("a pipe");
    let text: String = documents.iter().map(|document| format!("{document}\n")).collect();
    // In a thread: a program that answers each line at once would otherwise block on its full output pipe.
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("the client ends");
    writer.join().expect("no panic").expect("the client reads");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}: {said}", output.status);
    let lines: Vec<_> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), documents.len(), "{lines:?}");
    lines
}

/// A receiver in another language. Killed when dropped.
pub struct ForeignReceiver {
    /// `http://127.0.0.1:PORT`.
    pub base: String,
    child: Child,
}

impl ForeignReceiver {
    /// Starts a receiver that reads its port from `PORT`, with the tests' secret. Waits until `path` responds.
    pub async fn on_free_port(command: std::process::Command, path: &str) -> Self {
        Self::with_secret(command, path, SECRET).await
    }

    /// The same with another secret.
    pub async fn with_secret(command: std::process::Command, path: &str, secret: &str) -> Self {
        // May be taken again by then, but the example receivers cannot choose a port themselves.
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        let mut command = Command::from(command);
        command.env("PORT", port.to_string()).stdout(Stdio::null());
        let mut receiver = Self { base: format!("http://127.0.0.1:{port}"), child: start(command, secret) };
        let started = Instant::now();
        while client().get(format!("{}{path}", receiver.base)).send().await.is_err() {
            assert!(receiver.child.try_wait().expect("its status").is_none(), "the receiver has ended");
            assert!(started.elapsed() < PATIENCE, "the receiver does not answer");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        receiver
    }

    /// Starts a receiver that prints its port as the first line.
    pub async fn with_printed_port(command: std::process::Command) -> Self {
        let mut command = Command::from(command);
        let mut child = start(
            {
                command.stdout(Stdio::piped());
                command
            },
            SECRET,
        );
        let mut lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line in time");
        let port = line.expect("readable output").expect("the receiver ended before it listened");
        Self { base: format!("http://127.0.0.1:{}", port.trim()), child }
    }

    /// URL of the webhook.
    pub fn webhook(&self) -> String {
        format!("{}/webhook", self.base)
    }

    /// GET of a path that must return 200 with JSON.
    pub async fn get(&self, path: &str) -> Value {
        let response = client().get(format!("{}{path}", self.base)).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.expect("JSON")
    }

    /// Polls a path until its response satisfies `enough`, and returns it.
    pub async fn wait_until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let seen = self.get(path).await;
            if enough(&seen) {
                return seen;
            }
            assert!(started.elapsed() < PATIENCE, "not enough has come: {seen:#}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Interval for polling another process.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

fn start(mut command: Command, secret: &str) -> Child {
    command.env("WEBHOOK_SECRET", secret).stdin(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("the receiver starts")
}

/// A delivery as input for the scripts: secret, headers, and body as text.
pub fn document(secret: &str, received: &super::receiver::Received) -> Value {
    let header = |name: &str| (name.to_owned(), Value::from(received.header(name)));
    let names = received.headers.keys().map(|name| header(name.as_str()));
    let headers: serde_json::Map<_, _> = names.collect();
    let body = std::str::from_utf8(&received.body).expect("UTF-8");
    json!({ "secret": secret, "headers": headers, "body": body })
}
