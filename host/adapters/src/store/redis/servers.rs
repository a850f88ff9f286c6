//! What the servers of a Redis report about themselves: the one, or every node of a Cluster.

use super::client::Redis;
use super::link::url::Address;
use super::replicas::Covered;
use futures::stream::{self, StreamExt as _};
use morag_core::ports::StoreError;
use morag_core::redis_demands::NodeFacts;
use redis::aio::ConnectionLike;
use redis::cluster_routing::Slot;
use redis::{Cmd, FromRedisValue as _, RedisResult, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Nodes asked in parallel.
const AT_ONCE: usize = 16;

/// Nodes that are asked at most: as many as a Cluster can have.
const NODES_MAX: usize = 1000;

/// The reports of all servers.
pub(super) struct Reports {
    /// Those of the servers that answered.
    pub(super) nodes: Vec<NodeFacts>,
    /// The servers that did not answer, and why.
    pub(super) silent: Vec<(String, String)>,
    /// Where replicas are.
    pub(super) covered: Covered,
}

impl Redis {
    /// Asks every server. An error where none answers.
    pub(super) async fn ask_servers(&self) -> Result<Reports, StoreError> {
        if !self.connection.is_cluster() {
            let facts = self.ask_this().await?;
            let covered = if facts.replicas.is_some_and(|count| count > 0) { Covered::All } else { Covered::Nothing };
            return Ok(Reports { nodes: vec![facts], silent: Vec::new(), covered });
        }
        let ranges = self.slots().await?;
        let mut addresses = BTreeMap::new();
        for address in ranges.iter().flat_map(|range| [&range.master].into_iter().chain(&range.replicas)) {
            addresses.insert(address.to_string(), address.clone());
        }
        let asked = addresses.into_iter().take(NODES_MAX).map(|(name, address)| async move {
            let answer = async { facts(&name, &mut self.connection.connect_to(address).await?).await };
            (name.clone(), answer.await)
        });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        let (mut nodes, mut silent) = (Vec::new(), Vec::new());
        for (name, answer) in answers {
            match answer {
                Ok(facts) => nodes.push(facts),
                Err(error) => silent.push((name, error.to_string())),
            }
        }
        let has_replica = |master: &Address| {
            let name = master.to_string();
            nodes.iter().any(|facts| facts.node == name && facts.replicas.is_some_and(|count| count > 0))
        };
        let mut covered = HashMap::new();
        for range in ranges.iter().filter(|range| has_replica(&range.master)) {
            let master = Arc::<str>::from(range.master.to_string());
            covered.extend((range.from..=range.to).filter_map(Slot::new).map(|slot| (slot, master.clone())));
        }
        match nodes.is_empty() {
            true => Err(StoreError::Unavailable(format!("no node of {} answers", self.connection.address()))),
            false => Ok(Reports { nodes, silent, covered: Covered::Slots(covered) }),
        }
    }

    /// Asks the one server; of Sentinels, the master.
    async fn ask_this(&self) -> Result<NodeFacts, StoreError> {
        let info = self.query::<Option<String>>(&redis::cmd("INFO")).await;
        // Less is known of a server that forbids `INFO`; a server that does not answer is unavailable.
        self.ping().await?;
        let info = info.ok().flatten().unwrap_or_default();
        let mut config = BTreeMap::new();
        for pattern in patterns(&info) {
            config.extend(self.query::<BTreeMap<String, String>>(&config_get(pattern)).await.unwrap_or_default());
        }
        let pairs = config.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(NodeFacts::read(self.connection.address(), &info, pairs))
    }
}

/// The report of one node. An error where it does not answer; what it forbids is left out.
pub(super) async fn facts(name: &str, link: &mut impl ConnectionLike) -> RedisResult<NodeFacts> {
    let info = allowed(link, &redis::cmd("INFO")).await?;
    let info = info.and_then(|value| String::from_redis_value(value).ok()).unwrap_or_default();
    let mut config = BTreeMap::new();
    for pattern in patterns(&info) {
        let pairs = allowed(link, &config_get(pattern)).await?;
        config.extend(
            pairs.and_then(|value| BTreeMap::<String, String>::from_redis_value(value).ok()).unwrap_or_default(),
        );
    }
    Ok(NodeFacts::read(name, &info, config.iter().map(|(name, value)| (name.as_str(), value.as_str()))))
}

/// The answer; none where the server refuses the command.
async fn allowed(link: &mut impl ConnectionLike, command: &Cmd) -> RedisResult<Option<Value>> {
    match link.req_packed_command(command).await? {
        Value::ServerError(_) => Ok(None),
        value => Ok(Some(value)),
    }
}

/// Patterns for `CONFIG GET`: `INFO` never has `appendfsync`, and that of a hosted Redis may lack the others.
fn patterns(info: &str) -> impl Iterator<Item = &'static str> {
    let has = |name: &str| info.lines().any(|line| line.starts_with(name));
    let policy = (!has("maxmemory_policy:")).then_some("maxmemory-policy");
    ["append*"].into_iter().chain(policy)
}

fn config_get(pattern: &str) -> Cmd {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(pattern);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_is_asked_for_what_info_does_not_say() {
        assert_eq!(patterns("maxmemory_policy:noeviction\r\n").collect::<Vec<_>>(), ["append*"]);
        assert_eq!(patterns("").collect::<Vec<_>>(), ["append*", "maxmemory-policy"]);
    }
}
