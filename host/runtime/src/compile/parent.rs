//! Starts compiling processes, at most so many at once, and judges how they end.

use super::error::CompileError;
use super::wire::{self, Answer};
use crate::engine_config::Tier;
use bytes::Bytes;
use morag_core::plugin::CompileLimits;
use rustix::process::Signal;
use std::io::{self, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Processes at once: parts of a compilation have one thread only, and a second one fills the cores meanwhile. Each may take all
/// the memory that compiling may have, so not more.
const PROCESSES_MAX: usize = 2;

/// Bytes of what a process says before it ends that are read, and characters of it that are shown.
const SAID_BYTES_MAX: u64 = 16 << 10;
const SAID_CHARS_MAX: usize = 300;

/// A program that compiles: `morag`, of this version.
#[derive(Debug, Clone)]
pub struct CompilerProgram(PathBuf);

impl CompilerProgram {
    /// Name of the command that compiles.
    pub const COMMAND: &str = "compile-component";

    /// A `morag` at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The program that runs, which must be a `morag`. On Linux it is found though its file was replaced or removed meanwhile.
    ///
    /// # Errors
    /// Where the system does not say which it is.
    pub fn this() -> io::Result<Self> {
        let running = Path::new("/proc/self/exe");
        Ok(Self(if running.exists() { running.to_owned() } else { std::env::current_exe()? }))
    }
}

/// Compiling processes.
#[derive(Debug)]
pub struct Children {
    program: CompilerProgram,
    limits: CompileLimits,
    places: Semaphore,
}

impl Children {
    pub(super) fn new(program: CompilerProgram, limits: CompileLimits) -> Self {
        Self { program, limits, places: Semaphore::new(PROCESSES_MAX) }
    }

    pub(super) fn limits(&self) -> CompileLimits {
        self.limits
    }

    /// Compiles in a process of its own, when there is a place. Dropping the future kills the process.
    pub(super) async fn compile(&self, wasm: Bytes, tier: Tier) -> Result<Vec<u8>, CompileError> {
        let _place = self.places.acquire().await.map_err(|closed| CompileError::NotRun(closed.to_string()))?;
        let not_run = |error: io::Error| CompileError::NotRun(error.to_string());
        let (process, streams) = self.start(tier).map_err(not_run)?;
        let Streams { mut input, mut output, errors } = streams;
        // Open until the answer is here: its end would end the process.
        let given = spawn_blocking(move || {
            let written = wire::write_component(&mut input, &wasm);
            (input, written)
        });
        let said = spawn_blocking(move || read_said(errors));
        let answered = spawn_blocking(move || wire::read_answer(&mut output));
        let wall_time_max = self.limits.wall_time_max();
        let answer = match tokio::time::timeout(wall_time_max, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failed)) => return Err(CompileError::NotRun(failed.to_string())),
            Err(_) => return Err(CompileError::WallTime(wall_time_max)),
        };
        match answer {
            Ok(Answer::Code(code)) => Ok(code),
            Ok(Answer::Invalid(reason)) => Err(CompileError::Invalid(reason)),
            Ok(Answer::NoMemory) => Err(CompileError::Memory(self.limits.memory_bytes_max)),
            Err(error) => {
                // One that has ended keeps the status that it has ended with.
                let status = process.end().map_err(not_run)?;
                let said = said.await.unwrap_or_default();
                drop(given);
                Err(judge(status, &said, &error, self.limits))
            }
        }
    }

    fn start(&self, tier: Tier) -> io::Result<(Process, Streams)> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut command = Command::new(&self.program.0);
        command
            .arg0("morag")
            .arg(CompilerProgram::COMMAND)
            .arg(self.limits.memory_bytes_max.to_string())
            .arg(self.limits.cpu_time_max.as_secs().to_string())
            .arg(tier.as_str())
            // Keys and passwords are in ours.
            .env_clear()
            // All of them together have as many threads as there are cores.
            .env("RAYON_NUM_THREADS", cores.div_ceil(PROCESSES_MAX).to_string())
            .current_dir("/")
            // Ctrl-C in a terminal is for the server, which has more to do before it ends.
            .process_group(0)
            // Everything else that is open here is closed there: the standard library opens files so.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Process(child);
        match streams {
            (Some(input), Some(output), Some(errors)) => Ok((process, Streams { input, output, errors })),
            _ => Err(io::Error::other("it has no standard streams")),
        }
    }
}

struct Streams {
    input: ChildStdin,
    output: ChildStdout,
    errors: ChildStderr,
}

/// A process that is killed when nobody waits for it any more.
struct Process(Child);

impl Process {
    fn end(mut self) -> io::Result<ExitStatus> {
        // Fails only where it has ended.
        let _ = self.0.kill();
        self.0.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        // What is killed ends at once; unless it is waited for, it stays in the system's table.
        let _ = self.0.wait();
    }
}

fn read_said(errors: ChildStderr) -> String {
    let mut bytes = Vec::new();
    // What could be read is shown; that it could not is no news.
    let _ = errors.take(SAID_BYTES_MAX).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}

/// Why a process ended without an answer.
fn judge(status: ExitStatus, said: &str, error: &io::Error, limits: CompileLimits) -> CompileError {
    let signal = status.signal().and_then(Signal::from_named_raw);
    match signal {
        Some(Signal::XCPU) => CompileError::CpuTime(limits.cpu_time_max),
        Some(Signal::KILL) => CompileError::Killed,
        // What Rust ends by when there is no memory, among other things.
        Some(Signal::ABORT) => CompileError::Died(format!(
            "it ended itself ({said}), mostly because that takes more than {} MiB of memory: make the component smaller, or raise \
             MORAG_COMPILE_MEMORY_BYTES",
            limits.memory_bytes_max >> 20
        )),
        Some(signal) => CompileError::Died(format!("signal {}, {said}", signal.as_raw())),
        None => match (status.code(), error.kind()) {
            // A panic.
            (Some(101), _) => CompileError::Died(said.to_owned()),
            (_, io::ErrorKind::InvalidData) => CompileError::NotRun(error.to_string()),
            _ => CompileError::NotRun(format!("{status}, {said}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits() -> CompileLimits {
        CompileLimits { memory_bytes_max: 64 << 20, cpu_time_max: Duration::from_secs(7) }
    }

    fn judged(status: i32) -> CompileError {
        judge(ExitStatus::from_raw(status), "said", &io::ErrorKind::UnexpectedEof.into(), limits())
    }

    #[test]
    fn how_a_process_ended_says_why() {
        assert_eq!(judged(Signal::XCPU.as_raw()), CompileError::CpuTime(Duration::from_secs(7)));
        assert_eq!(judged(Signal::KILL.as_raw()), CompileError::Killed);
        assert!(judged(Signal::ABORT.as_raw()).to_string().contains("64 MiB"));
        assert!(judged(Signal::SEGV.as_raw()).to_string().contains("signal 11, said"));
        assert_eq!(judged(101 << 8), CompileError::Died("said".into()));
        assert!(matches!(judged(1 << 8), CompileError::NotRun(text) if text.contains("said")));
    }

    #[test]
    fn only_what_is_the_components_own_is_final() {
        let finals = [Signal::XCPU.as_raw(), Signal::ABORT.as_raw(), Signal::SEGV.as_raw(), 101 << 8];
        assert!(finals.into_iter().all(|status| judged(status).is_final()));
        assert!([Signal::KILL.as_raw(), 1 << 8].into_iter().all(|status| !judged(status).is_final()));
        assert!(!CompileError::WallTime(Duration::from_secs(1)).is_final());
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_or_is_no_compiler_is_named() {
        let compile = async |program: &str| {
            let children = Children::new(CompilerProgram::at(program), limits());
            children.compile(Bytes::from_static(b"wasm"), Tier::Optimised).await.unwrap_err()
        };
        assert!(matches!(compile("/nowhere/morag").await, CompileError::NotRun(_)));
        assert!(matches!(compile("/bin/false").await, CompileError::NotRun(_)));
    }
}
