//! `cargo xtask attack`: what strangers, callers and components have done to this server, done again under a memory limit.
//!
//! Each attack is a function of its own in `attacks/`. While it runs, `/health` is asked from another address. Exit code 1
//! where an attack was not refused, a probe was not answered, or the server ended.

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

/// Attacks a server under a memory limit, and prints what each came to.
#[derive(Parser)]
#[command(name = "attack")]
struct Options {
    /// The sizes of CI: fewer tasks, and without the attacks that wait for a time limit.
    #[arg(long)]
    short: bool,
    /// Memory that the server may take, MiB; beyond it the system ends it.
    #[arg(long, default_value_t = 1024)]
    memory_mib: u64,
    /// Only attacks whose name has this in it.
    #[arg(long)]
    only: Option<String>,
}

/// How large an attack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As it was seen to do harm.
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
        // A server of its own for each: what one attack leaves behind must not be another's.
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
