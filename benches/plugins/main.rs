//! What hosting a step costs, each figure beside one of something outside us in the same run.
//!
//! `cargo xtask bench plugins` builds what this needs and runs it. A and B take turns in short rounds and the medians are
//! compared, since machines here are noisy. Nothing is asserted.

mod bytes;
mod cold_start;
mod extism;
mod measure;
mod native;
mod noop;

use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, with a flag of its own: it compiles, and that is all that is asked then.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let runtime = Runtime::new()?;
    println!("load average {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    noop::run(&runtime)?;
    bytes::run(&runtime)?;
    cold_start::run(&runtime)?;
    native::run(&runtime)?;
    println!("load average {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    Ok(())
}
