//! The OpenAPI document against the running server: a fuzzer, clients that are made of it, and the page in a browser.

use morag_tests::clients::{openapi_folder, script};
use morag_tests::program::run;
use morag_tests::receiver::Receiver;
use morag_tests::server::{API_KEY, Server, python};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A server, with its document and a file to submit in a folder.
struct Subject {
    server: Server,
    receiver: Receiver,
    folder: TempDir,
}

impl Subject {
    async fn start() -> Self {
        let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let document = server.get("/openapi.json").await.to_string();
        std::fs::write(folder.path().join("openapi.json"), document).expect("a writable folder");
        std::fs::write(folder.path().join("notes.md"), morag_fixtures::markdown()).expect("a writable folder");
        Self { server, receiver, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a client of the main job, and checks what it printed.
    async fn main_job(&self, mut command: Command, name: &str) {
        command.args([&self.server.url, API_KEY]).arg(self.path("notes.md")).arg(&self.receiver.url);
        let printed = run(command).await;
        let said: Value = serde_json::from_str(printed.trim()).expect("a line of JSON");
        assert!(said["markdown"].as_str().is_some_and(|text| text.contains('#')), "{said}");
        assert!(said["files"].as_array().is_some_and(|files| files.contains(&"markdown.md".into())), "{said}");
        let wrong = said["wrong"].as_str().expect("a text");
        assert!(wrong.starts_with("validation_error: limit"), "{wrong}");
        let status = self.server.get(&format!("/api/v1/status/{}", said["task_id"].as_str().expect("an id"))).await;
        assert_eq!(status["document_id"], format!("{name}-1"));
        self.receiver.wait_for_end().await;
    }
}

fn file(name: &str) -> PathBuf {
    script("openapi").join(name)
}

/// A program of `PATH`.
fn in_path(program: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").expect("a PATH");
    let found = std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program} is missing: `cargo xtask clients` installs it"))
}

fn copy(name: &str, folder: &Path) {
    std::fs::copy(file(name), folder.join(name)).expect("a writable folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_client_is_made_of_the_document() {
    let subject = Subject::start().await;
    let folder = subject.folder.path();
    let modules = openapi_folder().join("node_modules");
    std::os::unix::fs::symlink(&modules, folder.join("node_modules")).expect("a writable folder");
    for name in ["package.json", "tsconfig.json", "main_job.ts"] {
        copy(name, folder);
    }
    let node = |program: &str| {
        let mut command = Command::new("node");
        command.arg(modules.join(program)).current_dir(folder);
        command
    };
    let mut generate = node("openapi-typescript/bin/cli.js");
    generate.args(["openapi.json", "--output", "schema.d.ts", "--default-non-nullable", "false"]);
    run(generate).await;
    run(node("typescript/bin/tsc")).await;
    let mut job = Command::new("node");
    job.arg("build/main_job.js").current_dir(folder);
    subject.main_job(job, "typescript").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_is_made_of_the_document() {
    let subject = Subject::start().await;
    let client = subject.path("client");
    let mut generate = Command::new(python().with_file_name("openapi-python-client"));
    generate.args(["generate", "--fail-on-warning", "--meta", "none"]);
    generate.arg("--path").arg(subject.path("openapi.json"));
    generate.arg("--output-path").arg(client.join("morag_client"));
    generate.arg("--config").arg(file("generator.yaml"));
    std::fs::create_dir(&client).expect("a writable folder");
    run(generate).await;
    let mut compile = Command::new(python());
    compile.args(["-W", "error", "-m", "compileall", "-q"]).arg(&client);
    run(compile).await;
    let mut job = Command::new(python());
    job.arg(file("main_job.py")).env("PYTHONPATH", &client);
    subject.main_job(job, "python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_submits_a_file_at_the_first_try() {
    let subject = Subject::start().await;
    let mut browser = Command::new("node");
    browser.arg(file("docs_page.mjs")).arg(in_path("chromium")).arg(openapi_folder());
    browser.args([&subject.server.url, API_KEY]).arg(subject.path("notes.md"));
    let printed = run(browser).await;
    let said: Value = serde_json::from_str(printed.trim()).expect("a line of JSON");
    assert_eq!(said["problems"], json!([]), "{said}");
    // Chosen was the file, and nothing else.
    assert_eq!(said["submitted"]["status"], 200, "{said}");
    assert_eq!(said["submitted"]["fields"], json!(["file"]), "{said}");
    assert_eq!(said["listed"]["status"], 200, "{said}");
    assert_eq!(said["listed"]["query"], "", "{said}");
    assert_eq!(said["created"]["status"], 201, "the body is the example: {said}");
    let answer: Value = serde_json::from_str(said["submitted"]["body"].as_str().expect("text")).expect("JSON");
    let status = subject.server.wait_for_end(answer["task_id"].as_str().expect("an id")).await;
    assert_eq!(status["status"], "completed", "{status}");
}

/// Whatever is asked of it, the answer is a short document: for sources to fetch, and for webhooks.
async fn document_server() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/notes.md", listener.local_addr().expect("an address"));
    let answer = async || ([("content-type", "text/markdown")], "# Notes\n\nA short text.\n");
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Parameters of paths of things that exist: an endpoint, and a task with its file.
async fn existing(server: &Server, endpoint: &str, url: &str) -> Value {
    let settings = json!({ "id": endpoint, "url": url });
    let created = server.request(Method::POST, "/api/v1/webhooks/endpoints").json(&settings).send().await;
    assert_eq!(created.expect("an answer").status(), 201);
    let task = server.submit("notes.md", morag_fixtures::one_page_markdown(1), &[]).await;
    server.wait_for_end(&task).await;
    let deliveries = server.get(&format!("/api/v1/tasks/{task}/deliveries")).await;
    let delivery = deliveries["deliveries"][0]["delivery_id"].clone();
    json!({ "task_id": task, "endpoint_id": endpoint, "filename": "markdown.md", "delivery_id": delivery })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fuzzer_finds_no_difference_between_the_document_and_the_server() {
    let server = Server::start_with(&[("MORAG_FETCH_ALLOW_NETWORKS", "127.0.0.0/8")]).await;
    let url = document_server().await;
    let (kept, spare) = tokio::join!(existing(&server, "kept", &url), existing(&server, "spare", &url));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut fuzzer = Command::new(python().with_file_name("schemathesis"));
    fuzzer.arg("--config-file").arg(file("schemathesis.toml"));
    fuzzer.args(["run", "--max-examples", "5", "--phases", "examples,coverage,fuzzing"]);
    fuzzer.arg("--header").arg(format!("Authorization: Bearer {API_KEY}"));
    fuzzer.arg(format!("{}/openapi.json", server.url)).current_dir(folder.path());
    fuzzer.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", script("openapi"));
    fuzzer.env("MORAG_KNOWN", json!({ "base_url": url, "kept": kept, "spare": spare }).to_string());
    let printed = run(fuzzer).await;
    // It must have sent something to every operation, and compared the answers.
    assert!(printed.contains("Tested: 40"), "{printed}");
}
