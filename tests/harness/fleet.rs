//! Several processes of the binary with a shared store and data folder, which can be killed, paused and restarted.

mod clock;
mod process;

pub use clock::{ProcessClock, libfaketime};
pub use process::Process;

use crate::child::LOOK;
use crate::redis::free_port;
use crate::server::PATIENCE;
use std::path::PathBuf;
use std::time::Instant;
use tempfile::TempDir;

/// Settings of every process, in addition to the tests' defaults ([`crate::server::serve`]). Leases are short because tests wait
/// for them. Webhooks have more retries than any fault lasts, because a delivery that is rightly given up would be counted as a
/// loss.
const SETTINGS: [(&str, &str); 6] = [
    ("MORAG_LEASE_SECONDS", "2"),
    ("WEBHOOK_TIMEOUT", "2"),
    ("WEBHOOK_MAX_RETRIES", "20"),
    // The processes share the cores of one machine.
    ("MORAG_WORKER_CONCURRENCY", "2"),
    ("MORAG_DRAIN_TIMEOUT", "20"),
    ("RUST_LOG", "info"),
];

/// A group of processes. Killed when dropped.
pub struct Fleet {
    settings: Vec<(String, String)>,
    processes: Vec<Process>,
    data_dir: PathBuf,
    // Last, so that it is removed after all processes have ended.
    folder: TempDir,
}

impl Fleet {
    /// A fleet without processes. `settings` override the fleet's own.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings: Vec<_> = SETTINGS.iter().chain(settings).map(owned).collect();
        let elsewhere = settings.iter().find(|(name, _)| name == "MORAG_DATA_DIR").map(|(_, path)| PathBuf::from(path));
        let data_dir = elsewhere.unwrap_or_else(|| folder.path().join("data"));
        Self { settings, processes: Vec::new(), data_dir, folder }
    }

    /// Starts a process with these roles, waits until it is ready, and returns its number.
    pub async fn start(&mut self, roles: &str) -> usize {
        self.start_with(roles, None).await
    }

    /// The same with a clock that can be changed.
    pub async fn start_with(&mut self, roles: &str, clock: Option<ProcessClock>) -> usize {
        let number = self.processes.len();
        let name = format!("{roles}-{number}").replace(',', "+");
        let mut settings = self.settings.clone();
        settings.extend(clock.iter().flat_map(ProcessClock::settings));
        settings.push(("API_PORT".into(), free_port().to_string()));
        self.processes.push(Process::new(name, roles, self.data_dir.clone(), self.folder.path(), settings));
        self.processes[number].start().await;
        number
    }

    /// The processes, by number.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// A process, by number.
    pub fn process(&mut self, number: usize) -> &mut Process {
        &mut self.processes[number]
    }

    /// URLs of all processes with the `api` role, running or not.
    pub fn api_urls(&self) -> Vec<String> {
        self.processes.iter().filter(|process| process.has_role("api")).map(Process::url).collect()
    }

    /// The shared data folder.
    pub fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Restarts or resumes all processes that are not running.
    pub async fn heal(&mut self) {
        for process in &mut self.processes {
            process.heal().await;
        }
    }

    /// Sends SIGTERM to all processes and waits for them; each must exit successfully.
    pub async fn terminate(&mut self) {
        self.processes.iter_mut().for_each(Process::ask_to_stop);
        for process in &mut self.processes {
            let status = wait_for(|| process.ended()).await;
            let status = status.unwrap_or_else(|| panic!("{} does not stop:\n{}", process.name(), process.log_tail()));
            assert!(status.success(), "{} ended with {status}:\n{}", process.name(), process.log_tail());
        }
    }

    /// Lines of all logs that contain a text.
    pub fn log_lines_with(&self, text: &str) -> Vec<String> {
        let lines = |process: &Process| -> Vec<String> {
            process.log().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
        };
        self.processes.iter().flat_map(lines).collect()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Show the logs before the folder is removed.
        if std::thread::panicking() {
            for process in &self.processes {
                println!("the end of the log of {}:\n{}", process.name(), process.log_tail());
            }
        }
    }
}

/// Polls `look` until it returns something, for at most [`PATIENCE`]. Other tasks run meanwhile.
pub async fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if started.elapsed() > PATIENCE {
            return None;
        }
        // Another process gives no notification.
        tokio::time::sleep(LOOK).await;
    }
}
