//! A Cluster of three masters. Without replicas, killing one makes a third of the keys unavailable until it restarts; with a
//! replica each, the replica takes over.

use super::{RedisOptions, RedisServer, free_port};
use crate::child::until;
use crate::server::PATIENCE;

/// Number of masters, the minimum of a Cluster.
const MASTERS: usize = 3;
/// Time without response after which a node counts as failed, milliseconds; short, because tests wait for it.
const NODE_TIMEOUT_MILLIS: &str = "2000";

/// Three masters, optionally with a replica each. Killed when dropped.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a Cluster that stores everything in memory.
    pub fn start() -> Self {
        Self::start_with(RedisOptions::default())
    }

    /// Starts a Cluster with options; TLS and passwords are not supported.
    pub fn start_with(options: RedisOptions) -> Self {
        Self::of(options, 0)
    }

    /// Starts a Cluster with a replica per master.
    pub fn start_with_replicas(options: RedisOptions) -> Self {
        let this = Self::of(options, 1);
        // A node lists a replica only after it has reported its replication offset.
        let named = |node: &RedisServer| {
            let said = node.ask(&["cluster", "slots"]);
            this.nodes.iter().all(|other| said.lines().any(|line| line == other.port().to_string()))
        };
        let all = until(PATIENCE, || this.nodes.iter().all(named).then_some(()));
        assert!(all.is_some(), "not every node knows every other");
        this
    }

    /// A Cluster that another process has started and ends; the ports of its masters, separated by commas.
    pub(super) fn attach(ports: &str) -> Self {
        Self { nodes: ports.split(',').map(RedisServer::attach).collect() }
    }

    fn of(options: RedisOptions, replicas: usize) -> Self {
        assert!(!options.tls && !options.password, "not supported for a Cluster");
        // Frequent pings in the replication stream make replicas report their offsets without writes.
        let often = ["--repl-ping-replica-period", "1"];
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT_MILLIS];
        let arguments = [&arguments[..], &often].concat();
        let nodes: Vec<_> =
            (0..MASTERS * (1 + replicas)).map(|_| RedisServer::start_at(free_port(), options, &arguments)).collect();
        let this = Self { nodes };
        let addresses: Vec<_> = this.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        let mut words = vec!["--cluster", "create"];
        words.extend(addresses.iter().map(String::as_str));
        let replicas = replicas.to_string();
        words.extend(["--cluster-replicas", &replicas, "--cluster-yes"]);
        let said = this.nodes[0].ask(&words);
        assert!(said.contains("All 16384 slots covered"), "{said}");
        this.wait_until_ok();
        this
    }

    /// Waits until every running node reports that all slots are served.
    pub fn wait_until_ok(&self) {
        let state = |node: &RedisServer| node.ask(&["cluster", "info"]);
        let running = || self.nodes.iter().filter(|node| node.is_running());
        let ok = || running().all(|node| state(node).contains("cluster_state:ok"));
        let waited = until(PATIENCE, || ok().then_some(()));
        assert!(waited.is_some(), "{:?}", self.nodes.iter().map(state).collect::<Vec<_>>());
    }

    /// Numbers of the running masters.
    pub fn masters(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].ask(&["role"]).starts_with("master")).collect()
    }

    /// Number of a master's replica.
    pub fn replica_of(&self, master: usize) -> usize {
        let port = self.nodes[master].port().to_string();
        let follows = |node: &usize| {
            let said = self.nodes[*node].ask(&["role"]);
            said.starts_with("slave") && said.lines().nth(2) == Some(port.as_str())
        };
        (0..self.nodes.len()).find(follows).unwrap_or_else(|| panic!("node {master} has no replica"))
    }

    /// Waits until a node is a master.
    pub fn wait_for_master(&self, node: usize) {
        let role = || self.nodes[node].ask(&["role"]);
        let promoted = until(PATIENCE, || role().starts_with("master").then_some(()));
        assert!(promoted.is_some(), "node {node} was not promoted: {}", role());
        self.wait_until_ok();
    }

    /// Waits until a master has a connected replica.
    pub fn wait_for_replica(&self, master: usize) {
        let node = &self.nodes[master];
        let followed = || node.ask(&["info", "replication"]).contains("state=online").then_some(());
        assert!(until(PATIENCE, followed).is_some(), "node {master} has no replica");
    }

    /// Cuts the replication of a master while clients reach both nodes, as in a network partition between the machines.
    pub fn cut_replication(&self, master: usize) {
        let node = &self.nodes[master];
        // Forbid replication, then disconnect the current replica.
        assert_eq!(node.ask(&["acl", "setuser", "default", "-psync", "-sync"]), "OK\n");
        node.ask(&["client", "kill", "type", "replica"]);
        let alone = || node.ask(&["info", "replication"]).contains("connected_slaves:0").then_some(());
        assert!(until(PATIENCE, alone).is_some(), "node {master} keeps its replica");
    }

    /// Kills a node (SIGKILL).
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Restarts a node and waits until the Cluster is complete.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].restart();
        self.wait_until_ok();
    }

    /// The nodes, by number.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The nodes, by number, to be killed, paused and restarted.
    pub fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// `redis+cluster://` URL with all nodes.
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }
}
