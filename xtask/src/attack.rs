//! `cargo xtask attack`: attacks on a server under a memory limit. Builds and runs `tests/attack`, which shares the test
//! harness.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{harness, shell};

/// Run known attacks of clients, callers and components against a server under a memory limit.
///
/// Prints a line per attack: memory before it and at its peak, how /health responded meanwhile, and the time until it was
/// refused. Exits with 1 if an attack was not refused, a probe of /health was not answered, or the server ended. Needs root,
/// for a control group with a memory limit.
#[derive(Args)]
pub struct Options {
    /// Use the sizes of CI, and leave out the attacks that wait for a timeout.
    #[arg(long)]
    short: bool,
    /// Memory limit of the server, MiB.
    #[arg(long)]
    memory_mib: Option<u64>,
    /// Run only attacks whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Use debug builds.
    #[arg(long)]
    debug: bool,
    /// Use the existing build.
    #[arg(long)]
    no_build: bool,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    if !options.no_build {
        harness::build(&workspace, "attack", !options.debug)?;
    }
    let mut command = harness::command(&workspace, "attack", !options.debug);
    command
        .args(options.short.then_some("--short"))
        .args(options.memory_mib.map(|mib| format!("--memory-mib={mib}")))
        .args(options.only.as_ref().map(|part| format!("--only={part}")));
    shell::run(&mut command)
}

/// Runs the attacks in CI's sizes, with the debug build that the tests use.
pub fn short(workspace: &Workspace) -> Result<()> {
    shell::run(harness::command(workspace, "attack", false).arg("--short"))
}
