//! `cargo xtask bench`: benchmarks of the whole server, one per file.
mod delivery;
mod layout;
mod pipeline;
mod plugins;
mod receiver;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};
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
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    match &options.what {
        What::Pipeline(options) => pipeline::run(options),
        What::Delivery(options) => delivery::run(options),
        What::Plugins(options) => plugins::run(options),
    }
}

/// Requests of the baseline.
const POSTS: usize = 5000;

/// Baseline: posts bodies of typical size to the receiver from a single client, to show the limits of the loopback interface,
/// the receiver and a simple client.
fn outside(receiver: &receiver::Receiver) -> Result<()> {
    receiver.clear();
    let body = serde_json::json!({ "timestamp": "2026-01-01T00:00:00.000Z", "data": "x".repeat(950) }).to_string();
    let started = Instant::now();
    for _ in 0..POSTS {
        let response =
            minreq::post(&receiver.url).with_body(body.as_str()).send().context("the receiver is unreachable")?;
        if response.status_code != 200 {
            bail!("the receiver answered {}", response.status_code);
        }
    }
    let rate = POSTS as f64 / started.elapsed().as_secs_f64();
    println!("baseline     {rate:.0} posts/s by one minreq client to the same receiver, one connection per post");
    Ok(())
}

/// Load average of the machine.
fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}
