//! `cargo xtask chaos`: random faults under load for some minutes, and whether anything was lost. The program itself is
//! `tests/chaos`, which shares the tests' harness; here it is built and started.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{harness, shell, toolchain};

/// Random faults under load, and whether anything was lost.
///
/// Kills and stops processes, restarts Redis or nodes of a Cluster, cuts the network, sets a clock wrong, while documents are
/// submitted all the time; then heals everything, waits for the end and counts. Exit code 1 where anything was lost, doubled
/// or out of order. With sqlite: one process, killed, stopped and restarted.
#[derive(Args)]
pub struct Options {
    /// Minutes of faults; healing and judging come after.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// What the processes share.
    #[arg(long, default_value = "redis", value_parser = ["redis", "cluster", "sqlite"])]
    store: String,
    /// Choices: the same seed makes the same ones. Default: random, and printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Use release builds.
    #[arg(long)]
    release: bool,
    /// Use what was built before.
    #[arg(long)]
    no_build: bool,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    toolchain::programs::ensure()?;
    if !options.no_build {
        harness::build(&workspace, "chaos", options.release)?;
    }
    let mut command = harness::command(&workspace, "chaos", options.release);
    command
        .args(["--minutes", &options.minutes.to_string(), "--store", &options.store])
        .args(options.seed.map(|seed| format!("--seed={seed}")));
    shell::run(&mut command)
}
