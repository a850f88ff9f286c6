//! Looking at step components.

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Looks at step components.
#[derive(Debug, Args)]
pub struct Plugin {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a component is: its descriptor, imports and digest
    #[command(after_help = "Example:\n  morag plugin inspect target/plugins/chunking.wasm")]
    Inspect {
        /// The component
        #[arg(value_name = "FILE.wasm")]
        file: PathBuf,
    },
}

/// `morag plugin …`.
pub async fn run(command: Plugin) -> anyhow::Result<ExitCode> {
    let Command::Inspect { file } = command.command;
    super::output::line(morag_runtime::inspect(&file).await?);
    Ok(ExitCode::SUCCESS)
}
