//! A program that is ended with us, however we end, and that takes signals.
//!
//! Dropping it kills it. Statics are never dropped, and a test process can itself be killed: a watchdog, which reads a pipe
//! that only we hold open, then kills the program and removes its folder.

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Between two looks at something another process does.
pub const LOOK: Duration = Duration::from_millis(20);

/// Waits for the end of its input, which comes when the test process is gone.
const WATCHDOG: &str = r#"cat >/dev/null; kill -KILL "$1" 2>/dev/null; rm -rf -- "$2""#;

/// A running program. Killed when dropped, and when this process ends without dropping it.
#[derive(Debug)]
pub struct OwnChild {
    process: Child,
    watchdog: Child,
    // Closed by the system when we end.
    _alive: ChildStdin,
}

impl OwnChild {
    /// Starts it in a process group of its own, so that Ctrl-C in a terminal reaches only us. `folder` is removed if this
    /// process ends before the program.
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

    /// Sends it a signal; one that has ended takes none.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = Pid::from_raw(i32::try_from(self.process.id()).expect("a process id"));
            signal::kill(pid, signal).expect("our own child takes signals");
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the status of our own child")
    }
}

impl Drop for OwnChild {
    fn drop(&mut self) {
        // The watchdog first: it must not see the pipe close and remove a folder that is still wanted.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Looks until there is something to see, at most so long. Blocks the thread.
pub fn until<T>(at_most: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if started.elapsed() > at_most {
            return None;
        }
        // Another process is waited for; nothing tells when it is done.
        std::thread::sleep(LOOK);
    }
}
