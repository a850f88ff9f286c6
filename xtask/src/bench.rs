//! `cargo xtask bench`: benchmarks of the whole server, one per file.
mod delivery;
mod formats;
mod layout;
mod machine;
mod otlp;
mod pipeline;
mod plugins;
mod receiver;

use anyhow::Result;
use clap::{Args, Subcommand};

/// Benchmark the whole server.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Pipeline(pipeline::Options),
    Delivery(delivery::Options),
    Plugins(plugins::Options),
    Formats(formats::Options),
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    match &options.what {
        What::Pipeline(options) => pipeline::run(options),
        What::Delivery(options) => delivery::run(options),
        What::Plugins(options) => plugins::run(options),
        What::Formats(options) => formats::run(options),
    }
}
