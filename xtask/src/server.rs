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
