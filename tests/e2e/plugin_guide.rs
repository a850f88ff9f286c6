//! `docs/plugin-guide.md`, followed as a new user would: exactly its commands, in an empty folder, for each language.
//!
//! Each tutorial ends with a server that has processed a document in a pipeline with the new step; the result is checked here over HTTP.
//! Tools and compiled components are cached in `target/` (MORAG_TOOLS_DIR and the compile cache), as for a user's second project.

use morag_tests::guide::{self, Block};
use morag_tests::server::{PATIENCE, binary, client, plugins_dir};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Default key of a server on a loopback address; the guide sets none.
const DEFAULT_KEY: &str = "test-api-key";

/// Timeout of one block: the first installs a language's tools, on a machine that may be busy.
const BLOCK_MAX: Duration = Duration::from_secs(900);

/// Name of the step in the guide.
const STEP: &str = "my_step";

/// A user at a shell: the current folder, and the running server.
struct Person {
    language: &'static str,
    folder: tempfile::TempDir,
    at: PathBuf,
    server: Option<(Child, String)>,
    /// All input and output, shown on a failure.
    transcript: String,
}

impl Person {
    fn new(language: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).expect("a folder");
        let morag = binary().canonicalize().expect("the binary");
        std::os::unix::fs::symlink(morag, bin.join("morag")).expect("a link");
        let at = folder.path().join("home");
        std::fs::create_dir(&at).expect("a folder");
        Self { language, folder, at, server: None, transcript: String::new() }
    }

    /// A shell with these commands, in which `morag` is in the path and no settings of this test run remain.
    fn shell(&self, commands: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", commands])
            .current_dir(&self.at)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().into_owned();
            let is_cargos = text.starts_with("CARGO") && text != "CARGO_HOME";
            if is_cargos || text.starts_with("MORAG_") || text.starts_with("RUSTUP_TOOLCHAIN") || text == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        let mut path = std::ffi::OsString::from(self.folder.path().join("bin"));
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let target = guide::root().join("target").canonicalize().expect("the target folder");
        let kept =
            |variable: &str, name: &str| std::env::var_os(variable).map_or_else(|| target.join(name), PathBuf::from);
        command
            .env("PATH", path)
            .env("MORAG_PLUGINS_DIR", plugins_dir().canonicalize().expect("the plugins"))
            .env("MORAG_TOOLS_DIR", kept("MORAG_TOOLS_DIR", "tools"))
            .env("MORAG_COMPILE_CACHE_DIR", kept("MORAG_TEST_COMPILE_CACHE_DIR", "test-compiled"))
            // Several tests run the guide at once on this machine.
            .env("API_PORT", "0");
        if let Some((_, url)) = &self.server {
            command.env("MORAG_SERVER", url);
        }
        command
    }

    /// Runs a block to its end. A failure shows all output.
    async fn types(&mut self, block: &Block) -> String {
        // The next block starts in the folder where this one ends.
        let place = self.folder.path().join("at");
        let commands = format!("exec 2>&1\n{}\npwd > '{}'\n", block.commands, place.display());
        let started = Instant::now();
        let output = tokio::time::timeout(BLOCK_MAX, self.shell(&commands).stdout(Stdio::piped()).output()).await;
        let Ok(output) = output else {
            panic!("{}", self.failure(block, &format!("is not done after {BLOCK_MAX:?}"), ""))
        };
        let output = output.expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            panic!("{}", self.failure(block, &format!("ended with {}", output.status), &said));
        }
        let took = started.elapsed().as_secs_f64();
        eprintln!("{block}: {took:.1} s");
        let _ = writeln!(self.transcript, "{}{said}({took:.1} s)", typed(&block.commands));
        self.at = std::fs::read_to_string(place).expect("where the shell was").trim_end().into();
        said
    }

    /// Runs a block that is a server, and waits until it listens.
    async fn starts(&mut self, block: &Block) {
        let log = std::fs::File::create(self.folder.path().join("server.log")).expect("a file");
        let mut command = self.shell(&format!("exec {}", block.commands.trim()));
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("bash runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let started = tokio::time::timeout(PATIENCE, async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(url) = line.strip_prefix("morag listens on ") {
                    return Some(url.trim().to_owned());
                }
            }
            None
        });
        let Ok(Some(url)) = started.await else {
            let said = std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
            panic!("{}", self.failure(block, "did not listen", &said));
        };
        // Its further output must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let _ = writeln!(self.transcript, "{}morag listens on {url}", typed(&block.commands));
        self.server = Some((child, url));
    }

    fn failure(&self, block: &Block, what: &str, said: &str) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        format!(
            "\n{block} {what}, in {}:\n{}{said}\n--- before it\n{}\n--- the server's log\n{log}",
            self.at.display(),
            typed(&block.commands),
            self.transcript
        )
    }

    async fn ask(&self, path: &str) -> reqwest::Response {
        let (_, url) = self.server.as_ref().expect("the guide starts a server");
        client().get(format!("{url}{path}")).bearer_auth(DEFAULT_KEY).send().await.expect("an answer")
    }
}

/// Commands as shown in a terminal.
fn typed(commands: &str) -> String {
    commands.lines().map(|line| format!("$ {line}\n")).collect()
}

/// Artifacts that the project's first test case expects.
fn expected_artifacts(project: &Path) -> Vec<String> {
    let cases = std::fs::read_dir(project.join("tests")).expect("the project has tests");
    let report = cases
        .map(|case| case.expect("a folder").path().join("expected/report.json"))
        .find(|report| report.is_file())
        .expect("a golden file");
    let report: Value = serde_json::from_slice(&std::fs::read(report).expect("a file")).expect("JSON");
    let artifacts = report["artifacts"].as_array().expect("a list");
    artifacts.iter().map(|artifact| artifact["name"].as_str().expect("a name").to_owned()).collect()
}

async fn follow_the_guide(language: &'static str) {
    let started = Instant::now();
    let mut person = Person::new(language);
    let blocks = guide::blocks(&guide::text(), language);
    assert!(blocks.len() >= 4, "{} blocks of {language}", blocks.len());
    let mut said = String::new();
    for block in &blocks {
        match block.serves {
            true => person.starts(block).await,
            false => said = person.types(block).await,
        }
    }
    eprintln!("the guide in {}: {:.1} s", person.language, started.elapsed().as_secs_f64());

    // The last block submits a document and waits for it: the output begins with its id.
    let is_id = |word: &&str| word.len() == 36 && word.matches('-').count() == 4;
    let Some(task) = said.split_whitespace().find(is_id) else { panic!("no task in:\n{}", person.transcript) };
    let status: Value = person.ask(&format!("/api/v1/status/{task}")).await.json().await.expect("JSON");
    assert_eq!(status["status"], "completed", "{status:#}\n{}", person.transcript);
    let history: Value = person.ask(&format!("/api/v1/status/{task}/history")).await.json().await.expect("JSON");
    let text = history.to_string();
    assert!(text.contains("step_completed") && text.contains(STEP), "the step did not run: {history:#}");
    let artifacts = expected_artifacts(&person.folder.path().join("home").join(STEP));
    assert!(!artifacts.is_empty(), "the template's step writes nothing");
    for name in artifacts {
        let answer = person.ask(&format!("/api/files/temp/{task}/{name}")).await;
        assert_eq!(answer.status(), 200, "{name}");
        assert!(!answer.bytes().await.expect("a file").is_empty(), "{name} is empty");
    }
    if let Some((mut server, _)) = person.server.take() {
        server.kill().await.expect("the server can be killed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_rust() {
    follow_the_guide("rust").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_python() {
    follow_the_guide("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_javascript() {
    follow_the_guide("javascript").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_in_c() {
    follow_the_guide("c").await;
}

/// The guide shows the templates as `morag plugin new` writes them. MORAG_BLESS=1 updates it.
#[test]
fn the_guide_shows_the_templates_as_they_are() {
    let text = guide::text();
    let read = |path: &str| {
        let read = std::fs::read_to_string(guide::root().join(path));
        read.unwrap_or_else(|error| panic!("{path}, which the guide shows: {error}")).replace("{{name}}", STEP)
    };
    let now = guide::with_shown_files(&text, read);
    if std::env::var_os("MORAG_BLESS").is_some() {
        std::fs::write(guide::root().join(guide::FILE), &now).expect("the guide can be written");
        return;
    }
    let shown: Vec<_> = guide::shown_files(&text).into_iter().map(|(_, path, _)| path).collect();
    for language in ["rust", "python", "javascript"] {
        assert!(shown.iter().any(|path| path.contains(&format!("templates/{language}/"))), "{language}: {shown:?}");
    }
    for ((line, path, within), (_, _, current)) in guide::shown_files(&text).into_iter().zip(guide::shown_files(&now)) {
        assert_eq!(within, current, "{}:{line} shows {path} as it was; MORAG_BLESS=1 puts it in anew", guide::FILE);
    }
}

/// Links in the documentation for authors of steps lead to existing files.
#[test]
fn the_guides_links_lead_to_files() {
    const PAGES: [&str; 7] = [
        guide::FILE,
        "docs/wit-versioning.md",
        "docs/wit-reference.md",
        "docs/capabilities.md",
        "docs/pipelines.md",
        "docs/distribution.md",
        "docs/errors/README.md",
    ];
    for page in PAGES {
        let path = guide::root().join(page);
        let text = std::fs::read_to_string(&path).expect("a page");
        let folder = path.parent().expect("a folder");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.starts_with("http")) {
            assert!(folder.join(link).exists(), "{page} links to {link}, which is not there");
        }
    }
}
