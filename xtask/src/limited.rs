//! Programs that are not trusted with the machine: each with a limit of memory, of time and of what it writes.
//!
//! The limit of memory is one of address space (`ulimit -v`), for each process of its own.
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::children;
use crate::shell;

/// The largest file that it may write, its output too, in the units of 512 bytes that a POSIX shell has: 256 MiB.
const FILE_BLOCKS_MAX: u64 = 512 << 10;
/// Characters of its last words that are kept.
const REASON_CHARS_MAX: usize = 160;
/// Between two looks at it: small beside what starting it takes.
const POLL: Duration = Duration::from_millis(10);

/// What a program may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Address space.
    pub memory_bytes: u64,
    /// From its start to its end.
    pub time: Duration,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Well, with this on its standard output.
    Output(String),
    /// Otherwise: its exit status, if it was not killed, and the reason.
    Failed(Option<i32>, String),
}

/// Runs a program to its end. `folder` is emptied before, and is where its output and its temporary files are.
pub fn run(command: &Command, limits: Limits, folder: &Path) -> Result<Ended> {
    shell::remove_folder(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (output, errors) = (folder.join("stdout"), folder.join("stderr"));
    let mut command = children::with_us(&within_limits(command, limits));
    command
        .process_group(0)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(File::create(&output)?)
        .stderr(File::create(&errors)?);
    let mut process = command.spawn().with_context(|| format!("cannot start `{}`", shell::shown(&command)))?;
    let group = i32::try_from(process.id()).map(Pid::from_raw)?;
    let started = Instant::now();
    let status = loop {
        if let Some(status) = process.try_wait()? {
            break status;
        }
        let late = started.elapsed() > limits.time;
        if late || children::stop_wanted() {
            // With what it has started itself. An error means that it has just ended.
            let _ = signal::killpg(group, Signal::SIGKILL);
            process.wait()?;
            if late {
                return Ok(Ended::Failed(None, format!("not done after {}", shell::seconds(limits.time))));
            }
            bail!("stopped");
        }
        std::thread::sleep(POLL);
    };
    let text = |path: &Path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if status.success() {
        return Ok(Ended::Output(text(&output)?));
    }
    Ok(Ended::Failed(status.code(), reason(status, &text(&errors)?)))
}

/// The same command, started by a shell that limits itself before it becomes the program.
fn within_limits(command: &Command, limits: Limits) -> Command {
    let kib = limits.memory_bytes >> 10;
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!(r#"ulimit -v {kib} && ulimit -f {FILE_BLOCKS_MAX} && exec "$0" "$@""#));
    limited.arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(key, value),
            None => limited.env_remove(key),
        };
    }
    limited
}

/// Its last words, or how it was ended where it has none.
fn reason(status: ExitStatus, errors: &str) -> String {
    let last = errors.lines().map(str::trim).rfind(|line| !line.is_empty());
    let why = match (last, status.signal()) {
        (Some(last), None) => last.to_owned(),
        (Some(last), Some(_)) => format!("{status}: {last}"),
        (None, _) => status.to_string(),
    };
    why.chars().take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory_bytes: 256 << 20, time: Duration::from_secs(20) };

    fn ended(name: &str, script: &str, limits: Limits) -> Ended {
        let folder = std::env::temp_dir().join(format!("xtask-limited-{}-{name}", std::process::id()));
        let ended = run(shell::program("sh", &["-c", script]).env("WORD", "héllo"), limits, &folder).unwrap();
        shell::remove_folder(&folder).unwrap();
        ended
    }

    #[test]
    fn output_and_last_words_are_kept() {
        assert_eq!(ended("output", "echo $WORD; echo no >&2", LIMITS), Ended::Output("héllo\n".to_owned()));
        let failed = Ended::Failed(Some(3), "the reason".to_owned());
        assert_eq!(ended("failed", "echo first >&2; echo the reason >&2; echo >&2; exit 3", LIMITS), failed);
    }

    #[test]
    fn a_slow_program_is_killed_with_its_children() {
        let limits = Limits { time: Duration::from_millis(200), ..LIMITS };
        let failed = Ended::Failed(None, "not done after 0.2 s".to_owned());
        let note = std::env::temp_dir().join(format!("xtask-limited-{}-child", std::process::id()));
        let script = format!("sleep 100 & echo $! > {}; wait", note.display());
        assert_eq!(ended("slow", &script, limits), failed);
        let child = fs::read_to_string(&note).unwrap();
        fs::remove_file(&note).unwrap();
        // `PID (NAME) STATE …`: a killed process is a zombie until its new parent asks for it.
        let state = fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        let is_gone = |stat: &str| stat.rsplit(") ").next().is_some_and(|state| state.starts_with(['Z', 'X']));
        assert!(state.as_deref().map_or(true, is_gone), "{state:?}");
    }

    #[test]
    fn a_hungry_program_gets_no_more_memory() {
        // Shells double a variable until they are stopped.
        let script = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";
        let Ended::Failed(_, reason) = ended("hungry", script, LIMITS) else { panic!("it ended well") };
        assert!(!reason.contains("not done"), "{reason}");
    }
}
