//! `cargo xtask soak`: runs a server under load for a long time and checks that nothing grows. Builds and runs `tests/soak`.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{harness, shell};

/// Use a server in ordinary and unusual ways, and check that memory, file handles, threads and disk do not grow.
///
/// Submits documents of all kinds and batches, with failing endpoints, cancellations and plugin reloads, to a server with a
/// retention of two minutes. Prints a line per minute. Exits with 1 if anything has grown after the warm-up, or failed.
#[derive(Args)]
pub struct Options {
    /// Duration in minutes, at least 8.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Concurrent documents.
    #[arg(long)]
    at_once: Option<usize>,
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
        harness::build(&workspace, "soak", !options.debug)?;
    }
    let mut command = harness::command(&workspace, "soak", !options.debug);
    command
        .args(["--minutes", &options.minutes.to_string()])
        .args(options.at_once.map(|count| format!("--at-once={count}")));
    shell::run(&mut command)
}
