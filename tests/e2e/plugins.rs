//! Step components of a running server: their sources, refusals, and changes at run time.

use crate::cancel::large_markdown;
use morag_tests::minisign::Signer;
use morag_tests::receiver::Receiver;
use morag_tests::registry::{PASSWORD, Registry, USER};
use morag_tests::sandbox::guest;
use morag_tests::server::{PATIENCE, Server, binary, plugins_dir};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A key in the result of chunking, and the same in another version of it.
const KEY: &str = "average_chunk_size";
const KEY_OF_ANOTHER: &str = "average_chunk_SIZE";

/// A plugins folder for one test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for entry in std::fs::read_dir(plugins_dir()).expect("the six components") {
            let path = entry.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "wasm") {
                std::fs::copy(&path, folder.path().join(path.file_name().expect("its name"))).expect("a copy");
            }
        }
        Self(folder)
    }

    pub fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file as a program should: whole, by a rename.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let partial = self.0.path().join("partial");
        std::fs::write(&partial, bytes).expect("a file");
        std::fs::rename(&partial, self.file(name)).expect("its name");
    }
}

pub fn component(name: &str) -> Vec<u8> {
    std::fs::read(plugins_dir().join(name)).expect("a component")
}

/// Chunking in another version: the size of its chunks has another key.
fn another_chunking() -> Vec<u8> {
    let mut wasm = component("chunking.wasm");
    let found = wasm.windows(KEY.len()).position(|bytes| bytes == KEY.as_bytes()).expect("the key is in the component");
    wasm[found..found + KEY.len()].copy_from_slice(KEY_OF_ANOTHER.as_bytes());
    wasm
}

/// The key of the size in the result of a task's chunking.
async fn key_of(server: &Server, task: &str) -> String {
    let history = server.get(&format!("/api/v1/status/{task}/history?order=asc")).await;
    let text = history.to_string();
    let told: Vec<_> = [KEY, KEY_OF_ANOTHER].into_iter().filter(|key| text.contains(&format!("\"{key}\""))).collect();
    assert_eq!(told.len(), 1, "{text}");
    told[0].to_owned()
}

pub async fn plugin(server: &Server, name: &str) -> Value {
    let list = server.get("/api/v1/plugins").await;
    let found = list["plugins"].as_array().expect("a list").iter().find(|plugin| plugin["name"] == name);
    found.cloned().unwrap_or(Value::Null)
}

pub async fn reload(server: &Server) -> Value {
    let response = server.request(Method::POST, "/api/v1/plugins/reload").send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    response.json().await.expect("a JSON body")
}

/// Polls a plugin until it is as wanted.
async fn wait_for(server: &Server, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let seen = plugin(server, name).await;
        if wanted(&seen) {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "{seen}");
        // Polling is what a client of this API does; nothing depends on the pause.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn run(server: &Server) -> String {
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    assert_eq!(server.wait_for_end(&task).await["status"], "completed");
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_component_is_for_new_tasks_and_a_running_one_ends_on_the_old() {
    let folder = Folder::new();
    let settings = [
        ("MORAG_PLUGINS_DIR", &*folder.path()),
        ("MORAG_PLUGINS_RELOAD_SECONDS", "0"),
        ("MORAG_WORKER_CONCURRENCY", "2"),
    ];
    let server = Server::start_with(&settings).await;
    let before = plugin(&server, "chunking").await;
    // Compiled beforehand, so that the reload below ends long before a large document reaches chunking.
    for version in [another_chunking(), component("chunking.wasm")] {
        folder.put("chunking.wasm", &version);
        assert_eq!(reload(&server).await["loaded"], json!(["chunking"]));
    }
    let receiver = Receiver::start().await;
    let running = server.submit("large.md", large_markdown(), &[("webhook_url", &receiver.url)]).await;
    receiver.wait_until(|received| received.iter().any(|one| one.event_type() == "step_started")).await;
    let has_chunked = |history: &Value| history.to_string().contains("chunks_created");
    folder.put("chunking.wasm", &another_chunking());
    assert_eq!(reload(&server).await, json!({"loaded": ["chunking"], "removed": [], "refused": []}));
    let history = server.get(&format!("/api/v1/status/{running}/history")).await;
    assert!(!has_chunked(&history), "the document is too small for this test: chunking ran before the reload");
    let after = plugin(&server, "chunking").await;
    assert_ne!(before["digest"], after["digest"]);
    let new = run(&server).await;
    assert_eq!(key_of(&server, &new).await, KEY_OF_ANOTHER);
    assert_eq!(server.wait_for_end(&running).await["status"], "completed");
    assert_eq!(key_of(&server, &running).await, KEY, "it was begun before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_component_is_refused_and_the_old_one_stays() {
    let folder = Folder::new();
    let settings = [("MORAG_PLUGINS_DIR", &*folder.path()), ("MORAG_PLUGINS_RELOAD_SECONDS", "0.2")];
    let server = Server::start_with(&settings).await;
    let before = plugin(&server, "chunking").await;
    let whole = component("chunking.wasm");
    folder.put("chunking.wasm", &whole[..whole.len() / 2]);
    let refused = wait_for(&server, "chunking", |plugin| !plugin["refused"].is_null()).await;
    assert_eq!((&refused["digest"], &refused["state"]), (&before["digest"], &json!("loaded")));
    let reason = refused["refused"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("damaged, or cut off"), "{reason}");
    assert_eq!(server.get("/health/ready").await["refused_plugins"], json!(["chunking"]));
    assert_eq!(key_of(&server, &run(&server).await).await, KEY);
    // Fixed: the change is detected and accepted.
    folder.put("chunking.wasm", &another_chunking());
    let mended = wait_for(&server, "chunking", |plugin| plugin["refused"].is_null()).await;
    assert_ne!(mended["digest"], before["digest"]);
    assert_eq!(key_of(&server, &run(&server).await).await, KEY_OF_ANOTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn components_come_and_go_but_none_that_a_pipeline_needs() {
    let folder = Folder::new();
    let settings = [("MORAG_PLUGINS_DIR", &*folder.path()), ("MORAG_PLUGINS_RELOAD_SECONDS", "0")];
    let server = Server::start_with(&settings).await;
    folder.put("noop.wasm", &std::fs::read(guest("noop")).expect("a guest"));
    assert_eq!(reload(&server).await["loaded"], json!(["noop"]));
    let noop = plugin(&server, "noop").await;
    assert_eq!((&noop["pipelines"], &noop["capabilities"]["granted"]), (&json!([]), &json!([])));
    std::fs::remove_file(folder.file("noop.wasm")).expect("it can be removed");
    std::fs::remove_file(folder.file("chunking.wasm")).expect("it can be removed");
    let answer = reload(&server).await;
    assert_eq!((&answer["loaded"], &answer["removed"]), (&json!([]), &json!(["noop"])));
    let reason = answer["refused"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("its file is gone, but") && reason.contains("step chunking"), "{reason}");
    assert_eq!(plugin(&server, "noop").await, Value::Null);
    assert_eq!(key_of(&server, &run(&server).await).await, KEY, "the removed component is still loaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_may_get_another_file_whatever_was_refused_meanwhile() {
    let folder = Folder::new();
    let settings = [("MORAG_PLUGINS_DIR", &*folder.path()), ("MORAG_PLUGINS_RELOAD_SECONDS", "0")];
    let server = Server::start_with(&settings).await;
    // Refused for good, without affecting the others.
    folder.put("broken.wasm", b"no component");
    let copy = component("chunking.wasm");
    folder.put("chunking-2.wasm", &copy[..copy.len() / 2]);
    std::fs::remove_file(folder.file("chunking.wasm")).expect("it can be removed");
    let answer = reload(&server).await;
    assert_eq!(answer["refused"].as_array().map(Vec::len), Some(3), "{answer}");
    // Its file was removed while no other existed: it is unloaded now.
    folder.put("chunking-2.wasm", &another_chunking());
    let answer = reload(&server).await;
    assert_eq!((&answer["loaded"], &answer["removed"]), (&json!(["chunking-2"]), &json!(["chunking"])), "{answer}");
    assert_eq!(answer["refused"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(key_of(&server, &run(&server).await).await, KEY_OF_ANOTHER);
    // A second component with the same name is refused until the first is removed.
    folder.put("chunking.wasm", &copy);
    assert_eq!(reload(&server).await["loaded"], json!([]));
    std::fs::remove_file(folder.file("chunking-2.wasm")).expect("it can be removed");
    assert_eq!(reload(&server).await["loaded"], json!(["chunking"]));
    assert_eq!(key_of(&server, &run(&server).await).await, KEY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_blocks_nothing_and_a_tables_file_may_be_in_the_folder() {
    let folder = Folder::new();
    std::fs::rename(folder.file("chunking.wasm"), folder.file("chunking-1.2.wasm")).expect("another name");
    let made = std::process::Command::new("mkfifo").arg(folder.file("pipe.wasm")).status();
    assert!(made.expect("mkfifo runs").success());
    let source = folder.file("chunking-1.2.wasm");
    let toml = format!("[[plugins]]\nname = \"chunking\"\nsource = \"{}\"\n", source.display());
    let settings = [("MORAG_PLUGINS_DIR", &*folder.path()), ("MORAG_PLUGINS_RELOAD_SECONDS", "0")];
    let server = Server::start_with_file(&toml, &settings).await;
    assert_eq!(plugin(&server, "chunking").await["source"], json!(source.display().to_string()));
    assert_eq!(reload(&server).await, json!({"loaded": [], "removed": [], "refused": []}));
    assert_eq!(key_of(&server, &run(&server).await).await, KEY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reloads() {
    let folder = Folder::new();
    let settings = [("MORAG_PLUGINS_DIR", &*folder.path()), ("MORAG_PLUGINS_RELOAD_SECONDS", "0")];
    let mut server = Server::start_with(&settings).await;
    let before = plugin(&server, "chunking").await;
    folder.put("chunking.wasm", &another_chunking());
    let sent = std::process::Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    wait_for(&server, "chunking", |plugin| plugin["digest"] != before["digest"]).await;
    assert!(server.is_alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_component_is_replaced_only_by_a_signed_one() {
    let (folder, signer) = (Folder::new(), Signer::new());
    signer.sign(&folder.file("chunking.wasm"));
    let toml = format!("[[plugins]]\nname = \"chunking\"\npublic_key = \"{}\"\n", signer.public_key);
    let settings = [("MORAG_PLUGINS_DIR", &*folder.path()), ("MORAG_PLUGINS_RELOAD_SECONDS", "0")];
    let server = Server::start_with_file(&toml, &settings).await;
    let before = plugin(&server, "chunking").await;
    assert_eq!(before["signed_by"].as_str().map(str::len), Some(16), "{before}");
    folder.put("chunking.wasm", &another_chunking());
    let answer = reload(&server).await;
    assert!(answer["refused"][0]["reason"].to_string().contains("is not the signature of the key"), "{answer}");
    assert_eq!(plugin(&server, "chunking").await["digest"], before["digest"]);
    signer.sign(&folder.file("chunking.wasm"));
    assert_eq!(reload(&server).await["loaded"], json!(["chunking"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_a_registry_runs_and_is_kept() {
    let registry = Registry::start_with_password().await;
    let reference = registry.push("acme/chunking", &another_chunking()).await;
    let toml = format!(
        "[[plugins]]\nname = \"chunking\"\nsource = \"{reference}\"\nlimits = {{ memory = \"128MiB\" }}\n\
         [[plugin_registries]]\nhost = \"{}\"\nusername = \"{USER}\"\npassword_env = \"REGISTRY_PASSWORD\"\n",
        registry.address()
    );
    let cache = tempfile::tempdir().expect("a temporary folder");
    let path = cache.path().join("compiled").display().to_string();
    let settings = [("REGISTRY_PASSWORD", PASSWORD), ("MORAG_COMPILE_CACHE_DIR", &path)];
    let server = Server::start_with_file(&toml, &settings).await;
    let shown = plugin(&server, "chunking").await;
    assert_eq!((&shown["source"], &shown["limits"]["memory_bytes"]), (&json!(reference), &json!(128 << 20)));
    assert_eq!(key_of(&server, &run(&server).await).await, KEY_OF_ANOTHER);
    drop(registry);
    let server = server.terminate_and_restart().await;
    assert_eq!(plugin(&server, "chunking").await["digest"], shown["digest"], "without the registry");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_steps_refuse_settings_that_they_do_not_have() {
    let list = Server::start().await.get("/api/v1/plugins").await;
    let plugins = list["plugins"].as_array().expect("a list");
    assert_eq!(plugins.len(), 10, "{list}");
    for plugin in plugins {
        assert_eq!(plugin["config_schema"]["additionalProperties"], false, "{plugin}");
    }
}

/// The error of a `morag serve` that does not start with this `morag.toml`.
async fn refusal(toml: &str, plugins: &Path) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("morag.toml"), toml).expect("a configuration file");
    let mut command = tokio::process::Command::from(morag_tests::server::serve(&folder.path().join("data")));
    command.env("MORAG_PLUGINS_DIR", plugins).current_dir(folder.path()).kill_on_drop(true);
    assert!(binary().exists());
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("the binary runs");
    assert!(!output.status.success(), "{toml}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn unmet_requirements_stop_the_start() {
    let plugins = plugins_dir();
    let chunking = plugins.join("chunking.wasm").display().to_string();
    let signer = Signer::new();
    let zeros = "0".repeat(64);
    for (toml, says) in [
        (format!("name = \"chunking\"\nsha256 = \"{zeros}\""), "which is pinned".to_owned()),
        (format!("name = \"chunking\"\npublic_key = \"{}\"", signer.public_key), "chunking.wasm.minisig".into()),
        (
            "name = \"ingestion\"\ncapabilities = [\"vectors\"]".into(),
            "`capabilities = [\"embeddings\", \"vectors\", \"graph\"]`".into(),
        ),
        (format!("name = \"redact\"\nsource = \"{chunking}\""), "its name is \"chunking\"".into()),
        ("name = \"absent\"".into(), "absent.wasm: it cannot be read".into()),
        (
            format!("name = \"absent\"\nsource = \"oci://127.0.0.1:1/a@sha256:{zeros}\""),
            "the registry did not deliver it".into(),
        ),
        (
            "name = \"chunking\"\nsource = \"oci://127.0.0.1:1/a:latest\"".into(),
            "plugins[0].source: it is not pinned".into(),
        ),
    ] {
        let said = refusal(&format!("[[plugins]]\n{toml}\n"), &plugins).await;
        assert!(said.contains(&says), "{toml}: {said}");
    }
}
