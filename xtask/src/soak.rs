//! `cargo xtask soak`: a server in use for long, and whether anything grows. The program itself is `tests/soak`; here it is
//! built and started.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{harness, shell};

/// Ordinary and awkward use of a server for some minutes, and whether memory, file handles, threads or disk grow.
///
/// Documents of all kinds, batches, failing endpoints, cancels and plugin reloads, on a server that forgets after two minutes.
/// Prints a line a minute. Exit code 1 where anything has grown after the warm-up, or something went wrong.
#[derive(Args)]
pub struct Options {
    /// Minutes, at least 8.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Documents under way at once.
    #[arg(long)]
    at_once: Option<usize>,
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
        harness::build(&workspace, "soak", !options.debug)?;
    }
    let mut command = harness::command(&workspace, "soak", !options.debug);
    command
        .args(["--minutes", &options.minutes.to_string()])
        .args(options.at_once.map(|count| format!("--at-once={count}")));
    shell::run(&mut command)
}
