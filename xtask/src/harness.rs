//! Programs of `tests/` that run a whole server for long: built together with the binary, and told where things are.
use anyhow::Result;

use crate::compile::Builds;
use crate::workspace::Workspace;
use crate::{plugins, shell};

/// Builds the server and a program of `tests/`, with the step components that both need, and the guests that attacks use.
/// `release`: as it is shipped.
pub fn build(workspace: &Workspace, program: &str, release: bool) -> Result<()> {
    plugins::build(workspace, &plugins::Options { guests: program == "attack" })?;
    // As the tests are built: another choice of packages would unify features otherwise and compile all anew.
    let mut build = workspace.cargo(&["build", "--workspace", "--bin", "morag", "--bin", program]);
    Builds::default().run("server", build.args(release.then_some("--release")))
}

/// The command that runs the program on that server.
pub fn command(workspace: &Workspace, program: &str, release: bool) -> std::process::Command {
    let profile = if release { "release" } else { "debug" };
    let mut command = shell::program(&workspace.target.join(profile).join(program).display().to_string(), &[]);
    command
        .env("MORAG_TEST_BINARY", workspace.morag(profile))
        .env("MORAG_TEST_PLUGINS_DIR", workspace.plugins_folder())
        .env("MORAG_TEST_GUESTS_DIR", workspace.guests_folder());
    command
}
