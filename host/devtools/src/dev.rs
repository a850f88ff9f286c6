//! `morag plugin dev`: builds after every change and loads the component into a running server.

use super::build::build;
use super::project::{Project, ProjectArgs, replace};
use super::snapshot::Snapshot;
use anyhow::{Context as _, ensure};
use clap::Args;
use morag_client::{Client, Server, line, plain};
use morag_runtime::facts;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag plugin dev
  morag plugin dev --plugins-dir /var/lib/morag/plugins
  morag plugin dev --server http://127.0.0.1:9000 --api-key KEY --plugins-dir target/plugins --dir ~/steps/redact

Builds the component, copies it into the server's plugins folder, asks the server to load it and prints the result, then repeats
this after every change of a source file. Running tasks finish with the component they started with. The server must run on this
machine, and must grant the step's capabilities in morag.toml, in a table without `source`. Ctrl-C ends it; the component stays.";

/// Pause between two checks of the sources or the server.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Longest time for the server to load the component: compiling a large Python component takes some 20 s.
const LOAD_MAX: Duration = Duration::from_secs(90);

/// Builds after every change.
#[derive(Debug, Args)]
pub struct Dev {
    #[command(flatten)]
    project: ProjectArgs,
    /// Plugins folder of the server; by default the one that a server of this binary uses
    #[arg(long, env = "MORAG_PLUGINS_DIR", value_name = "FOLDER")]
    plugins_dir: Option<PathBuf>,
    #[command(flatten)]
    server: Server,
}

/// `morag plugin dev`. Runs until Ctrl-C.
pub async fn run(command: Dev, plugins_dir: fn() -> PathBuf) -> anyhow::Result<ExitCode> {
    let project = Project::open(&command.project)?;
    let folder = command.plugins_dir.unwrap_or_else(plugins_dir);
    ensure!(
        folder.is_dir(),
        "the plugins folder {} does not exist: set the server's folder with --plugins-dir",
        folder.display()
    );
    let client = Client::new(command.server)?;
    let mut ended = std::pin::pin!(tokio::signal::ctrl_c());
    let folder_of = project.folder.clone();
    loop {
        // Taken before the build, so that changes during the build are noticed afterwards.
        let before = project.snapshot()?;
        // The project is opened again, because its manifest may have changed.
        let done = async {
            let project = Project::open_folder(&folder_of)?;
            build(&project).await?;
            let target = folder.join(format!("{}.wasm", project.manifest.name));
            replace(&project.component(), &target)?;
            line(format_args!("{}: {}", target.display(), load(&client, &project, &target).await?));
            anyhow::Ok(())
        };
        if let Err(error) = done.await {
            eprintln!("morag: {error:#}");
        }
        line(format_args!("watching {}", project.folder.display()));
        tokio::select! {
            changed = changed(&project, &before) => line(format_args!("{} has changed", changed?)),
            _ = &mut ended => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Waits until a source changes and returns its path.
async fn changed(project: &Project, before: &Snapshot) -> anyhow::Result<String> {
    loop {
        let now = project.snapshot()?;
        if let Some(path) = now.changed_since(before) {
            return Ok(path.display().to_string());
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Asks the server to reload its plugins folder, and waits until it has loaded the project's component, which is at `target`.
/// Returns a description of the result.
async fn load(client: &Client, project: &Project, target: &Path) -> anyhow::Result<String> {
    let name = &project.manifest.name;
    let digest = facts(&project.component())?.digest;
    let reload = client.start(client.request(Method::POST, "/api/v1/plugins/reload")).await?;
    // Older servers have no such route, but scan their folder periodically.
    let has_reloaded = reload.status() != StatusCode::NOT_FOUND;
    if has_reloaded {
        morag_client::read(reload).await.context("the server did not load the component")?;
    }
    let started = Instant::now();
    loop {
        let listed = client.get("/api/v1/plugins").await?;
        let refused = refusal(&listed, name).filter(|_| has_reloaded);
        if let Some(reason) = refused {
            anyhow::bail!("the server refused the component: {reason}");
        }
        let current = entry(&listed, name);
        if let Some(entry) = current.filter(|entry| has_digest(entry, &digest) && !is_elsewhere(entry, target)) {
            return Ok(format!("loaded by the server{}", summary(entry)));
        }
        // The server answers only after it has scanned its folder, so waiting would not help.
        ensure!(!has_reloaded, "{}", misplaced(&listed, name, target));
        if started.elapsed() >= LOAD_MAX {
            let state = current.map_or_else(|| ": it is not in the server's list".to_owned(), summary);
            anyhow::bail!("the server has not loaded the component within {} s{state}", LOAD_MAX.as_secs());
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// The server's list entry of a plugin.
fn entry<'a>(listed: &'a Value, name: &str) -> Option<&'a Value> {
    listed["plugins"].as_array()?.iter().find(|entry| entry["name"] == name)
}

/// Why the server refused the component with that name, if it did. An earlier version may still be loaded.
fn refusal(listed: &Value, name: &str) -> Option<String> {
    let refused = listed["refused"].as_array()?.iter().find(|one| one["name"] == name);
    let refused = refused.or_else(|| entry(listed, name).map(|entry| &entry["refused"]));
    refused.filter(|one| one["reason"].is_string()).map(|one| plain(&one["reason"]))
}

fn has_digest(entry: &Value, digest: &str) -> bool {
    ["sha256", "digest"].iter().any(|key| entry[*key].as_str().is_some_and(|text| text.ends_with(digest)))
}

/// Whether a component certainly comes from another file. A relative path of the server matches any path that ends with it,
/// because the server's working folder is unknown.
fn is_elsewhere(entry: &Value, target: &Path) -> bool {
    let Some(source) = entry["source"].as_str().map(Path::new) else { return false };
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match source.is_absolute() {
        true => real(source) != real(target),
        false => !real(target).ends_with(source.strip_prefix(".").unwrap_or(source)),
    }
}

/// Explains why a server that has scanned its folder has not loaded the component at `target`, and what to change.
fn misplaced(listed: &Value, name: &str, target: &Path) -> String {
    let folder_of = |one: &Value| {
        let source = one["source"].as_str().filter(|source| !source.starts_with("oci://"))?;
        Path::new(source).parent().map(Path::to_owned)
    };
    let others = listed["plugins"].as_array().into_iter().flatten().filter(|one| one["name"] != name);
    // The parent of a bare file name is empty.
    let folders: BTreeSet<_> = others.filter_map(folder_of).filter(|folder| !folder.as_os_str().is_empty()).collect();
    let target = target.display();
    let Some(entry) = entry(listed, name) else {
        let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let from = match folders.is_empty() {
            true => "it lists no other component from a folder".to_owned(),
            false => format!("it loads components from {}", folders.join(", ")),
        };
        return format!(
            "the server does not load components from the folder of {target}: {from}; set its plugins folder with --plugins-dir"
        );
    };
    let source = plain(&entry["source"]);
    match folder_of(entry).filter(|folder| folders.contains(folder)) {
        Some(folder) => {
            format!("the server loads {name} from {source}, not from {target}: use --plugins-dir {}", folder.display())
        }
        None => format!(
            "the server loads {name} from {source}, not from {target}: remove `source` from its table in morag.toml, and \
             restart the server"
        ),
    }
}

/// Formats the server's list entry of a plugin for one line.
fn summary(entry: &Value) -> String {
    let list = |value: &Value| {
        let items = value.as_array().into_iter().flatten();
        items.map(plain).collect::<Vec<_>>().join(" ")
    };
    let capabilities = &entry["capabilities"];
    let parts = [
        ("version", plain(&entry["version"])),
        ("wants", list(&capabilities["wanted"])),
        ("granted", list(&capabilities["granted"])),
        ("in pipelines", list(&entry["pipelines"])),
    ];
    let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
    let parts: Vec<_> = parts.map(|(title, text)| format!("{title} {text}")).collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn list_entries_are_found_and_summarised() {
        let listed = json!({"plugins": [
            {"name": "a", "sha256": "11"},
            {"name": "b", "sha256": "22", "version": "1.2.3", "capabilities": {"wanted": ["kv"], "granted": ["kv", "http"]}},
            {"name": "d", "digest": "33", "refused": {"reason": "it traps"}},
        ], "refused": [{"name": "b", "reason": "it is broken"}]});
        assert_eq!(refusal(&listed, "d").as_deref(), Some("it traps"), "an earlier version stays loaded");
        assert_eq!((refusal(&listed, "b").as_deref(), refusal(&listed, "a")), (Some("it is broken"), None));
        let entry = entry(&listed, "b").unwrap();
        assert!(has_digest(entry, "22") && !has_digest(entry, "11"));
        assert_eq!(summary(entry), ": version 1.2.3, wants kv, granted kv http");
        assert!(super::entry(&listed, "c").is_none() && super::entry(&json!({}), "a").is_none());
        assert_eq!(summary(&json!({})), "");
    }

    #[test]
    fn a_component_in_the_wrong_folder_is_explained() {
        let listed = |source: &str| {
            json!({"plugins": [
                {"name": "chunking", "source": "/srv/plugins/chunking.wasm"}, {"name": "s", "source": source},
                {"name": "o", "source": "oci://ghcr.io/acme/o@sha256:00"},
            ]})
        };
        let at = Path::new("/home/plugins/s.wasm");
        let said = |source: &str| misplaced(&listed(source), "s", at);
        assert!(said("s.wasm").contains("loads s from s.wasm, not from /home/plugins/s.wasm: remove `source`"));
        assert!(said("/srv/plugins/s.wasm").ends_with("--plugins-dir /srv/plugins"));
        let none = misplaced(&listed("x"), "other", at);
        assert!(none.contains("loads components from /srv/plugins; set its plugins folder"), "{none}");
        assert!(misplaced(&json!({}), "s", at).contains("--plugins-dir"));

        let is_elsewhere = |source: &str| is_elsewhere(&json!({"source": source}), at);
        for source in ["/home/plugins/s.wasm", "plugins/s.wasm", "./plugins/s.wasm", "s.wasm"] {
            assert!(!is_elsewhere(source), "{source}");
        }
        for source in ["/srv/plugins/s.wasm", "target/plugins/s.wasm", "oci://ghcr.io/acme/s@sha256:00"] {
            assert!(is_elsewhere(source), "{source}");
        }
    }
}
