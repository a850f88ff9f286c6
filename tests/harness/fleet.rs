//! Many processes of the binary on one store and one data folder, to be killed, stopped and started.

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

/// Settings of every process, over the defaults of the tests ([`crate::server::serve`]). Leases are short, because tests
/// wait for them; a webhook has more retries than any fault lasts, because giving a delivery up is right and would be
/// counted as a loss.
const SETTINGS: [(&str, &str); 6] = [
    ("MORAG_LEASE_SECONDS", "2"),
    ("WEBHOOK_TIMEOUT", "2"),
    ("WEBHOOK_MAX_RETRIES", "20"),
    // Processes of one machine share its cores.
    ("MORAG_WORKER_CONCURRENCY", "2"),
    ("MORAG_DRAIN_TIMEOUT", "20"),
    ("RUST_LOG", "info"),
];

/// Processes on one store. Killed when dropped.
pub struct Fleet {
    settings: Vec<(String, String)>,
    processes: Vec<Process>,
    data_dir: PathBuf,
    // Last: it goes when nobody writes into it any more.
    folder: TempDir,
}

impl Fleet {
    /// A fleet without processes. Settings win over the fleet's own.
    pub fn new(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let settings: Vec<_> = SETTINGS.iter().chain(settings).map(owned).collect();
        let elsewhere = settings.iter().find(|(name, _)| name == "MORAG_DATA_DIR").map(|(_, path)| PathBuf::from(path));
        let data_dir = elsewhere.unwrap_or_else(|| folder.path().join("data"));
        Self { settings, processes: Vec::new(), data_dir, folder }
    }

    /// Starts a process in roles and waits until it is ready. Gives its number.
    pub async fn start(&mut self, roles: &str) -> usize {
        self.start_with(roles, None).await
    }

    /// The same with a clock that can jump.
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

    /// The processes, in the order of their numbers.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// One of them.
    pub fn process(&mut self, number: usize) -> &mut Process {
        &mut self.processes[number]
    }

    /// URLs of the processes that serve the interface, running or not.
    pub fn api_urls(&self) -> Vec<String> {
        self.processes.iter().filter(|process| process.has_role("api")).map(Process::url).collect()
    }

    /// The shared data folder.
    pub fn data_dir(&self) -> &std::path::Path {
        &self.data_dir
    }

    /// Starts again or lets go on whatever does not run.
    pub async fn heal(&mut self) {
        for process in &mut self.processes {
            process.heal().await;
        }
    }

    /// Asks all to stop (SIGTERM) at once and waits for them; each must end well.
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
        // The folder goes, and the reason of a failure with it.
        if std::thread::panicking() {
            for process in &self.processes {
                println!("the end of the log of {}:\n{}", process.name(), process.log_tail());
            }
        }
    }
}

/// Looks until there is something to see, at most [`PATIENCE`]. Other tasks run meanwhile.
pub async fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if started.elapsed() > PATIENCE {
            return None;
        }
        // Another process is waited for; nothing tells when it is done.
        tokio::time::sleep(LOOK).await;
    }
}
