//! Redis servers from Debian's package `redis-server`: single server, Cluster, Sentinel.
//!
//! They listen on free loopback ports, store their data in a temporary folder and end with the test. Starting takes little time
//! and blocks.

mod cluster;
mod ports;
mod sentinel;
mod tls;

pub use cluster::RedisCluster;
pub use sentinel::RedisSentinel;

use crate::child::{OwnChild, until};
use crate::server::PATIENCE;
use nix::sys::signal::Signal;
pub use ports::free_port;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tempfile::TempDir;
use tls::Certificates;

/// User of a server with a password; the user `default` is disabled there.
pub const USER: &str = "morag";
/// The user's password, with characters that must be escaped in a URL.
pub const PASSWORD: &str = "p@ss/wörd";
/// The password, escaped for a URL.
const PASSWORD_IN_URL: &str = "p%40ss%2Fw%C3%B6rd";

/// Configuration of a server.
#[derive(Debug, Clone, Copy, Default)]
pub struct RedisOptions {
    /// Flush every write before answering (`appendonly yes`, `appendfsync always`), so that a kill loses nothing. Otherwise a
    /// killed server starts empty, and `morag serve` accepts it only with [`ACCEPT_LOSS`].
    pub durable: bool,
    /// Only accept TLS, with a certificate for 127.0.0.1 by a CA of its own: [`RedisServer::ca_file`].
    pub tls: bool,
    /// Only accept [`USER`] with [`PASSWORD`].
    pub password: bool,
}

/// Setting with which `morag serve` accepts a server that is not [`RedisOptions::durable`]. For tests that do not kill Redis, which
/// would be slow with a flush per command.
pub const ACCEPT_LOSS: (&str, &str) = ("MORAG_REDIS_ACCEPT_LOSS", "restart");

/// A server. Killed when dropped.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    options: RedisOptions,
    arguments: Vec<String>,
    certificates: Option<Certificates>,
    // Before the folder, so that it has ended when the folder is removed.
    child: Option<OwnChild>,
    folder: TempDir,
    /// Data folder, if other than `folder`.
    data: Option<PathBuf>,
}

/// The environment variable with the port of the server that all test processes share, see [`crate::shared`].
pub(crate) const SHARED_SINGLE: &str = "MORAG_TEST_SHARED_REDIS";
/// The same for the Cluster: the ports of its masters, separated by commas.
pub(crate) const SHARED_CLUSTER: &str = "MORAG_TEST_SHARED_REDIS_CLUSTER";

impl RedisServer {
    /// Starts a server that stores everything in memory.
    pub fn start() -> Self {
        Self::start_with(RedisOptions::default())
    }

    /// Starts a server with options.
    pub fn start_with(options: RedisOptions) -> Self {
        Self::start_at(free_port(), options, &[])
    }

    /// Starts a durable server on an existing or new data folder.
    pub fn start_in(data: &std::path::Path) -> Self {
        std::fs::create_dir_all(data).expect("a folder for the data");
        let options = RedisOptions { durable: true, ..RedisOptions::default() };
        Self::start_with_data(free_port(), options, &[], Some(data.to_owned()))
    }

    /// Starts a server with options and additional arguments of `redis-server`.
    pub fn start_with_arguments(options: RedisOptions, arguments: &[&str]) -> Self {
        Self::start_at(free_port(), options, arguments)
    }

    /// Starts a server on a port, with additional arguments.
    fn start_at(port: u16, options: RedisOptions, arguments: &[&str]) -> Self {
        Self::start_with_data(port, options, arguments, None)
    }

    fn start_with_data(port: u16, options: RedisOptions, arguments: &[&str], data: Option<PathBuf>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificates = options.tls.then(|| Certificates::make(folder.path()));
        if options.password {
            let rules = format!("user default off\nuser {USER} on >{PASSWORD} ~* &* +@all\n");
            std::fs::write(folder.path().join("users.acl"), rules).expect("an ACL file");
        }
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut this = Self { port, options, arguments, certificates, child: None, folder, data };
        this.restart();
        this
    }

    /// A server that another process has started and ends; its port as text.
    fn attach(port: &str) -> Self {
        let port =
            port.parse().unwrap_or_else(|_| panic!("{SHARED_SINGLE} and {SHARED_CLUSTER} are ports, not {port:?}"));
        let this = Self {
            port,
            options: RedisOptions::default(),
            arguments: Vec::new(),
            certificates: None,
            child: None,
            folder: tempfile::tempdir().expect("a temporary folder"),
            data: None,
        };
        assert_eq!(this.ask(&["ping"]).trim(), "PONG", "the shared Redis on port {port} does not answer");
        this
    }

    /// Starts it, after [`kill`](Self::kill) or still running, on the same port and folder, and waits until it answers.
    pub fn restart(&mut self) {
        self.child = None;
        let path = self.folder.path();
        let mut command = redis_server();
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.arg("--dir").arg(self.data.as_deref().unwrap_or(path));
        command.arg("--logfile").arg(path.join("log"));
        if self.options.durable {
            command.args(["--appendonly", "yes", "--appendfsync", "always"]);
        }
        if self.options.password {
            command.arg("--aclfile").arg(path.join("users.acl"));
        }
        let port = self.port.to_string();
        match &self.certificates {
            None => command.args(["--port", &port]),
            Some(certificates) => {
                command.args(["--port", "0", "--tls-port", &port]).args(certificates.server_arguments())
            }
        };
        command.args(&self.arguments).current_dir(path).stdin(Stdio::null()).stdout(Stdio::null());
        let child = OwnChild::spawn(&mut command, path).unwrap_or_else(|error| panic!("{}", missing(&error)));
        // Compare process ids: another test's server may have this port.
        let ours = format!("process_id:{}\r", child.id());
        self.child = Some(child);
        let answers = until(PATIENCE, || {
            if let Some(status) = self.child.as_mut().and_then(OwnChild::ended) {
                panic!("redis-server ended ({status}): {}", self.log());
            }
            self.ask(&["info", "server"]).contains(&ours).then_some(())
        });
        assert!(answers.is_some(), "redis-server does not answer: {}", self.log());
        // Loading a large file takes a while, and INFO responds before that.
        assert!(until(PATIENCE, || (self.ask(&["ping"]).trim() == "PONG").then_some(())).is_some(), "{}", self.log());
    }

    /// Kills it (SIGKILL); `restart` starts it with the data it has flushed.
    pub fn kill(&mut self) {
        self.child = None;
    }

    /// Pauses it (SIGSTOP): connections stay open without responses.
    pub fn stop_the_world(&mut self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Resumes it (SIGCONT).
    pub fn go_on(&mut self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&mut self, signal: Signal) {
        self.child.as_mut().expect("a server that runs").signal(signal);
    }

    /// Folder of its files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Whether it was started and not killed since.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Whether it flushes every command.
    pub fn is_durable(&self) -> bool {
        self.options.durable
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, with user and password if required.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// Its URL with another port of 127.0.0.1, such as that of a proxy.
    pub fn url_at(&self, port: u16) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        let user = if self.options.password { format!("{USER}:{PASSWORD_IN_URL}@") } else { String::new() };
        format!("{scheme}://{user}127.0.0.1:{port}")
    }

    /// CA certificate (PEM) of a server with TLS.
    pub fn ca_file(&self) -> PathBuf {
        self.certificates.as_ref().expect("a server with TLS").ca_file()
    }

    /// Output of `redis-cli` for a command; empty if the server does not respond.
    pub fn ask(&self, words: &[&str]) -> String {
        let mut command = redis_cli(self.port);
        if let Some(certificates) = &self.certificates {
            command.arg("--tls").arg("--cacert").arg(certificates.ca_file());
        }
        if self.options.password {
            command.args(["--user", USER, "--pass", PASSWORD, "--no-auth-warning"]);
        }
        printed(command.args(words))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// A server that all tests share: the one that `cargo xtask test` has started for all test processes, else one of this
/// process, which ends with it. Tests must keep to a key prefix of their own, and must not stop it.
pub fn shared_single() -> &'static RedisServer {
    static SHARED: OnceLock<RedisServer> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var(SHARED_SINGLE) {
        Ok(port) => RedisServer::attach(&port),
        Err(_) => RedisServer::start(),
    })
}

/// A Cluster that all tests share, like [`shared_single`].
pub fn shared_cluster() -> &'static RedisCluster {
    static SHARED: OnceLock<RedisCluster> = OnceLock::new();
    SHARED.get_or_init(|| match std::env::var(SHARED_CLUSTER) {
        Ok(ports) => RedisCluster::attach(&ports),
        Err(_) => RedisCluster::start(),
    })
}

/// The server program, with the test's standard error.
fn redis_server() -> Command {
    Command::new("redis-server")
}

/// Client of a server on loopback.
fn redis_cli(port: u16) -> Command {
    let mut command = Command::new("redis-cli");
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    command
}

fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{}", missing(&error)));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn missing(error: &std::io::Error) -> String {
    format!("cannot start redis-server or redis-cli ({error}): `cargo xtask test` installs them on Debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_durable_server_has_its_data_after_a_kill_and_its_folder_goes_with_it() {
        let mut server = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
        assert_eq!(server.ask(&["set", "key", "value"]), "OK\n");
        server.kill();
        assert_eq!(server.ask(&["get", "key"]), "");
        server.restart();
        assert_eq!(server.ask(&["get", "key"]), "value\n");
        let folder = server.folder.path().to_owned();
        drop(server);
        assert!(!folder.exists());
    }

    #[test]
    fn a_server_with_tls_and_password_refuses_other_clients() {
        let server = RedisServer::start_with(RedisOptions { tls: true, password: true, ..RedisOptions::default() });
        assert_eq!(server.ask(&["acl", "whoami"]), "morag\n");
        assert_eq!(printed(redis_cli(server.port()).arg("ping")), "");
        let mut unauthenticated = redis_cli(server.port());
        unauthenticated.arg("--tls").arg("--cacert").arg(server.ca_file()).args(["--no-auth-warning", "ping"]);
        assert!(printed(&mut unauthenticated).starts_with("NOAUTH"));
        assert!(server.url().starts_with("rediss://morag:p%40ss"));
    }

    #[test]
    fn a_cluster_is_whole_again_after_a_node_was_killed() {
        let mut cluster = RedisCluster::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
        let port = |cluster: &RedisCluster| cluster.nodes()[0].port();
        let set = printed(redis_cli(port(&cluster)).args(["-c", "set", "key", "value"]));
        assert_eq!(set, "OK\n");
        for node in 0..3 {
            cluster.kill(node);
            cluster.restart(node);
        }
        assert_eq!(printed(redis_cli(port(&cluster)).args(["-c", "get", "key"])), "value\n");
    }

    #[test]
    fn a_sentinel_promotes_the_replica() {
        let mut pair = RedisSentinel::start();
        let first = pair.master();
        pair.kill(first);
        pair.wait_for_master(1 - first);
        pair.restart(first);
    }

    #[test]
    fn shared_servers_are_one() {
        assert_eq!(shared_single().port(), shared_single().port());
        assert_eq!(shared_single().ask(&["ping"]), "PONG\n");
    }
}
