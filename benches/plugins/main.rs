//! Cost of hosting a step, each figure beside a baseline measured in the same run.
//!
//! `cargo xtask bench plugins` builds the prerequisites and runs it. A and B alternate in short rounds and their medians are compared,
//! because machines here are noisy. It asserts nothing.

mod bytes;
mod cold_start;
mod extism;
mod measure;
mod native;
mod noop;

use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this with `--test`: then it only has to compile.
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
