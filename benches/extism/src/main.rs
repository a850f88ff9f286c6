//! Creates, calls and drops a plug-in that does nothing, from a precompiled one, in a loop. Each line of stdin is a number of calls; each
//! line of stdout is their wall time and processor time in nanoseconds. So the parent process can alternate between this and its own
//! measurement on a noisy machine.

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

/// The smallest possible core module: cheaper to instantiate than any real plug-in.
const NOOP: &str = r#"(module (memory (export "memory") 1) (func (export "run") (result i32) i32.const 0))"#;

fn main() -> Result<(), extism::Error> {
    let manifest = Manifest::new([Wasm::data(NOOP.as_bytes())]);
    let compiled = CompiledPlugin::new(PluginBuilder::new(manifest).with_wasi(true))?;
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let calls: u32 = line?.trim().parse()?;
        let (cpu, started) = (cpu_nanos(), Instant::now());
        for _ in 0..calls {
            let mut plugin = Plugin::new_from_compiled(&compiled)?;
            plugin.call::<&str, &[u8]>("run", "")?;
        }
        let wall = started.elapsed().as_nanos();
        writeln!(stdout, "{wall} {}", cpu_nanos() - cpu)?;
        stdout.flush()?;
    }
    Ok(())
}

/// Processor time of this process so far, in nanoseconds.
fn cpu_nanos() -> u128 {
    // `utime` and `stime` count ticks of 10 ms, which is too coarse; `schedstat` counts nanoseconds for each thread.
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse::<u128>().ok()).unwrap_or(0)
    };
    threads.map(of).sum()
}
