//! `morag plugin …`: for people who write steps, from an empty folder to a component that a server runs.
//!
//! Decided without I/O: [`manifest`] (what `plugin.toml` says), [`template`] (a project's files), [`vendored`] (the Rust SDK
//! as a crate of its own), [`report`] (what golden files hold, and how two differ), [`junit`], [`snapshot`] (what has changed
//! since). The rest reads and writes files, starts toolchains and runs components in the sandbox that servers use.

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

/// Writes, builds, tests and looks at steps.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a new step: a small project that builds and has a test
    #[command(after_help = new::EXAMPLES)]
    New(new::New),
    /// Build the project's component, and check that a server can load it
    #[command(after_help = build::EXAMPLES)]
    Build(build::Build),
    /// Run the component over the project's test documents and compare with what is expected
    #[command(after_help = test::EXAMPLES)]
    Test(test::Test),
    /// Run a component over one file, in the sandbox, without a server
    #[command(after_help = run::EXAMPLES)]
    Run(run::Run),
    /// Show what a component is: its descriptor, imports, size and digest
    #[command(after_help = inspect::EXAMPLES)]
    Inspect(inspect::Inspect),
    /// Build after every change and hand the component to a running server
    #[command(after_help = dev::EXAMPLES)]
    Dev(dev::Dev),
}

/// `morag plugin …`. `plugins_dir` finds the folder that a server of this binary takes components from.
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
