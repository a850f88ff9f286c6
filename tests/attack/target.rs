//! The server under attack.

use crate::attacks::Attack;
use crate::memory::{self, Limited};
use crate::report::Refused;
use morag_tests::child::{OwnChild, until};
use morag_tests::server::{PATIENCE, client, serve};
use reqwest::{Client, Method, RequestBuilder};
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// API key of the attacker.
pub const ATTACKER: &str = "the-attackers-key";
/// API key of the other caller.
pub const OTHER: &str = "the-other-callers-key";

/// Lines of the log that are shown if the server does not start.
const LAST_LINES: usize = 10;

/// A server in its own control group, on loopback, with two callers.
pub struct Target {
    child: OwnChild,
    address: SocketAddr,
    /// The clients of the attacker, at 127.0.0.1, and of the other caller.
    clients: [Client; 2],
    // Drop order: the process first.
    _limited: Limited,
    folder: TempDir,
}

impl Target {
    /// Starts a server with the attack's preparation. The error says why it did not start.
    pub async fn start(memory_mib: u64, attack: &Attack) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let limited = Limited::new(attack.name, memory_mib);
        let mut command = serve(&folder.path().join("data"));
        command.env("MORAG_API_KEYS", format!("{ATTACKER},{OTHER}")).env("MORAG_FETCH_ALLOW_NETWORKS", "127.0.0.0/8");
        (attack.prepare)(folder.path(), &mut command);
        let (child, address) = spawn(&mut limited.wrap(&command), folder.path())?;
        Ok(Self { child, address, clients: [client(), from_elsewhere()], _limited: limited, folder })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request with a caller's key.
    pub fn request(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        let client = &self.clients[usize::from(key == OTHER)];
        client.request(method, format!("http://{}{path}", self.address)).bearer_auth(key)
    }

    /// Resets the peak of memory, and returns the current memory.
    pub fn forget_peak(&self) -> u64 {
        memory::forget_peak(self.child.id());
        memory::of_process(self.child.id(), "VmRSS")
    }

    /// The peak of memory since then; none if the server has ended.
    pub fn peak(&mut self) -> Option<u64> {
        let peak = memory::of_process(self.child.id(), "VmHWM");
        self.child.ended().is_none().then_some(peak)
    }

    /// How it ended, with the end of its log; none while it runs.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.ended()?;
        Some(format!("{status}; its log ends with:\n{}", tail(&self.log())))
    }

    /// Its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The folder of all its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The plugins folder of an attack that prepares its own.
    pub fn own_plugins(folder: &Path) -> PathBuf {
        folder.join("plugins")
    }

    /// Submits a document as the other caller, which must complete: the server must still work for others.
    pub async fn other_is_served(&self) -> Result<(), String> {
        let part = reqwest::multipart::Part::bytes(morag_fixtures::one_page_markdown(1)).file_name("other.md");
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.request(OTHER, Method::POST, "/api/v1/ingest/file").multipart(form);
        let answer = request.timeout(PATIENCE).send().await.map_err(|error| format!("the other caller: {error}"))?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(format!("the other caller's document is answered {}", answer.status())),
        }
    }

    /// A refusal, after checking that the other caller is served.
    pub async fn refused(&self, after: impl Into<String>, how: impl Into<String>) -> Result<Refused, String> {
        self.other_is_served().await?;
        Ok(Refused { after: after.into(), how: how.into() })
    }
}

/// Starts a server whose output goes to `out` and `log` in a folder, and waits until it listens. The error says why it did not start.
pub fn spawn(command: &mut Command, folder: &Path) -> Result<(OwnChild, SocketAddr), String> {
    let file = |name: &str| File::create(folder.join(name)).expect("a file");
    command.current_dir(folder).stdin(Stdio::null()).stdout(file("out")).stderr(file("log"));
    let mut child = OwnChild::spawn(command, folder).expect("the binary starts");
    let says = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let address = until(PATIENCE, || match child.ended() {
        Some(status) => Some(Err(format!("the server ended with {status} at its start:\n{}", tail(&says("log"))))),
        None => {
            let said = says("out");
            said.lines().find_map(|line| line.strip_prefix("morag listens on http://")?.parse().ok()).map(Ok)
        }
    });
    let address = address.unwrap_or_else(|| Err("the server does not start".to_owned()))?;
    Ok((child, address))
}

/// A client at another address: connections are limited by address, before the caller is known.
fn from_elsewhere() -> Client {
    let address = std::net::Ipv4Addr::new(127, 0, 0, 3);
    Client::builder().local_address(std::net::IpAddr::from(address)).build().expect("a client")
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
