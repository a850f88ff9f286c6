//! An S3 server: moto in a process of its own, with a bucket per test.

use crate::server::{client, python};
use morag_adapters::blobs::S3Settings;
use morag_core::Secret;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Access key id. By default moto accepts every key.
pub const KEY_ID: &str = "AKIAMORAGTESTS000000";
/// Secret of the access key.
pub const KEY_SECRET: &str = "a-secret-of-the-tests-only";

/// Serves on a free port, prints its URL, and ends with its standard input, which closes when the process that holds the pipe
/// ends for any reason.
const SERVE: &str = "
import os, sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print('http://%s:%d' % server.get_host_and_port(), flush=True)
sys.stdin.buffer.read()
os._exit(0)
";

/// A running server. Killed when dropped, and ended with the test process.
pub struct S3Server {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// None where another process has started it and ends it.
    child: Option<Child>,
}

/// The environment variable with the endpoint of the server that all test processes share, see [`crate::shared`].
pub(crate) const SHARED: &str = "MORAG_TEST_SHARED_S3";

impl S3Server {
    /// Starts a server, with additional environment variables.
    pub fn start(environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(python());
        command.args(["-c", SERVE]).envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("Python starts");
        let mut endpoint = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut endpoint).expect("its first line");
        assert!(endpoint.starts_with("http://"), "moto does not start; `cargo xtask test` installs it");
        Self { endpoint: endpoint.trim().to_owned(), child: Some(child) }
    }

    /// Settings for connecting to it.
    pub fn settings(&self) -> S3Settings {
        S3Settings {
            endpoint: Some(self.endpoint.clone()),
            region: Some("us-east-1".into()),
            access_key_id: Some(KEY_ID.into()),
            secret_access_key: Some(Secret::new(KEY_SECRET)),
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A bucket of its own on the server that all tests share.
pub struct Bucket {
    name: String,
    server: &'static S3Server,
}

impl Bucket {
    /// Creates an empty bucket.
    pub async fn new() -> Self {
        static SERVER: OnceLock<S3Server> = OnceLock::new();
        let server = SERVER.get_or_init(|| match std::env::var(SHARED) {
            Ok(endpoint) => S3Server { endpoint, child: None },
            Err(_) => S3Server::start(&[]),
        });
        let bucket = Self { name: format!("test-{}", uuid::Uuid::new_v4()), server };
        let made = client().put(bucket.address()).send().await.expect("an answer");
        assert!(made.status().is_success(), "{}", made.status());
        bucket
    }

    /// `s3://…`.
    pub fn url(&self) -> String {
        format!("s3://{}", self.name)
    }

    /// Settings for connecting to it.
    pub fn settings(&self) -> S3Settings {
        self.server.settings()
    }

    /// Writes an object directly, bypassing the storage under test.
    pub async fn put(&self, key: &str) {
        let made = client().put(format!("{}/{key}", self.address())).body("x").send().await.expect("an answer");
        assert!(made.status().is_success(), "{}", made.status());
    }

    /// Keys of all objects, in order.
    pub async fn keys(&self) -> Vec<String> {
        elements(&self.get("list-type=2").await, "Key")
    }

    /// Keys of uploads that are neither complete nor aborted.
    pub async fn uploads(&self) -> Vec<String> {
        elements(&self.get("uploads").await, "Key")
    }

    fn address(&self) -> String {
        format!("{}/{}", self.server.endpoint, self.name)
    }

    async fn get(&self, query: &str) -> String {
        let answer = client().get(format!("{}?{query}", self.address())).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
        answer.text().await.expect("a body")
    }
}

fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).map(str::to_owned).collect()
}
