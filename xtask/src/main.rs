//! Set-up, tests and benches of this repository as commands: `cargo xtask COMMAND`.
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod api;
mod attack;
mod bench;
mod chaos;
mod children;
mod circles;
mod clients;
mod compile;
mod corpus;
mod deny;
mod deploy;
mod documents;
mod fixtures;
mod fuzz;
mod harness;
mod limited;
mod models;
mod node;
mod own_server;
mod plugins;
mod profile;
mod python;
mod server;
mod shell;
mod soak;
mod speech;
mod test;
mod toolchain;
mod tools;
mod up;
mod venv;
mod workspace;

/// Set-up, tests and benches of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

// A new command is one file of its own, one line above, one here and one in `run`.
#[derive(Subcommand)]
enum Action {
    Up(up::Options),
    Test(test::Options),
    Toolchain(toolchain::Options),
    Plugins(plugins::Options),
    Deny(deny::Options),
    Deploy(deploy::Options),
    Fixtures(fixtures::Options),
    Corpus(corpus::Options),
    Bench(bench::Options),
    Chaos(chaos::Options),
    Attack(attack::Options),
    Soak(soak::Options),
    Clients(clients::Options),
    Fuzz(fuzz::Options),
    Circles(circles::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not by `main`'s own result: with RUST_BACKTRACE set, the reason would drown in a stack trace.
            let reasons: Vec<_> = error.chain().map(ToString::to_string).collect();
            eprintln!("\nxtask: {}", reasons.join("\n  because: "));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Action) -> Result<()> {
    match command {
        Action::Up(options) => up::run(&options),
        Action::Test(options) => test::run(&options),
        Action::Toolchain(options) => toolchain::run(&options),
        Action::Plugins(options) => plugins::run(&options),
        Action::Deny(options) => deny::run(&options),
        Action::Deploy(options) => deploy::run(&options),
        Action::Fixtures(options) => fixtures::run(&options),
        Action::Corpus(options) => corpus::run(&options),
        Action::Bench(options) => bench::run(&options),
        Action::Chaos(options) => chaos::run(&options),
        Action::Attack(options) => attack::run(&options),
        Action::Soak(options) => soak::run(&options),
        Action::Clients(options) => clients::run(&options),
        Action::Fuzz(options) => fuzz::run(&options),
        Action::Circles(options) => circles::run(&options),
    }
}
