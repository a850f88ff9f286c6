//! The server that `up` shows and that benches measure: how it is built and started.
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::compile::Builds;
use crate::profile::Profile;
use crate::workspace::Workspace;
use crate::{plugins, toolchain};

/// The key of the server that we start, as the guides use it.
pub const KEY: &str = "test-api-key";
/// How long the server may take to start: it compiles the components the first time.
pub const START_MAX: Duration = Duration::from_secs(120);

/// A first build keeps no state for later ones: without it our crates take a quarter less. Who builds them with cargo has such state,
/// which is then used here, too: each change of this builds all of our crates anew.
const INCREMENTAL: &str = "CARGO_INCREMENTAL";

/// Builds the step components and, at the same time, the server: each alone leaves a core idle at times.
pub fn build(workspace: &Workspace, profile: Profile) -> Result<()> {
    println!("== step components and server");
    // What is missing for the components is said before minutes of building.
    toolchain::ensure()?;
    let builds = Builds::default();
    let behind = builds.behind();
    std::thread::scope(|scope| {
        let components =
            scope.spawn(|| plugins::build_with(&behind, workspace, profile, &plugins::Options { guests: false }));
        let mut server = workspace.cargo(&["build", "-p", "morag-server"]);
        server.args((profile == Profile::Release).then_some("--release"));
        if std::env::var_os(INCREMENTAL).is_none() && !workspace.target.join("debug/incremental").exists() {
            server.env(INCREMENTAL, "0");
        }
        let server = builds.run("server", &mut server);
        let components = components.join().ok().context("the build of the step components panicked")?;
        server.and(components)
    })
}

/// A server, told where its things are.
pub fn command(workspace: &Workspace, profile: Profile, port: u16, data: &Path) -> Command {
    let mut command = Command::new(profile.morag(workspace));
    command
        .arg("serve")
        .current_dir(&workspace.root)
        .env("API_HOST", "127.0.0.1")
        .env("API_PORT", port.to_string())
        .env("MORAG_API_KEYS", KEY)
        .env("MORAG_DATA_DIR", data)
        .env("MORAG_PLUGINS_DIR", workspace.plugins_folder())
        // What a person has set for another server must not change this one.
        .env_remove("REDIS_URL")
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .env_remove("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    command
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Modules of tokio, each with the feature that it needs.
    const MODULES: [&str; 6] = ["fs", "net", "process", "signal", "sync", "time"];

    /// Features of tokio by a manifest's dependencies. Those of tests do not count: the server is built without them.
    fn asked_for(manifest: &Path) -> String {
        let text = fs::read_to_string(manifest).unwrap();
        let lines = text.lines().take_while(|line| *line != "[dev-dependencies]");
        lines.filter(|line| line.starts_with("tokio = ")).collect()
    }

    fn sources(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        let own = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        own.map(|path| fs::read_to_string(path).unwrap()).chain(folders.iter().flat_map(|path| sources(path))).collect()
    }

    /// In the workspace, whose crates are built together, a feature that one crate asks for is there for all. `up` builds the server
    /// alone.
    #[test]
    fn the_crates_of_the_server_ask_for_what_they_use_of_tokio() {
        let workspace = Workspace::find().unwrap();
        let shared = asked_for(&workspace.root.join("Cargo.toml"));
        let mut used = 0;
        for krate in fs::read_dir(workspace.root.join("host")).unwrap().map(|entry| entry.unwrap().path()) {
            let manifest = krate.join("Cargo.toml");
            if !manifest.is_file() {
                continue;
            }
            let (own, texts) = (asked_for(&manifest), sources(&krate.join("src")));
            for module in MODULES {
                if texts.iter().any(|text| text.contains(&format!("tokio::{module}"))) {
                    used += 1;
                    let feature = format!("\"{module}\"");
                    let has_it = shared.contains(&feature) || own.contains(&feature);
                    assert!(has_it, "{} uses tokio::{module} without the feature {feature}", krate.display());
                }
            }
        }
        assert!(used > MODULES.len(), "the crates of host/ use tokio: {used}");
    }
}
