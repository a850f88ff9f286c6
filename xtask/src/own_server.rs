//! A server for one run: on fresh data, stopped and forgotten at its end.
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::api::Client;
use crate::children::{self, Running};
use crate::profile::Profile;
use crate::server::{self, KEY, START_MAX};
use crate::shell;
use crate::workspace::Workspace;

/// A server that runs. Dropping stops it.
pub struct OwnServer {
    running: Running,
    data: PathBuf,
    /// Its client.
    pub client: Client,
    /// Where it writes its log.
    pub log: PathBuf,
}

impl OwnServer {
    /// Starts one with further environment variables, and waits until it is ready. `name` is that of its files in the target folder.
    pub fn start(workspace: &Workspace, profile: Profile, name: &str, environment: &[(&str, String)]) -> Result<Self> {
        let data = workspace.target.join(format!("{name}-data"));
        shell::remove_folder(&data)?;
        let port = children::free_port(0)?;
        let log = workspace.target.join(format!("{name}-server.log"));
        let mut command = server::command(workspace, profile, port, &data);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        let mut running = Running::start("the server", &command, &log)?;
        let client = Client::new(&format!("http://127.0.0.1:{port}"), KEY);
        running.wait_ready(START_MAX, || client.is_ready())?;
        Ok(Self { running, data, client, log })
    }

    /// Peak resident memory in bytes, if the system reports it.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        self.running.peak_memory_bytes()
    }

    /// Stops it and removes what it stored; fails if it had died before.
    pub fn end(mut self) -> Result<()> {
        self.running.check().context("the server died")?;
        self.running.stop();
        shell::remove_folder(&self.data)
    }
}
