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

/// The attacker's key.
pub const ATTACKER: &str = "the-attackers-key";
/// Another caller's.
pub const OTHER: &str = "the-other-callers-key";

/// Lines of the log that are shown when the server does not start.
const LAST_LINES: usize = 10;

/// A server in a control group of its own, on loopback, with two callers.
pub struct Target {
    child: OwnChild,
    address: SocketAddr,
    /// The attacker, at 127.0.0.1, and the other caller.
    clients: [Client; 2],
    // Dropped in this order: the process first.
    _limited: Limited,
    folder: TempDir,
}

impl Target {
    /// Starts one, prepared as the attack wants it. An error says why it does not start.
    pub async fn start(memory_mib: u64, attack: &Attack) -> Result<Self, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let limited = Limited::new(attack.name, memory_mib);
        let mut command = serve(&folder.path().join("data"));
        command.env("MORAG_API_KEYS", format!("{ATTACKER},{OTHER}")).env("MORAG_FETCH_ALLOW_NETWORKS", "127.0.0.0/8");
        (attack.prepare)(folder.path(), &mut command);
        let (child, address) = spawn(&mut limited.wrap(&command), folder.path())?;
        Ok(Self { child, address, clients: [client(), from_elsewhere()], _limited: limited, folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A request of a caller.
    pub fn request(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        let client = &self.clients[usize::from(key == OTHER)];
        client.request(method, format!("http://{}{path}", self.address)).bearer_auth(key)
    }

    /// Forgets the peak of memory, and gives what the server has now.
    pub fn forget_peak(&self) -> u64 {
        memory::forget_peak(self.child.id());
        memory::of_process(self.child.id(), "VmRSS")
    }

    /// The most memory since then; none where it has ended.
    pub fn peak(&mut self) -> Option<u64> {
        let peak = memory::of_process(self.child.id(), "VmHWM");
        self.child.ended().is_none().then_some(peak)
    }

    /// How it ended, with the end of its log; none where it runs.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.ended()?;
        Some(format!("{status}; its log ends with:\n{}", tail(&self.log())))
    }

    /// All it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The folder of all it has.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The plugins folder of an attack that prepared one of its own.
    pub fn own_plugins(folder: &Path) -> PathBuf {
        folder.join("plugins")
    }

    /// What another caller's document comes to, submitted now: the proof that the server still works for others.
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

    /// A refusal, once it is known that another caller is served.
    pub async fn refused(&self, after: impl Into<String>, how: impl Into<String>) -> Result<Refused, String> {
        self.other_is_served().await?;
        Ok(Refused { after: after.into(), how: how.into() })
    }
}

/// Starts a server whose output goes to `out` and `log` of a folder, and waits until it listens. An error says why it does not.
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

/// A client at an address of its own: connections are limited by address, before anybody knows whose they are.
fn from_elsewhere() -> Client {
    let address = std::net::Ipv4Addr::new(127, 0, 0, 3);
    Client::builder().local_address(std::net::IpAddr::from(address)).build().expect("a client")
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}
