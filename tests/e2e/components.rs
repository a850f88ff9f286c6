//! Bad components: the server must start and continue to run.

use crate::plugins::{Folder, component, plugin, reload, run};
use morag_tests::bombs::{empty_functions, slow_functions};
use morag_tests::child::until;
use morag_tests::guests;
use morag_tests::server::{PATIENCE, Server, client};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Processor time for compiling in these tests: far less than the bombs need.
const CPU_SECONDS: &str = "4";

/// A component that passes every count but takes minutes to compile.
fn slow() -> Vec<u8> {
    slow_functions(8, 10_000, 20_000)
}

/// A plugins folder whose components are in the tests' cache: compiling them takes more than the limits below.
async fn compiled() -> Folder {
    let folder = Folder::new();
    drop(start(&folder, &[]).await);
    folder
}

/// A server on a plugins folder that checks for changes only on request.
async fn start(folder: &Folder, more: &[(&str, &str)]) -> Server {
    let path = folder.path();
    let settings = [("MORAG_PLUGINS_DIR", path.as_str()), ("MORAG_PLUGINS_RELOAD_SECONDS", "0")];
    Server::start_with(&[&settings[..], more].concat()).await
}

async fn ready(server: &Server) -> (StatusCode, Value) {
    let response = client().get(format!("{}/health/ready", server.url)).send().await.expect("an answer");
    (response.status(), response.json().await.expect("a JSON body"))
}

/// Reason of a refused component.
async fn reason(server: &Server, name: &str) -> String {
    let list = server.get("/api/v1/plugins").await;
    let found = list["refused"].as_array().expect("a list").iter().find(|refused| refused["name"] == name);
    found.unwrap_or_else(|| panic!("{name} is not refused: {list}"))["reason"].as_str().expect("a reason").to_owned()
}

/// A compiling process of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Compiling {
    proc: PathBuf,
    /// Start time: another process may get the same id.
    started: String,
}

impl Compiling {
    /// The running ones of a server.
    fn all(server: u32) -> Vec<Self> {
        let processes = std::fs::read_dir("/proc").expect("processes").filter_map(|entry| Some(entry.ok()?.path()));
        processes
            .filter_map(|proc| Self::of(proc).filter(|(_, parent)| *parent == server).map(|(one, _)| one))
            .collect()
    }

    /// The process, with its parent's id.
    fn of(proc: PathBuf) -> Option<(Self, u32)> {
        let command = std::fs::read(proc.join("cmdline")).ok()?;
        let is_one = command.split(|byte| *byte == 0).nth(1) == Some(b"compile-component");
        let stat = std::fs::read_to_string(proc.join("stat")).ok()?;
        let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let (parent, started) = (fields.get(1)?.parse().ok()?, (*fields.get(19)?).to_owned());
        is_one.then_some((Self { proc, started }, parent))
    }

    /// Waits for one to start.
    fn wait_for(server: u32) -> Self {
        until(PATIENCE, || Self::all(server).into_iter().next()).expect("a compiling process")
    }

    fn is_there(&self) -> bool {
        Self::of(self.proc.clone()).is_some_and(|(one, _)| one == *self)
    }
}

/// Peak memory of a process, bytes.
fn peak_memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.split_whitespace().next().expect("a number").parse::<u64>().expect("a number") << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_components_of_the_folder_stop_no_start_and_are_remembered() {
    let folder = compiled().await;
    let chunking = component("chunking.wasm");
    folder.put("text.wasm", b"no component");
    folder.put("cut.wasm", &chunking[..chunking.len() / 2]);
    folder.put("copy.wasm", &chunking);
    folder.put("many.wasm", &empty_functions(400_000));
    folder.put("slow.wasm", &slow());
    folder.put("traps.wasm", guests::component("describe_traps"));
    folder.put("imports.wasm", guests::component("unknown_import"));
    let large = std::fs::File::create(folder.file("large.wasm")).expect("a file");
    large.set_len(1 << 30).expect("a hole");
    let mut server = start(&folder, &[("MORAG_COMPILE_CPU_SECONDS", CPU_SECONDS)]).await;
    let bad = ["copy", "cut", "imports", "large", "many", "slow", "text", "traps"];
    for is_first in [true, false] {
        let (code, body) = ready(&server).await;
        assert_eq!((code, &body["status"]), (StatusCode::OK, &json!("ready")), "{body}");
        assert_eq!(body["refused_plugins"], json!(bad));
        for (name, says) in [
            ("text", "not a WebAssembly component"),
            ("cut", "damaged, or cut off"),
            ("copy", "another component of the name chunking is loaded already"),
            ("many", "it has 400000 functions; a component has at most 100000"),
            ("slow", "MORAG_COMPILE_"),
            ("traps", "failed to describe itself"),
            ("imports", "which this host does not have"),
            ("large", "the largest component taken"),
        ] {
            let said = reason(&server, name).await;
            assert!(said.contains(says), "{name}: {said}");
            assert_eq!(said.contains("known since"), name == "slow" && !is_first, "{name}: {said}");
        }
        run(&server).await;
        if is_first {
            server = server.kill_and_restart().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_standard_step_the_rest_runs_until_it_is_there() {
    let folder = Folder::new();
    let chunking = component("chunking.wasm");
    folder.put("chunking.wasm", &chunking[..chunking.len() / 2]);
    let mut server = start(&folder, &[]).await;
    for _ in 0..2 {
        let (code, body) = ready(&server).await;
        assert_eq!((code, &body["status"]), (StatusCode::OK, &json!("degraded")), "{body}");
        assert_eq!(body["unusable_pipelines"], json!(["ingest", "process"]));
        server = server.kill_and_restart().await;
    }
    let shown = server.get("/api/v1/plugins").await;
    let said = shown["unusable_pipelines"][0]["reason"].as_str().expect("a reason");
    assert!(said.contains("step chunking: no component chunking is loaded"), "{said}");
    let converted = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[("pipeline", "convert")]).await;
    assert_eq!(server.wait_for_end(&converted).await["status"], "completed");
    let ingested = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    let failed = server.wait_for_end(&ingested).await;
    assert_eq!(
        (&failed["status"], &failed["error_details"]["error_code"]),
        (&json!("failed"), &json!("PLUGIN_UNKNOWN"))
    );
    folder.put("chunking.wasm", &chunking);
    assert_eq!(reload(&server).await, json!({"loaded": ["chunking"], "removed": [], "refused": []}));
    let (code, body) = ready(&server).await;
    assert_eq!((code, &body["status"]), (StatusCode::OK, &json!("ready")), "{body}");
    let again = server.request(Method::POST, &format!("/api/v1/tasks/{ingested}/retry")).send().await;
    assert_eq!(again.expect("an answer").status(), StatusCode::OK);
    assert_eq!(server.wait_for_end(&ingested).await["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_any_component_starts_and_is_not_ready() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().display().to_string();
    let server = Server::start_with(&[("MORAG_PLUGINS_DIR", &path)]).await;
    let (code, body) = ready(&server).await;
    assert_eq!((code, &body["dependencies"]["plugins"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("down")), "{body}");
    assert_eq!(server.get("/health").await["status"], "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_component_is_compiled_and_ended_beside_the_server() {
    let folder = compiled().await;
    let server = start(&folder, &[("MORAG_COMPILE_CPU_SECONDS", CPU_SECONDS)]).await;
    folder.put("chunking.wasm", &slow());
    let before = peak_memory(server.id());
    let process = server.id();
    let (refused, answers) = tokio::join!(reload(&server), async {
        let compiling = tokio::task::spawn_blocking(move || Compiling::wait_for(process)).await.expect("it ends");
        let mut answers = 0;
        while compiling.is_there() {
            assert_eq!(server.get("/health").await["status"], "healthy");
            answers += 1;
        }
        answers
    });
    assert!(answers > 0, "health was answered during compilation");
    let grown = peak_memory(process).saturating_sub(before);
    assert!(grown < 64 << 20, "the server used {} MiB more", grown >> 20);
    let reason = refused["refused"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("more than 4 s of processor time"), "{reason}");
    // The old one still runs.
    assert_eq!(plugin(&server, "chunking").await["state"], "loaded");
    run(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compiling_process_is_isolated_and_ends_with_the_server() {
    let folder = Folder::new();
    let server = start(&folder, &[]).await;
    folder.put("slow.wasm", &slow());
    let asked = server.request(Method::POST, "/api/v1/plugins/reload").timeout(Duration::from_secs(3600)).send();
    let asked = tokio::spawn(asked);
    let process = server.id();
    let compiling = tokio::task::spawn_blocking(move || Compiling::wait_for(process)).await.expect("it ends");
    let read = |name: &str| std::fs::read(compiling.proc.join(name)).expect("it is being compiled");
    // The limits are set when it has begun to read the component.
    let limits = until(PATIENCE, || {
        let limits = String::from_utf8(read("limits")).expect("text");
        limits
            .lines()
            .any(|line| line.starts_with("Max core file size") && line.matches(" 0 ").count() == 2)
            .then_some(limits)
    });
    let limits = limits.expect("its limits are set");
    let limit = |name: &str| limits.lines().find(|line| line.starts_with(name)).expect("a limit").to_owned();
    assert!(limit("Max data size").contains(&(3_u64 << 29).to_string()), "{limits}");
    assert!(limit("Max cpu time").contains("120"), "{limits}");
    let environment = String::from_utf8(read("environ")).expect("text");
    let names: Vec<_> = environment.split('\0').filter_map(|one| Some(one.split_once('=')?.0)).collect();
    assert_eq!(names, ["RAYON_NUM_THREADS"]);
    let stat = String::from_utf8(read("stat")).expect("text");
    assert_eq!(stat.rsplit_once(')').expect("a name").1.split_whitespace().nth(16), Some("10"), "its niceness");
    let files = std::fs::read_dir(compiling.proc.join("fd")).expect("its files");
    let targets: Vec<_> = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()).collect();
    assert!(targets.iter().all(|target| target.to_string_lossy().starts_with("pipe:")), "{targets:?}");
    assert_eq!(targets.len(), 3, "{targets:?}");
    assert!(compiling.is_there());
    // By SIGKILL.
    drop(server);
    let gone = until(PATIENCE, || (!compiling.is_there()).then_some(()));
    assert!(gone.is_some(), "the process outlives its server");
    assert!(asked.await.expect("it ends").is_err(), "the server was killed");
}
