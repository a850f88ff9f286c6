//! The compiling process: `morag compile-component MEMORY_BYTES CPU_SECONDS TIER`, which the server starts.
//!
//! It limits itself before it reads a byte, compiles one component and ends. It uses its standard streams only and has no other
//! file open. It ends with the process that started it, because its input ends then, whatever the compiler is doing.

use super::wire::{self, Answer};
use crate::engine_config::{self, Tier};
use morag_core::plugin::{COMPONENT_BYTES_MAX, CompileLimits};
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use std::io::{self, Read as _};
use std::process::ExitCode;
use wasmtime::OutOfMemory;

/// Niceness: below requests (0) and steps (5) where all compete for a core.
const NICENESS: i32 = 10;

/// Address space beyond the memory: the program, the stacks of its threads, and unused reservations of the allocator. It matters
/// only where the system does not limit written memory (Linux does since 4.7).
const ADDRESS_SPACE_EXTRA: u64 = 2 << 30;

/// Files that it may have open: its three streams, and a few that the standard library opens briefly.
const FILES_MAX: u64 = 16;

/// Limits this process, compiles the component of its input, and writes the answer. Errors go to the standard error output.
pub fn compile_in_this_process(limits: CompileLimits, tier: Tier) -> ExitCode {
    match run(limits, tier) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("morag compile-component: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(limits: CompileLimits, tier: Tier) -> io::Result<()> {
    close_inherited();
    confine(limits)?;
    let wasm = wire::read_component(&mut io::stdin().lock(), COMPONENT_BYTES_MAX)?;
    end_with_the_input()?;
    let answer = compile(&wasm, tier);
    wire::write_answer(&mut io::stdout().lock(), &answer)
}

fn compile(wasm: &[u8], tier: Tier) -> Answer {
    let compiled = engine_config::for_compiling(tier).and_then(|engine| engine.precompile_component(wasm));
    match compiled {
        Ok(code) => Answer::Code(code),
        Err(error) if error.is::<OutOfMemory>() => Answer::NoMemory,
        Err(error) => Answer::Invalid(error.root_cause().to_string()),
    }
}

/// A thread that ends the process when its input ends: nothing else does if the starting process was killed.
fn end_with_the_input() -> io::Result<()> {
    let watch = || {
        let mut byte = [0];
        // No more input is expected: the starting process does not wait for the answer any more.
        let _ = io::stdin().lock().read(&mut byte);
        std::process::exit(1);
    };
    std::thread::Builder::new().name("input".into()).spawn(watch).map(drop)
}

/// Closes files that were inherited by mistake. This process has not opened any yet, so none of them is used.
fn close_inherited() {
    /// Numbers that are tried where the system does not list open files.
    const FILES_TRIED: i32 = 4096;
    let number = |entry: io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse::<i32>().ok();
    let listed = std::fs::read_dir("/dev/fd").map(|entries| entries.filter_map(number).collect());
    let open: Vec<i32> = listed.unwrap_or_else(|_| (0..FILES_TRIED).collect());
    for file in open.into_iter().filter(|number| *number > 2) {
        // One of them was the list, which is closed already.
        let _ = nix::unistd::close(file);
    }
}

fn confine(limits: CompileLimits) -> io::Result<()> {
    // Raising this needs no rights. Where memory is short, the system ends the compiler and not the server.
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Before there are threads: they inherit it.
    let _ = setpriority_process(None, NICENESS);
    let memory = limits.memory_bytes_max;
    let cpu = limits.cpu_time_max.as_secs();
    for (resource, soft, hard) in [
        (Resource::Data, memory, memory),
        (Resource::As, memory.saturating_add(ADDRESS_SPACE_EXTRA), memory.saturating_add(ADDRESS_SPACE_EXTRA)),
        // The signal at the soft limit ends it and tells the reason; the hard limit kills it a second later.
        (Resource::Cpu, cpu, cpu + 1),
        (Resource::Nofile, FILES_MAX, FILES_MAX),
        // It writes no files, and no core dump of a gigabyte.
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
    ] {
        let now = getrlimit(resource);
        let at_most = |value: u64| Some(now.maximum.map_or(value, |maximum| value.min(maximum)));
        setrlimit(resource, Rlimit { current: at_most(soft), maximum: at_most(hard) })?;
    }
    Ok(())
}
