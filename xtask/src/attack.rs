//! `cargo xtask attack`: attacks on a server under a memory limit. The program itself is `tests/attack`, which shares the
//! tests' harness; here it is built and started.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{harness, shell};

/// What strangers, callers and components have done to this server, done again under a memory limit.
///
/// Prints a line for each attack: memory before it and at most, how /health answered meanwhile, and what it took until it was
/// refused. Exit code 1 where one was not refused, a probe of /health was not answered, or the server ended. Needs root, for a
/// control group with a memory limit.
#[derive(Args)]
pub struct Options {
    /// The sizes of CI, without the attacks that wait for a time limit.
    #[arg(long)]
    short: bool,
    /// Memory that the server may take, MiB.
    #[arg(long)]
    memory_mib: Option<u64>,
    /// Only attacks whose name has this in it.
    #[arg(long)]
    only: Option<String>,
    /// Use debug builds.
    #[arg(long)]
    debug: bool,
    /// Use what was built before.
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

/// The attacks in CI's sizes, on the debug build that the tests have just used.
pub fn short(workspace: &Workspace) -> Result<()> {
    shell::run(harness::command(workspace, "attack", false).arg("--short"))
}
