//! `cargo xtask bench plugins`: the overhead of hosting a step, compared with raw wasmtime, Extism and native code.
use anyhow::Result;
use clap::Args;

use crate::shell;
use crate::workspace::Workspace;

/// Measure the overhead of hosting a step, compared with raw wasmtime, Extism and native code in the same run.
///
/// Builds the step components and test guests, the Extism program (a workspace of its own, minutes the first time) and the
/// benchmark, and runs it.
#[derive(Args)]
pub struct Options {
    /// Use the existing components.
    #[arg(long)]
    no_build: bool,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    if !options.no_build {
        crate::plugins::build(&workspace, &crate::plugins::Options { guests: true })?;
    }
    let target = workspace.target.join("extism");
    let manifest = workspace.root.join("benches/extism/Cargo.toml");
    let mut build = workspace.cargo(&["build", "--release", "--locked", "--manifest-path"]);
    shell::run(build.arg(manifest).arg("--target-dir").arg(&target))?;
    let mut bench = workspace.cargo(&["bench", "-p", "morag-benches", "--bench", "plugins"]);
    bench
        .env("MORAG_BENCH_EXTISM", target.join("release").join(format!("extism-noop{}", std::env::consts::EXE_SUFFIX)))
        .env("MORAG_TEST_PLUGINS_DIR", workspace.plugins_folder())
        .env("MORAG_TEST_GUESTS_DIR", workspace.guests_folder());
    shell::run(&mut bench)
}
