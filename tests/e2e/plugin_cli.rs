//! `morag plugin …` as used by the author of a step: real toolchains, each language built once.
//!
//! The first time, tools for Python and JavaScript come from their registries, into `MORAG_TOOLS_DIR` or the user's cache.

use morag_tests::projects::{ok, run};
use morag_tests::server::{API_KEY, PATIENCE, Server, binary, plugins_dir};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// `morag` in a folder, for commands that do not end by themselves.
fn morag(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for name in ["MORAG_SERVER", "MORAG_API_KEY", "MORAG_PLUGINS_DIR"] {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).kill_on_drop(true).stdin(Stdio::null());
    command
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A new project, built. Its only test passes, and the outputs of `inspect` and `run` match it.
async fn built(language: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = ok(folder.path(), &["plugin", "new", "my_step", "--lang", language]).await;
    assert!(said.contains("morag plugin build"), "the next command is named: {said}");
    let project = folder.path().join("my_step");
    let said = ok(&project, &["plugin", "build"]).await;
    assert!(said.contains("build/my_step.wasm") && said.contains("sha256:"), "{said}");

    let said = ok(&project, &["plugin", "test"]).await;
    assert!(said.contains("my_step: 1 passed, 0 failed"), "{said}");

    let shown = json(&ok(&project, &["plugin", "inspect", "build/my_step.wasm", "--json"]).await);
    assert_eq!(shown["descriptor"]["name"], "my_step");
    assert_eq!(shown["imports"]["capabilities"], Value::Array(vec![]), "nothing is listed, so nothing is imported");
    let size = std::fs::metadata(project.join("build/my_step.wasm")).expect("the component").len();
    assert_eq!(shown["size"], size);
    let text = ok(&project, &["plugin", "inspect", "build/my_step.wasm"]).await;
    assert!(text.starts_with("my_step ") && text.contains(shown["sha256"].as_str().expect("a digest")), "{text}");

    let case = only_case(&project);
    let golden = read_json(&case.join("expected/report.json"));
    let mut arguments = vec!["plugin", "run", "build/my_step.wasm", "--json", "--out", "build/out"];
    let inputs = inputs(&case);
    arguments.extend(inputs.iter().map(String::as_str));
    let ran = json(&ok(&project, &arguments).await);
    for part in ["result", "data", "artifacts"] {
        assert_eq!(ran[part], golden[part], "{part}");
    }
    assert!(ran["resources"]["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{ran}");
    for artifact in golden["artifacts"].as_array().expect("a list") {
        let name = artifact["name"].as_str().expect("a name");
        let [wrote, expected] =
            [project.join("build/out"), case.join("expected/artifacts")].map(|folder| folder.join(name));
        assert_eq!(std::fs::read(wrote).expect("it was written"), std::fs::read(expected).expect("it is expected"));
    }
    folder
}

fn read_json(path: &Path) -> Value {
    json(&std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn only_case(project: &Path) -> std::path::PathBuf {
    let mut cases = std::fs::read_dir(project.join("tests")).expect("tests").map(|entry| entry.expect("a case").path());
    let case = cases.next().expect("a case");
    assert!(cases.next().is_none(), "the template has one case");
    case
}

/// The case as options of `morag plugin run`.
fn inputs(case: &Path) -> Vec<String> {
    let mut made = Vec::new();
    for entry in std::fs::read_dir(case).expect("a case") {
        let path = entry.expect("a file").path();
        match path.file_name().and_then(|name| name.to_str()).expect("a name") {
            "artifacts" => {
                for artifact in std::fs::read_dir(&path).expect("artifacts") {
                    let artifact = artifact.expect("an artifact");
                    made.push("--artifact".to_owned());
                    let (name, path) = (artifact.file_name(), artifact.path());
                    made.push(format!("{}={}", name.to_string_lossy(), path.display()));
                }
            }
            "case.json" => made.extend(["--config".to_owned(), read_json(&path)["config"].to_string()]),
            name if name.starts_with("document.") => made.extend(["--input".to_owned(), path.display().to_string()]),
            _ => {}
        }
    }
    made
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_rust_from_nothing_and_its_tests_fail_when_they_must() {
    let folder = built("rust").await;
    let project = folder.path().join("my_step");
    let golden = only_case(&project).join("expected/report.json");
    let good = std::fs::read_to_string(&golden).expect("a golden file");

    std::fs::write(&golden, good.replace("\"completed\"", "\"failed\"")).expect("a changed golden file");
    let (code, said, _) = run(&project, &["plugin", "test", "--junit", "build/tests.xml"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("-  \"result\": \"failed\"\n") && said.contains("+  \"result\": \"completed\"\n"), "{said}");
    assert!(said.contains("0 passed, 1 failed"), "{said}");
    let xml = std::fs::read_to_string(project.join("build/tests.xml")).expect("a JUnit file");
    assert!(
        xml.contains("tests=\"1\" failures=\"1\"")
            && xml.contains("<failure message=\"not as expected: report.json\">")
    );
    assert_well_formed(&xml);

    std::fs::remove_file(&golden).expect("the golden file goes");
    let (code, said, _) = run(&project, &["plugin", "test"]).await;
    assert_eq!(code, Some(1), "a test without expectations fails: {said}");
    assert!(said.contains("--bless"), "{said}");
    let said = ok(&project, &["plugin", "test", "--bless"]).await;
    assert!(said.contains("blessed"), "{said}");
    assert_eq!(json(&std::fs::read_to_string(&golden).expect("it was written")), json(&good));
    ok(&project, &["plugin", "test"]).await;

    let (code, _, said) = run(&project, &["plugin", "test", "--case", "none"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("there is no case none"), "{said}");
    dev(&project).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_python_from_nothing() {
    built("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_javascript_from_nothing() {
    built("javascript").await;
}

/// A step in JavaScript with requests, and with more files than the host lets a step hold at once.
const FETCHES: &str = r##"
import { defineStep } from "#morag-step";

export default defineStep({
  name: "my_step",
  version: "0.1.0",
  summary: "Reads much and asks another service",
  reads: ["markdown.md"],
  async run(task) {
    for (let round = 0; round < 100; round++) {
      task.artifactText("markdown.md");
      const source = task.source();
      source.bytes();
      source.close();
    }
    try {
      const answer = await fetch("http://127.0.0.1:9/");
      return { answered: answer.status };
    } catch (error) {
      return { refused: error.name };
    }
  },
});
"##;

/// `fetch` is the capability `http`: without a rule of the operator it is refused, and the step gets the error.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_javascript_fetches_and_gives_its_files_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    ok(folder.path(), &["plugin", "new", "my_step", "--lang", "javascript"]).await;
    let project = folder.path().join("my_step");
    std::fs::write(project.join("step.js"), FETCHES).expect("a step");
    let manifest = project.join("plugin.toml");
    let text = std::fs::read_to_string(&manifest).expect("plugin.toml");
    std::fs::write(&manifest, text.replace("capabilities = []", "capabilities = [\"http\"]")).expect("a manifest");
    ok(&project, &["plugin", "build"]).await;

    let shown = json(&ok(&project, &["plugin", "inspect", "build/my_step.wasm", "--json"]).await);
    assert!(shown["imports"]["capabilities"].to_string().contains("wasi:http/outgoing-handler"), "{shown}");
    let document = "tests/first/document.md";
    let artifact = format!("markdown.md={document}");
    let run_it = ["plugin", "run", "build/my_step.wasm", "--json", "--input", document, "--artifact", &artifact];
    let (code, _, said) = run(&project, &run_it).await;
    assert!(code == Some(1) && said.contains("--grant http"), "it is not granted: {said}");
    let granted: Vec<_> = run_it.iter().copied().chain(["--grant", "http"]).collect();
    let ran = json(&ok(&project, &granted).await);
    assert_eq!((&ran["result"], &ran["data"]), (&"completed".into(), &serde_json::json!({"refused": "TypeError"})));
    assert!(ran.to_string().contains("no rule"), "the log names the missing rule: {ran}");
}

/// A running `morag plugin dev`.
struct Dev {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Dev {
    /// Waits for a line that contains a text.
    async fn wait_for(&mut self, text: &str) -> String {
        let found = async {
            loop {
                let line = self.lines.next_line().await.expect("readable output").expect("it runs");
                if line.contains(text) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no line says {text:?}"))
    }
}

/// The project's component is loaded by a running server, and so is a change of its source. Part of the test for Rust, because it continues
/// with that build.
async fn dev(project: &Path) {
    let plugins = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(plugins_dir()).expect("the plugins") {
        let entry = entry.expect("a plugin");
        std::fs::copy(entry.path(), plugins.path().join(entry.file_name())).expect("a copy");
    }
    let plugins_path = plugins.path().to_str().expect("a path");
    let server = Server::start_with(&[("MORAG_PLUGINS_DIR", plugins_path)]).await;
    let arguments = ["plugin", "dev", "--server", &server.url, "--plugins-dir", plugins_path];
    let mut command = morag(project, &arguments);
    let mut child = command.env("MORAG_API_KEY", API_KEY).stdout(Stdio::piped()).spawn().expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
    let mut dev = Dev { _child: child, lines };
    dev.wait_for("loaded by the server").await;
    let first = listed(&server).await;
    dev.wait_for("watching").await;

    // A developer who writes it to another folder is told at once where the server loads it from.
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    let wrong = ["plugin", "dev", "--server", &server.url, "--plugins-dir", elsewhere.path().to_str().expect("a path")];
    let mut command = morag(project, &wrong);
    command.env("MORAG_API_KEY", API_KEY).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("a piped stderr")).lines();
    let told = async {
        while let Some(line) = said.next_line().await.expect("readable output") {
            if line.contains("the server loads my_step from") {
                return line;
            }
        }
        panic!("it ended")
    };
    // Well below the time that a server may take to compile a component.
    let line = tokio::time::timeout(PATIENCE.min(std::time::Duration::from_secs(60)), told).await.expect("it is told");
    assert!(line.contains(&format!("--plugins-dir {plugins_path}")), "{line}");
    drop(child);

    let source = project.join("src/lib.rs");
    let text = std::fs::read_to_string(&source).expect("the source");
    std::fs::write(&source, text + "\n// Not the version of Cargo.toml any more.\n").expect("a changed source");
    let manifest = project.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).expect("Cargo.toml");
    std::fs::write(&manifest, text.replace("version = \"0.1.0\"", "version = \"0.2.0\"")).expect("a changed version");
    dev.wait_for("has changed").await;
    // The first check may have been between the two changes.
    loop {
        dev.wait_for("loaded by the server").await;
        let now = listed(&server).await;
        if now["version"] == "0.2.0" {
            assert_eq!(first["version"], "0.1.0");
            break;
        }
    }
}

/// The server's entry for the project's name.
async fn listed(server: &Server) -> Value {
    let body = server.get("/api/v1/plugins").await;
    let found = body["plugins"].as_array().and_then(|plugins| plugins.iter().find(|one| one["name"] == "my_step"));
    found.unwrap_or_else(|| panic!("it is not listed: {body}")).clone()
}

/// Checked with the parser of Python's standard library.
fn assert_well_formed(xml: &str) {
    let script = "import sys, xml.dom.minidom as m; m.parseString(sys.argv[1].encode())";
    let status = std::process::Command::new("python3").args(["-c", script, xml]).status().expect("python3 runs");
    assert!(status.success(), "{xml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_commands_fail_in_one_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let component = plugins_dir().join("chunking.wasm");
    let component = component.to_str().expect("a path");
    std::fs::write(at.join("a.txt"), "text").expect("a file");
    std::fs::write(at.join("broken.wasm"), "\0asm").expect("a file");
    for (arguments, part) in [
        (&["plugin", "new", "My-Step", "--lang", "rust"][..], "try my_step"),
        (&["plugin", "build"], "plugin.toml does not exist"),
        (&["plugin", "test"], "plugin.toml does not exist"),
        (&["plugin", "inspect", "broken.wasm"], "not a WebAssembly component"),
        (&["plugin", "run", "none.wasm", "--input", "a.txt"], "none.wasm does not exist"),
        (&["plugin", "run", component, "--input", "a.txt"], "--artifact markdown.md=FILE"),
        (&["plugin", "run", component, "--input", "none.txt"], "none.txt cannot be read"),
        (&["plugin", "run", component, "--input", "a.txt", "--config", "[]"], "not a JSON object"),
        (&["plugin", "dev"], "plugin.toml does not exist"),
    ] {
        let (code, _, said) = run(at, arguments).await;
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.contains(part) && said.trim_end().lines().count() == 1, "{arguments:?}: {said}");
    }
    // The error for a capability that is not granted says how to grant it.
    let ingestion = plugins_dir().join("ingestion.wasm");
    let (code, _, said) = run(at, &["plugin", "run", ingestion.to_str().expect("a path"), "--input", "a.txt"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("grant it with --grant "), "{said}");
}
