//! What the machine itself comes to, beside a measurement of the server.
use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::receiver::Receiver;

/// Posts of the comparison.
const POSTS: usize = 5000;

/// The receiver under one client that posts a body of the usual size again and again: what the loopback, this receiver
/// and a simple client come to.
pub fn outside(receiver: &Receiver) -> Result<()> {
    receiver.clear();
    let body = serde_json::json!({ "timestamp": "2026-01-01T00:00:00.000Z", "data": "x".repeat(950) }).to_string();
    let started = Instant::now();
    for _ in 0..POSTS {
        let response = minreq::post(&receiver.url).with_body(body.as_str()).send().context("the receiver is away")?;
        if response.status_code != 200 {
            bail!("the receiver answered {}", response.status_code);
        }
    }
    let rate = POSTS as f64 / started.elapsed().as_secs_f64();
    println!("baseline     {rate:.0} posts/s by one minreq client to the same receiver, a connection each");
    Ok(())
}

/// The machine's load, as the system tells.
pub fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}
