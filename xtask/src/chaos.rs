//! `cargo xtask chaos`: random faults under load, followed by a check that nothing was lost. Builds and runs `tests/chaos`,
//! which shares the test harness.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{harness, shell, toolchain};

/// Inject random faults under load, and check that nothing was lost.
///
/// Kills and pauses processes, restarts Redis or Cluster nodes, cuts the network and changes clocks while documents are submitted
/// continuously; then repairs everything, waits for the tasks to end and checks the results. Exits with 1 if anything was lost,
/// duplicated or out of order. With sqlite: one process that is killed, paused and restarted.
#[derive(Args)]
pub struct Options {
    /// Duration of the faults in minutes; repair and checks come after.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Store that the processes share.
    #[arg(long, default_value = "redis", value_parser = ["redis", "cluster", "sqlite"])]
    store: String,
    /// Random seed: the same seed repeats the same choices. Random and printed by default.
    #[arg(long)]
    seed: Option<u64>,
    /// Use release builds.
    #[arg(long)]
    release: bool,
    /// Use the existing build.
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
