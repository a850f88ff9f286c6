//! Child processes that take signals and never outlive the test process.
//!
//! Dropping kills the process. Statics are never dropped and a test process can be killed; then a watchdog, which reads a pipe
//! that only the test process holds open, kills the child and removes its folder.

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Interval for polling another process.
pub const LOOK: Duration = Duration::from_millis(20);

/// Waits for the end of its input, which comes when the test process is gone.
const WATCHDOG: &str = r#"cat >/dev/null; kill -KILL "$1" 2>/dev/null; rm -rf -- "$2""#;

/// A child process. Killed when dropped, and when this process ends without dropping it.
#[derive(Debug)]
pub struct OwnChild {
    process: Child,
    watchdog: Child,
    // Closed by the system when this process ends.
    _alive: ChildStdin,
}

impl OwnChild {
    /// Starts a process in a process group of its own, so that Ctrl-C in a terminal does not reach it. `folder` is removed if
    /// this process ends before the child.
    pub fn spawn(command: &mut Command, folder: &Path) -> std::io::Result<Self> {
        let process = command.process_group(0).spawn()?;
        let pid = process.id().to_string();
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "watchdog", &pid]).arg(folder);
        watchdog.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut watchdog = watchdog.spawn()?;
        let alive = watchdog.stdin.take().expect("a piped stdin");
        Ok(Self { process, watchdog, _alive: alive })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal; ignored if the process has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = Pid::from_raw(i32::try_from(self.process.id()).expect("a process id"));
            signal::kill(pid, signal).expect("our own child takes signals");
        }
    }

    /// Exit status, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the status of our own child")
    }
}

impl Drop for OwnChild {
    fn drop(&mut self) {
        // The watchdog first: it would remove the folder when it sees the pipe close.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Polls `look` until it returns something, for at most `at_most`. Blocks the thread.
pub fn until<T>(at_most: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if started.elapsed() > at_most {
            return None;
        }
        // Another process gives no notification.
        std::thread::sleep(LOOK);
    }
}
