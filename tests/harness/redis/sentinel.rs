//! A master, its replica, and a sentinel that promotes the replica when the master fails.

use super::{RedisOptions, RedisServer, free_port, missing, printed, redis_cli, redis_server};
use crate::child::{OwnChild, until};
use crate::server::PATIENCE;
use std::process::Stdio;

/// Name of the master in the sentinel.
const NAME: &str = "mymaster";

/// A monitored pair. Killed when dropped.
#[derive(Debug)]
pub struct RedisSentinel {
    port: u16,
    nodes: [RedisServer; 2],
    _child: OwnChild,
    folder: tempfile::TempDir,
}

impl RedisSentinel {
    /// Starts all three, and waits until the replica is connected and known to the sentinel.
    pub fn start() -> Self {
        Self::start_with(RedisOptions::default())
    }

    /// The same with options; TLS and passwords are not supported.
    pub fn start_with(options: RedisOptions) -> Self {
        assert!(!options.tls && !options.password, "not supported for a Sentinel");
        let master = RedisServer::start_with(options);
        let follows = ["--replicaof", "127.0.0.1", &master.port().to_string()];
        let replica = RedisServer::start_at(free_port(), options, &follows);
        let linked = || replica.ask(&["info", "replication"]).contains("master_link_status:up").then_some(());
        assert!(until(PATIENCE, linked).is_some(), "the replica does not follow: {}", replica.log());

        let port = free_port();
        let folder = tempfile::tempdir().expect("a temporary folder");
        // A sentinel stores its state in its configuration file.
        let file = folder.path().join("sentinel.conf");
        let settings = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nlogfile {}\n\
             sentinel monitor {NAME} 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 5000\n",
            folder.path().display(),
            folder.path().join("log").display(),
            master.port(),
        );
        std::fs::write(&file, settings).expect("a configuration file");
        let mut command = redis_server();
        command.arg(&file).arg("--sentinel").stdin(Stdio::null()).stdout(Stdio::null());
        let child = OwnChild::spawn(&mut command, folder.path()).unwrap_or_else(|error| panic!("{}", missing(&error)));
        let this = Self { port, nodes: [master, replica], _child: child, folder };
        let knows = || this.ask(&["sentinel", "master", NAME]).contains("num-slaves\n1\n").then_some(());
        let log = || std::fs::read_to_string(this.folder.path().join("log")).unwrap_or_default();
        assert!(until(PATIENCE, knows).is_some(), "the sentinel does not know the replica: {}", log());
        this
    }

    /// Index of the node that is master according to the sentinel.
    pub fn master(&self) -> usize {
        let address = self.ask(&["sentinel", "get-master-addr-by-name", NAME]);
        let is_it = |node: &RedisServer| address.lines().nth(1) == Some(&node.port().to_string());
        self.nodes.iter().position(is_it).unwrap_or_else(|| panic!("the sentinel names no master: {address}"))
    }

    /// Kills a node (SIGKILL).
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Waits until the sentinel has promoted this node.
    pub fn wait_for_master(&self, node: usize) {
        let role = || self.nodes[node].ask(&["role"]);
        let promoted = || (self.master() == node && role().starts_with("master")).then_some(());
        assert!(until(PATIENCE, promoted).is_some(), "node {node} was not promoted: {}", role());
    }

    /// Restarts a node on its port. The sentinel makes a former master a replica.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].restart();
    }

    /// `redis+sentinel://127.0.0.1:PORT/mymaster`.
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/{NAME}", self.port)
    }

    fn ask(&self, words: &[&str]) -> String {
        printed(redis_cli(self.port).args(words))
    }
}
