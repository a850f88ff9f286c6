//! A process of the binary.

use super::wait_for;
use crate::child::OwnChild;
use crate::server::serve;
use nix::sys::signal::Signal;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

/// Lines of the log shown when a process fails.
const LAST_LINES: usize = 20;

/// A process with some roles, on a port that it keeps across restarts.
pub struct Process {
    name: String,
    roles: String,
    data_dir: PathBuf,
    folder: PathBuf,
    settings: Vec<(String, String)>,
    starts: u32,
    child: Option<OwnChild>,
    is_stopped: bool,
}

impl Process {
    pub(super) fn new(
        name: String,
        roles: &str,
        data_dir: PathBuf,
        folder: &Path,
        settings: Vec<(String, String)>,
    ) -> Self {
        let roles = roles.to_owned();
        Self { name, roles, data_dir, folder: folder.to_owned(), settings, starts: 0, child: None, is_stopped: false }
    }

    /// Starts the process and waits until it is ready.
    pub async fn start(&mut self) {
        self.launch();
        assert!(wait_for(|| self.is_ready()).await.is_some(), "{} does not start:\n{}", self.name, self.log_tail());
    }

    fn launch(&mut self) {
        self.starts += 1;
        self.is_stopped = false;
        let mut command = serve(&self.data_dir);
        command.args(["--role", &self.roles]).envs(self.settings.iter().cloned());
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        command.current_dir(&self.folder).stdin(Stdio::null()).stderr(log);
        // A new file for each start, so that readiness is that of this start.
        command.stdout(File::create(self.out_file()).expect("a file"));
        // The folder is not always the data folder's parent, but all of its content belongs to the fleet.
        self.child = Some(OwnChild::spawn(&mut command, &self.folder).expect("the binary starts"));
    }

    /// `Some` once it reports that it listens. Panics if it has ended.
    fn is_ready(&mut self) -> Option<()> {
        if let Some(status) = self.ended() {
            panic!("{} ended with {status} before it was ready:\n{}", self.name, self.log_tail());
        }
        let said = std::fs::read_to_string(self.out_file()).unwrap_or_default();
        said.contains("morag listens on ").then_some(())
    }

    /// Kills it (SIGKILL).
    pub fn kill(&mut self) {
        self.child = None;
        self.is_stopped = false;
    }

    /// Pauses it (SIGSTOP).
    pub fn stop_the_world(&mut self) {
        self.signal(Signal::SIGSTOP);
        self.is_stopped = true;
    }

    /// Resumes it (SIGCONT).
    pub fn go_on(&mut self) {
        self.signal(Signal::SIGCONT);
        self.is_stopped = false;
    }

    /// Sends SIGTERM.
    pub fn ask_to_stop(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// Waits until it has exited successfully after [`Self::ask_to_stop`], and starts it again.
    pub async fn end_well_and_start(&mut self) {
        let status = wait_for(|| self.ended()).await;
        let status = status.unwrap_or_else(|| panic!("{} does not stop:\n{}", self.name, self.log_tail()));
        assert!(status.success(), "{} ended with {status}:\n{}", self.name, self.log_tail());
        self.start().await;
    }

    fn signal(&mut self, signal: Signal) {
        self.child.as_mut().expect("a process that runs").signal(signal);
    }

    /// Restarts or resumes it, and waits until it is ready.
    pub async fn heal(&mut self) {
        if self.is_stopped {
            self.go_on();
        }
        if self.child.is_none() || self.ended().is_some() {
            self.start().await;
        }
    }

    /// Exit status, if it has ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(OwnChild::ended)
    }

    /// Name used in output.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.split(',').any(|own| own == role || own == "all")
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        let port = self.settings.iter().find(|(name, _)| name == "API_PORT").map_or("0", |(_, port)| port);
        format!("http://127.0.0.1:{port}")
    }

    /// Its log, over all starts.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    fn out_file(&self) -> PathBuf {
        self.folder.join(format!("{}.{}.out", self.name, self.starts))
    }
}
