//! The servers that all tests share (Redis, a Redis Cluster, S3): `tests/harness/shared.rs` starts them.
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use crate::{python, shell};

/// The program that starts them.
pub const PROGRAM: &str = "shared-servers";
/// Longest line that it prints, bytes, and how many of them: a variable with a port or two each.
const OUTPUT_BYTES_MAX: u64 = 4096;

/// They run until this is dropped.
pub struct Shared {
    process: Child,
    environment: Vec<(String, String)>,
}

impl Shared {
    /// Starts them, and waits until all can be reached.
    pub fn start(workspace: &Workspace, interpreter: &Path) -> Result<Self> {
        let program = workspace.target.join("debug").join(PROGRAM);
        let mut command = Command::new(&program);
        command.env(python::VARIABLE, interpreter).stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = command.spawn().with_context(|| format!("cannot start `{}`", shell::shown(&command)))?;
        let mut this = Self { process, environment: Vec::new() };
        let out = this.process.stdout.take().context("no standard output")?;
        for line in BufReader::new(std::io::Read::take(out, OUTPUT_BYTES_MAX)).lines() {
            let line = line?;
            match line.split_once('=') {
                Some((name, value)) => this.environment.push((name.to_owned(), value.to_owned())),
                None => return Ok(this),
            }
        }
        bail!("{PROGRAM} ended before all servers had started; see its output above")
    }

    /// Where they are, as the tests expect it.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The end of its input is its sign to stop the servers.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
