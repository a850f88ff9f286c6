//! What the servers of a Redis say of themselves: the one, or every node of a Cluster.

use super::kept::Covered;
use super::link::Redis;
use super::url::Address;
use futures::stream::{self, StreamExt as _};
use morag_core::ports::StoreError;
use morag_core::redis_demands::NodeFacts;
use redis::aio::ConnectionLike;
use redis::cluster_routing::Slot;
use redis::{Cmd, FromRedisValue as _, RedisResult, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Nodes asked at once.
const AT_ONCE: usize = 16;

/// Nodes that are asked at most: as many as a Cluster can have.
const NODES_MAX: usize = 1000;

/// Slots of a Cluster that one master serves.
pub(super) struct SlotRange {
    from: u16,
    to: u16,
    pub(super) master: Address,
    replicas: Vec<Address>,
}

/// What was seen in one look.
pub(super) struct Seen {
    /// What the servers that answered say.
    pub(super) nodes: Vec<NodeFacts>,
    /// Which did not answer, and why.
    pub(super) silent: Vec<(String, String)>,
    /// Where replicas are.
    pub(super) covered: Covered,
}

impl Redis {
    /// Who serves which slots, as the Cluster says itself.
    pub(super) async fn slots(&self) -> Result<Vec<SlotRange>, StoreError> {
        let ranges: Vec<Vec<Value>> = self.query(redis::cmd("CLUSTER").arg("SLOTS")).await?;
        Ok(ranges.iter().filter_map(|range| slot_range(range)).collect())
    }

    /// Asks every server. An error where there is none that answers.
    pub(super) async fn ask_servers(&self) -> Result<Seen, StoreError> {
        if !self.is_cluster() {
            let facts = self.ask_this().await?;
            let covered = if facts.replicas.is_some_and(|count| count > 0) { Covered::All } else { Covered::Nothing };
            return Ok(Seen { nodes: vec![facts], silent: Vec::new(), covered });
        }
        let ranges = self.slots().await?;
        let mut addresses = BTreeMap::new();
        for address in ranges.iter().flat_map(|range| [&range.master].into_iter().chain(&range.replicas)) {
            addresses.insert(shown(address), address.clone());
        }
        let asked = addresses.into_iter().take(NODES_MAX).map(|(name, address)| async move {
            let answer = async { facts(&name, &mut self.connect_to(address).await?).await };
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
            let name = shown(master);
            nodes.iter().any(|facts| facts.node == name && facts.replicas.is_some_and(|count| count > 0))
        };
        let mut covered = HashMap::new();
        for range in ranges.iter().filter(|range| has_replica(&range.master)) {
            let master = Arc::<str>::from(shown(&range.master));
            covered.extend((range.from..=range.to).filter_map(Slot::new).map(|slot| (slot, master.clone())));
        }
        match nodes.is_empty() {
            true => Err(StoreError::Unavailable(format!("no node of {} can be asked", self.shown()))),
            false => Ok(Seen { nodes, silent, covered: Covered::Slots(covered) }),
        }
    }

    /// Asks the one server; of Sentinels, the master.
    async fn ask_this(&self) -> Result<NodeFacts, StoreError> {
        let info = self.query::<Option<String>>(&redis::cmd("INFO")).await;
        // A server that does not let us ask is known less of; one that does not answer is away.
        self.ping().await?;
        let info = info.ok().flatten().unwrap_or_default();
        let mut config = BTreeMap::new();
        for pattern in patterns(&info) {
            config.extend(self.query::<BTreeMap<String, String>>(&config_get(pattern)).await.unwrap_or_default());
        }
        let pairs = config.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(NodeFacts::read(self.shown(), &info, pairs))
    }
}

/// What one node says. An error where it does not answer; what it forbids is left out.
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

/// What `CONFIG GET` is asked for: `INFO` never says `appendfsync`, and of a service perhaps not the others.
fn patterns(info: &str) -> impl Iterator<Item = &'static str> {
    let says = |name: &str| info.lines().any(|line| line.starts_with(name));
    let policy = (!says("maxmemory_policy:")).then_some("maxmemory-policy");
    ["append*"].into_iter().chain(policy)
}

fn config_get(pattern: &str) -> Cmd {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET").arg(pattern);
    command
}

fn shown(Address { host, port }: &Address) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// From an element of `CLUSTER SLOTS`. None where it cannot be read, or its master has no address.
pub(super) fn slot_range(range: &[Value]) -> Option<SlotRange> {
    let [from, to, nodes @ ..] = range else { return None };
    let number = |value: &Value| u16::from_redis_value(value.clone()).ok();
    let mut addresses = nodes.iter().map(address);
    let master = addresses.next()??;
    Some(SlotRange { from: number(from)?, to: number(to)?, master, replicas: addresses.flatten().collect() })
}

fn address(node: &Value) -> Option<Address> {
    let Value::Array(parts) = node else { return None };
    let host = String::from_redis_value(parts.first()?.clone()).ok()?;
    let port = u16::from_redis_value(parts.get(1)?.clone()).ok()?;
    (!host.is_empty()).then_some(Address { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn node(host: &str, port: i64) -> Value {
        Value::Array(vec![text(host), Value::Int(port), text("id")])
    }

    #[test]
    fn a_range_of_slots_names_its_master_and_replicas() {
        let range = [Value::Int(0), Value::Int(5460), node("a", 1), node("::1", 2), node("", 3)];
        let range = slot_range(&range).unwrap();
        assert_eq!((range.from, range.to, shown(&range.master)), (0, 5460, "a:1".to_owned()));
        assert_eq!(range.replicas.iter().map(shown).collect::<Vec<_>>(), ["[::1]:2"]);
        assert!(slot_range(&[Value::Int(0), Value::Int(1), node("", 1)]).is_none());
        assert!(slot_range(&[Value::Int(0), Value::Int(1)]).is_none());
    }

    #[test]
    fn config_is_asked_for_what_info_does_not_say() {
        assert_eq!(patterns("maxmemory_policy:noeviction\r\n").collect::<Vec<_>>(), ["append*"]);
        assert_eq!(patterns("").collect::<Vec<_>>(), ["append*", "maxmemory-policy"]);
    }
}
