//! A Cluster of three masters without replicas: who kills one takes a third of the keys away until it is back.

use super::{RedisOptions, RedisServer, free_port};
use crate::child::until;
use crate::server::PATIENCE;

/// Masters: the least that Redis calls a Cluster.
const NODES: usize = 3;
/// Silence after which a node is taken for dead, milliseconds: short, because tests wait for it.
const NODE_TIMEOUT_MILLIS: &str = "2000";

/// Three masters. Killed when dropped.
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
        assert!(!options.tls && !options.password, "not supported for a Cluster");
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", NODE_TIMEOUT_MILLIS];
        let nodes: Vec<_> = (0..NODES).map(|_| RedisServer::start_at(free_port(), options, &arguments)).collect();
        let this = Self { nodes };
        let addresses: Vec<_> = this.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        let mut words = vec!["--cluster", "create"];
        words.extend(addresses.iter().map(String::as_str));
        words.push("--cluster-yes");
        let said = this.nodes[0].ask(&words);
        assert!(said.contains("All 16384 slots covered"), "{said}");
        this.wait_until_ok();
        this
    }

    /// Waits until every node says that all slots are served.
    pub fn wait_until_ok(&self) {
        let state = |node: &RedisServer| node.ask(&["cluster", "info"]);
        let ok = || self.nodes.iter().all(|node| state(node).contains("cluster_state:ok"));
        let waited = until(PATIENCE, || ok().then_some(()));
        assert!(waited.is_some(), "{:?}", self.nodes.iter().map(state).collect::<Vec<_>>());
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
