//! What runs in the compiling process: `morag compile-component MEMORY_BYTES CPU_SECONDS`, which people do not call.
//!
//! It limits itself before it reads a byte, compiles one component and ends. It reads and writes its standard streams only, has
//! no file open besides, and ends when the one who started it does: the input then ends, whatever the compiler is doing.

use super::wire::{self, Answer};
use crate::engine_config;
use morag_core::plugin::{COMPONENT_BYTES_MAX, CompileLimits};
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use std::io::{self, Read as _};
use std::process::ExitCode;
use wasmtime::OutOfMemory;

/// How far the compiler stands back behind requests (0) and steps (5) where all want a core.
const NICENESS: i32 = 10;

/// Address space beyond the memory: the program itself, the stacks of its threads, and what the allocator reserves without using.
/// It matters only where the system does not limit memory by what is written to (Linux since 4.7 does).
const ADDRESS_SPACE_EXTRA: u64 = 2 << 30;

/// Files that it may have open: its three streams, and a few that the standard library looks at for a moment.
const FILES_MAX: u64 = 16;

/// Limits this process, compiles the component that comes in, and answers. Anything but an answer goes to the standard error
/// output.
pub fn compile_in_this_process(limits: CompileLimits) -> ExitCode {
    match run(limits) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("morag compile-component: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(limits: CompileLimits) -> io::Result<()> {
    close_inherited();
    confine(limits)?;
    let wasm = wire::read_component(&mut io::stdin().lock(), COMPONENT_BYTES_MAX)?;
    end_with_the_input()?;
    let answer = compile(&wasm);
    wire::write_answer(&mut io::stdout().lock(), &answer)
}

fn compile(wasm: &[u8]) -> Answer {
    let compiled = engine_config::for_compiling().and_then(|engine| engine.precompile_component(wasm));
    match compiled {
        Ok(code) => Answer::Code(code),
        Err(error) if error.is::<OutOfMemory>() => Answer::NoMemory,
        Err(error) => Answer::Invalid(error.root_cause().to_string()),
    }
}

/// A thread that waits for the end of the input. Where the one who started this process was killed, nobody else ends it.
fn end_with_the_input() -> io::Result<()> {
    let watch = || {
        let mut byte = [0];
        // Nothing more comes in: whatever this is, nobody waits for the answer.
        let _ = io::stdin().lock().read(&mut byte);
        std::process::exit(1);
    };
    std::thread::Builder::new().name("input".into()).spawn(watch).map(drop)
}

/// Closes what the one who started this process had open without meaning to pass it on, as what it was itself started with. Nothing
/// here has opened anything yet, so these files are nobody's.
fn close_inherited() {
    /// Where the system does not list them.
    const FILES_TRIED: i32 = 4096;
    let number = |entry: io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse::<i32>().ok();
    let listed = std::fs::read_dir("/dev/fd").map(|entries| entries.filter_map(number).collect());
    let open: Vec<i32> = listed.unwrap_or_else(|_| (0..FILES_TRIED).collect());
    for file in open.into_iter().filter(|number| *number > 2) {
        // The list itself was one of them, and is closed.
        let _ = nix::unistd::close(file);
    }
}

fn confine(limits: CompileLimits) -> io::Result<()> {
    // Raising this needs no rights. Where memory is short, the system ends the compiler and not the server.
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Before there are threads: they are as nice as the one that starts them.
    let _ = setpriority_process(None, NICENESS);
    let memory = limits.memory_bytes_max;
    let cpu = limits.cpu_time_max.as_secs();
    for (resource, soft, hard) in [
        (Resource::Data, memory, memory),
        (Resource::As, memory.saturating_add(ADDRESS_SPACE_EXTRA), memory.saturating_add(ADDRESS_SPACE_EXTRA)),
        // At the soft limit it is told so, which ends it and says why; a second later it is killed.
        (Resource::Cpu, cpu, cpu + 1),
        (Resource::Nofile, FILES_MAX, FILES_MAX),
        // It writes no files, and no image of a gigabyte of memory when it crashes.
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
    ] {
        let now = getrlimit(resource);
        let at_most = |value: u64| Some(now.maximum.map_or(value, |maximum| value.min(maximum)));
        setrlimit(resource, Rlimit { current: at_most(soft), maximum: at_most(hard) })?;
    }
    Ok(())
}
