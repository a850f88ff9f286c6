//! Child processes: started with a log file, monitored, and always stopped.
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::shell;

/// Time for a process to end by itself after SIGTERM; the server completes its writes.
const GRACE: Duration = Duration::from_secs(10);
/// Interval between checks of a starting or ending process.
pub const LOOK: Duration = Duration::from_millis(50);
/// Lines of the log shown when a process ended unexpectedly.
const LAST_LINES: usize = 20;

/// Set by Ctrl-C and SIGTERM.
static STOP: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C set a flag, returned by [`stop_wanted`]. Must be called only once.
pub fn catch_stop() -> Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst)).context("cannot catch Ctrl-C")
}

/// Whether Ctrl-C was pressed.
pub fn stop_wanted() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// A child process, stopped on drop.
pub struct Running {
    name: String,
    process: Child,
    log: PathBuf,
}

impl Running {
    /// Starts a process whose output replaces the log file.
    pub fn start(name: &str, command: &Command, log: &Path) -> Result<Self> {
        if let Some(folder) = log.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = with_us(command);
        // Own process group: Ctrl-C in the terminal must reach only xtask, which stops each child once.
        command.process_group(0).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let process = command.spawn().with_context(|| format!("cannot start `{}`", shell::shown(&command)))?;
        Ok(Self { name: name.to_owned(), process, log: log.to_owned() })
    }

    /// Fails with the end of the log if the process has ended.
    pub fn check(&mut self) -> Result<()> {
        let Some(status) = self.process.try_wait()? else { return Ok(()) };
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n    ");
        bail!("{} ended ({status}); the end of {}:\n    {last}", self.name, self.log.display());
    }

    /// Waits until `ready` returns true.
    pub fn wait_ready(&mut self, limit: Duration, ready: impl Fn() -> bool) -> Result<()> {
        let started = Instant::now();
        while !ready() {
            self.check()?;
            if stop_wanted() {
                bail!("stopped");
            }
            if started.elapsed() > limit {
                bail!("{} is not ready after {}; its log is {}", self.name, shell::seconds(limit), self.log.display());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Peak resident memory in bytes, if the system reports it.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        peak_memory_bytes_of(self.process.id())
    }

    /// Processor time of all its threads so far, seconds.
    pub fn cpu_seconds(&self) -> Option<f64> {
        cpu_seconds_of(self.process.id())
    }

    /// Sends SIGTERM, waits, and kills the process if it has not ended.
    pub fn stop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        // The standard library can only send SIGKILL.
        let pid = i32::try_from(self.process.id()).map(Pid::from_raw);
        let asked = pid.is_ok_and(|pid| signal::kill(pid, Signal::SIGTERM).is_ok());
        let started = Instant::now();
        while asked && started.elapsed() < GRACE {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(LOOK);
        }
        eprintln!("{} did not end within {}; killed", self.name, shell::seconds(GRACE));
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Peak resident memory of a process in bytes, if the system reports it.
pub fn peak_memory_bytes_of(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Processor time of all threads of a process so far, seconds.
pub fn cpu_seconds_of(process: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Fields 14 and 15 of proc(5), counted after the name in parentheses, in ticks of 10 ms.
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// The same command, with the child ended by the system when xtask is killed. Needs `setpriv` (util-linux).
pub fn with_us(command: &Command) -> Command {
    let mut wrapped = if shell::have("setpriv") {
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program());
        wrapped
    } else {
        Command::new(command.get_program())
    };
    wrapped.args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(key, value),
            None => wrapped.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

/// `wanted` if that loopback port is free; any free port for 0.
pub fn free_port(wanted: u16) -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", wanted))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-children-{}", std::process::id())).join(name)
    }

    fn is_alive(pid: u32) -> bool {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn a_program_that_dies_is_reported_with_the_end_of_its_log() {
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 30; echo the reason >&2; exit 3"]);
        let mut running = Running::start("the server", &command, &log("dies")).unwrap();
        let error = running.wait_ready(GRACE, || false).unwrap_err().to_string();
        assert!(error.contains("the server ended (exit status: 3)"), "{error}");
        assert!(error.ends_with("the reason") && error.contains("    30\n") && !error.contains("    9\n"), "{error}");
    }

    #[test]
    fn dropping_stops_the_program() {
        let mut command = Command::new("sleep");
        let mut running = Running::start("sleep", command.arg("1000"), &log("sleeps")).unwrap();
        let pid = running.process.id();
        assert!(running.check().is_ok());
        assert!(running.peak_memory_bytes().is_some_and(|bytes| bytes > 0));
        drop(running);
        assert!(!is_alive(pid));
    }

    #[test]
    fn a_port_in_use_is_not_free() {
        let held = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        assert!(free_port(held.local_addr().unwrap().port()).is_err());
        assert_ne!(free_port(0).unwrap(), 0);
    }
}
