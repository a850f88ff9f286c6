//! `cargo xtask bench`: measurements of the whole server, each a file of its own.
use anyhow::{Result, bail};
use clap::{Args, Subcommand};

/// Measure the whole server.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Tasks and deliveries a second of the standard pipeline.
    Pipeline,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    match options.what {
        What::Pipeline => bail!("`bench pipeline` is not written yet: nothing was measured"),
    }
}
