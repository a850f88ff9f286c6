//! `morag plugin …`: tools for step authors, from an empty folder to a component that a server runs.
//!
//! Without I/O: [`manifest`] (parses `plugin.toml`), [`template`] (files of a new project), [`vendored`] (the Rust SDK as a
//! standalone crate), [`report`] (golden files and their differences), [`junit`] and [`snapshot`] (detects changed sources). The
//! other modules read and write files, run toolchains, and run components in the server's sandbox.

#![expect(clippy::disallowed_methods, reason = "a tool for projects on a developer's disk")]

mod build;
mod case;
mod dev;
mod embedded;
mod golden;
mod inspect;
mod junit;
mod manifest;
mod new;
mod program;
mod progress;
mod project;
mod report;
mod run;
mod snapshot;
mod template;
mod test;
mod toolchain;
mod tools;
mod trial;
mod units;
mod vendored;
mod workbench;

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Creates, builds, tests, runs and inspects steps.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a step project that builds and has a test
    #[command(after_help = new::EXAMPLES)]
    New(new::New),
    /// Build the project's component, and check that a server can load it
    #[command(after_help = build::EXAMPLES)]
    Build(build::Build),
    /// Run the component on the project's test documents and compare with the expected results
    #[command(after_help = test::EXAMPLES)]
    Test(test::Test),
    /// Run a component on one file, in the server's sandbox but without a server
    #[command(after_help = run::EXAMPLES)]
    Run(run::Run),
    /// Show the descriptor, imports, size and digest of a component
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(inspect::Inspect),
    /// Build after every change and load the component into a running server
    #[command(after_help = dev::EXAMPLES)]
    Dev(dev::Dev),
}

/// `morag plugin …`. `plugins_dir` finds the folder that a server of this binary loads components from.
pub async fn run(command: Plugin, plugins_dir: fn() -> PathBuf) -> anyhow::Result<ExitCode> {
    match command.command {
        Command::New(command) => new::run(command),
        Command::Build(command) => build::run(command).await,
        Command::Test(command) => test::run(command).await,
        Command::Run(command) => run::run(command).await,
        Command::Inspect(command) => inspect::run(command).await,
        Command::Dev(command) => dev::run(command, plugins_dir).await,
    }
}
