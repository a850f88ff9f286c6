//! A Cluster of three masters. Without replicas, who kills one takes a third of the keys away until it is back; with one
//! each, a replica takes its place.

use super::{RedisOptions, RedisServer, free_port};
use crate::child::until;
use crate::server::PATIENCE;

/// Masters: the least that Redis calls a Cluster.
const MASTERS: usize = 3;
/// Silence after which a node is taken for dead, milliseconds: short, because tests wait for it.
const NODE_TIMEOUT_MILLIS: &str = "2000";

/// Three masters, and a replica of each where wanted. Killed when dropped.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// A Cluster that keeps everything in memory.
    pub fn start() -> Self {
        Self::start_with(RedisOptions::default())
    }

    /// A Cluster with options; TLS and passwords are not for it.
    pub fn start_with(options: RedisOptions) -> Self {
        Self::of(options, 0)
    }

    /// A Cluster in which each master has a replica.
    pub fn start_with_replicas(options: RedisOptions) -> Self {
        let this = Self::of(options, 1);
        // A node names a replica once that has told it how far it follows.
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
        // Pings in the stream of replication: how far a replica follows is told soon where nothing is written.
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

    /// Waits until every node that runs says that all slots are served.
    pub fn wait_until_ok(&self) {
        let state = |node: &RedisServer| node.ask(&["cluster", "info"]);
        let running = || self.nodes.iter().filter(|node| node.is_running());
        let ok = || running().all(|node| state(node).contains("cluster_state:ok"));
        let waited = until(PATIENCE, || ok().then_some(()));
        assert!(waited.is_some(), "{:?}", self.nodes.iter().map(state).collect::<Vec<_>>());
    }

    /// Numbers of the nodes that are masters and run.
    pub fn masters(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].ask(&["role"]).starts_with("master")).collect()
    }

    /// The replica of a master.
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

    /// Waits until a master has a replica that follows it.
    pub fn wait_for_replica(&self, master: usize) {
        let node = &self.nodes[master];
        let followed = || node.ask(&["info", "replication"]).contains("state=online").then_some(());
        assert!(until(PATIENCE, followed).is_some(), "node {master} has no replica");
    }

    /// From now on a master's replica hears nothing of it, while callers reach both: a network between machines that is cut.
    pub fn cut_replication(&self, master: usize) {
        let node = &self.nodes[master];
        // It may not follow again; who follows now is sent away.
        assert_eq!(node.ask(&["acl", "setuser", "default", "-psync", "-sync"]), "OK\n");
        node.ask(&["client", "kill", "type", "replica"]);
        let alone = || node.ask(&["info", "replication"]).contains("connected_slaves:0").then_some(());
        assert!(until(PATIENCE, alone).is_some(), "node {master} keeps its replica");
    }

    /// Kills a node (SIGKILL).
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a node again and waits until the Cluster is whole.
    pub fn restart(&mut self, node: usize) {
        self.nodes[node].restart();
        self.wait_until_ok();
    }

    /// The nodes, in the order of their numbers.
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// The nodes, to be killed, stopped and started.
    pub fn nodes_mut(&mut self) -> &mut [RedisServer] {
        &mut self.nodes
    }

    /// `redis+cluster://` with all nodes.
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }
}
