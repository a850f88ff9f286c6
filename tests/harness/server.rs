//! Runs `morag serve` in a temporary folder, on a free port.

use reqwest::{Client, RequestBuilder, Response, StatusCode, multipart};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// API key of every test server.
pub const API_KEY: &str = "test-key";

/// Signing secret of every test server.
pub const SECRET: &str = "test-secret";

/// Timeout of every wait in tests. Generous, because debug builds on a busy machine are slow; no test asserts speed by it.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Path of a build output: from a variable set by `cargo xtask test`, or its default below `target/`.
fn built(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(default), PathBuf::from)
}

/// The binary under test.
pub fn binary() -> PathBuf {
    let path = built("MORAG_TEST_BINARY", "debug/morag");
    assert!(path.exists(), "{} is missing: `cargo build -p morag-server` builds it", path.display());
    path
}

/// Folder of the standard components.
pub fn plugins_dir() -> PathBuf {
    let path = built("MORAG_TEST_PLUGINS_DIR", "plugins");
    assert!(path.join("ingestion.wasm").exists(), "{} has no plugins: `cargo xtask plugins`", path.display());
    path
}

/// Python interpreter of the test clients.
pub fn python() -> PathBuf {
    let path = built("MORAG_TEST_PYTHON", "venv/bin/python");
    assert!(path.exists(), "{} is missing: `cargo xtask test` makes it", path.display());
    path
}

/// Folder of the models that read pictures.
pub fn models_dir() -> PathBuf {
    let path = built("MORAG_TEST_MODELS_DIR", "test-models");
    assert!(
        path.join("pp-ocrv6-small").exists(),
        "{} has no model: `morag models add`, with it as MORAG_MODELS_DIR",
        path.display()
    );
    path
}

/// `morag serve` with the tests' defaults: loopback webhooks allowed, fast retries, signed, a free port. Inherits no environment
/// variables.
pub fn serve(data_dir: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(binary());
    command
        .arg("serve")
        .env_clear()
        .env("API_HOST", "127.0.0.1")
        .env("API_PORT", "0")
        .env("MORAG_API_KEYS", API_KEY)
        .env("MORAG_DATA_DIR", data_dir)
        .env("MORAG_PLUGINS_DIR", plugins_dir())
        // Shared by all tests: compiling the components again for each server would take most of the time.
        .env("MORAG_COMPILE_CACHE_DIR", built("MORAG_TEST_COMPILE_CACHE_DIR", "test-compiled"))
        // Tests must not depend on the machine's free disk space; those about it set the limit.
        .env("MORAG_DISK_FREE_MIN", "0")
        .env("WEBHOOK_SECRET", SECRET)
        .env("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/8")
        .env("WEBHOOK_RETRY_DELAY", "0.05")
        .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into()));
    command
}

/// Maximum open files of the server, if lower than that of the tests. Not a setting of the server.
const DESCRIPTORS: &str = "MORAG_TEST_DESCRIPTORS";

/// A command with a limit of open files.
fn limited(command: &std::process::Command, descriptors: &str) -> std::process::Command {
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", "ulimit -n \"$0\"; exec \"$@\"", descriptors])
        .arg(command.get_program())
        .args(command.get_args());
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// A running server. Killed when dropped.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// A client without API key.
    pub client: Client,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Server {
    /// Starts a server with the tests' defaults ([`serve`]).
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with additional environment variables, which override the defaults.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::spawn(folder, settings).await
    }

    /// Starts a server on a prepared data folder, with additional environment variables.
    pub async fn start_on(prepare: impl FnOnce(&Path), settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        prepare(&folder.path().join("data"));
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::spawn(folder, settings).await
    }

    /// Starts a server with a maximum number of open files and sockets.
    pub async fn start_limited(descriptors: u64, settings: &[(&str, &str)]) -> Self {
        let limit = (DESCRIPTORS.to_owned(), descriptors.to_string());
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self::spawn(tempfile::tempdir().expect("a temporary folder"), settings.chain([limit]).collect()).await
    }

    /// Starts a server with a `morag.toml` and additional environment variables.
    pub async fn start_with_file(toml: &str, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("morag.toml"), toml).expect("a configuration file");
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::spawn(folder, settings).await
    }

    async fn spawn(folder: TempDir, settings: Vec<(String, String)>) -> Self {
        let serve = serve(&folder.path().join("data"));
        let mut command = Command::from(match settings.iter().find(|(name, _)| name == DESCRIPTORS) {
            Some((_, descriptors)) => limited(&serve, descriptors),
            None => serve,
        });
        command
            .envs(settings.iter().cloned())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        let url = loop {
            let line =
                tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("the server says where it listens");
            let line = line.expect("readable output").expect("the server ended before it listened: see its log above");
            if let Some(url) = line.strip_prefix("morag listens on ") {
                break url.trim().to_owned();
            }
        };
        Self { child, url, client: client(), folder, settings }
    }

    /// Kills the process (SIGKILL) and starts another one on the same data.
    pub async fn kill_and_restart(mut self) -> Self {
        self.child.kill().await.expect("the server can be killed");
        Self::spawn(self.folder, self.settings).await
    }

    /// Sends SIGTERM, waits for a successful exit, and starts another process on the same data.
    pub async fn terminate_and_restart(mut self) -> Self {
        let status = self.terminate().await;
        assert!(status.success(), "{status}");
        Self::spawn(self.folder, self.settings).await
    }

    /// Sends SIGTERM and returns the exit status.
    pub async fn terminate(&mut self) -> std::process::ExitStatus {
        let pid = self.child.id().expect("the server runs").to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
        assert!(sent.success());
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("the server stops").expect("its status")
    }

    /// Whether the process is running.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("its status").is_none()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A request with the API key.
    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(API_KEY)
    }

    /// GET of a path that must return 200 with JSON.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.request(reqwest::Method::GET, path).send().await.expect("an answer");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert_eq!(status, StatusCode::OK, "GET {path}: {text}");
        serde_json::from_str(&text).expect("a JSON body")
    }

    /// Submits a document to `ingest/file` with additional fields.
    pub async fn ingest(&self, file_name: &str, bytes: Vec<u8>, fields: &[(&str, &str)]) -> Response {
        let part = multipart::Part::bytes(bytes).file_name(file_name.to_owned());
        let mut form = multipart::Form::new().part("file", part);
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let request = self.request(reqwest::Method::POST, "/api/v1/ingest/file").multipart(form);
        request.send().await.expect("an answer")
    }

    /// Submits a document that must be accepted, and returns the task's id.
    pub async fn submit(&self, file_name: &str, bytes: Vec<u8>, fields: &[(&str, &str)]) -> String {
        let response = self.ingest(file_name, bytes, fields).await;
        let status = response.status();
        let body: Value = response.json().await.expect("a JSON body");
        assert_eq!(status, StatusCode::OK, "{body}");
        body["task_id"].as_str().expect("a task_id").to_owned()
    }

    /// Waits until a task has ended, and returns its status.
    pub async fn wait_for_end(&self, task: &str) -> Value {
        let started = Instant::now();
        loop {
            let status = self.get(&format!("/api/v1/status/{task}")).await;
            if matches!(status["status"].as_str(), Some("completed" | "failed" | "cancelled")) {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the task has not ended: {status}");
            // Polling is what a client of this API does; nothing depends on the interval.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// An HTTP client without redirects, with a long timeout.
pub fn client() -> Client {
    // An error means that another test has installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE);
    builder.build().expect("a client")
}
