//! `cargo xtask attack`: repeats known attacks by outsiders, callers and components on a server under a memory limit.
//!
//! Each attack is a function in `attacks/`. While it runs, `/health` is probed from another address. Exit code 1 if an attack was not
//! refused, a probe failed, or the server ended.

mod attacks;
mod memory;
mod probe;
mod report;
mod target;

use attacks::Attack;
use clap::Parser;
use report::{Report, Row};
use std::process::ExitCode;
use target::Target;

/// Attacks a server under a memory limit, and prints the result of each attack.
#[derive(Parser)]
#[command(name = "attack")]
struct Options {
    /// As in CI: fewer tasks, and without the attacks that wait for a timeout.
    #[arg(long)]
    short: bool,
    /// Memory limit of the server, MiB; above it the system kills the server.
    #[arg(long, default_value_t = 1024)]
    memory_mib: u64,
    /// Only attacks whose name contains this.
    #[arg(long)]
    only: Option<String>,
}

/// Size of an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The size that did harm.
    Full,
    /// Smaller, for CI.
    Short,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let size = if options.short { Size::Short } else { Size::Full };
    let wanted = |attack: &Attack| options.only.as_ref().is_none_or(|part| attack.name.contains(part.as_str()));
    let mut report = Report::new(options.memory_mib);
    for attack in attacks::all().into_iter().filter(wanted) {
        if size == Size::Short && attack.is_long {
            report.leave_out(attack.name);
            continue;
        }
        // A separate server for each attack, so that leftovers of one do not affect another.
        let mut target = match Target::start(options.memory_mib, &attack).await {
            Ok(target) => target,
            Err(why) => {
                report.add(Row::not_started(attack.name, why));
                continue;
            }
        };
        let before = target.forget_peak();
        let probes = probe::start(target.address());
        let outcome = attack.run(&mut target, size).await;
        let probes = probes.end().await;
        report.add(Row { name: attack.name, outcome, before, peak: target.peak(), probes, ended: target.ended() });
    }
    report.verdict()
}
