//! Which masters serve which slots of a Cluster, and subscribing to a channel at one of them.

use super::client::Redis;
use super::link::url::Address;
use morag_core::ports::StoreError;
use redis::aio::PubSub;
use redis::{FromRedisValue as _, RedisResult, Value};

/// Slots of a Cluster that one master serves.
pub(super) struct SlotRange {
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) master: Address,
    pub(super) replicas: Vec<Address>,
}

impl Redis {
    /// The ranges of slots, as the Cluster reports them.
    pub(super) async fn slots(&self) -> Result<Vec<SlotRange>, StoreError> {
        let ranges: Vec<Vec<Value>> = self.query(redis::cmd("CLUSTER").arg("SLOTS")).await?;
        Ok(ranges.iter().filter_map(|range| slot_range(range)).collect())
    }

    /// A connection of its own that listens to a channel, for the caller to read until it ends. In a Cluster, `turn` chooses another
    /// node than the last.
    pub(super) async fn listen(&self, channel: &str, turn: usize) -> RedisResult<PubSub> {
        let node = match self.connection.is_cluster() {
            true => {
                let nodes = self.masters().await;
                Some(nodes[turn % nodes.len()].clone())
            }
            false => None,
        };
        self.connection.subscribe(channel, node).await
    }

    /// Addresses of the Cluster's masters; those of the URL where the Cluster does not report any.
    async fn masters(&self) -> Vec<Address> {
        let mut found: Vec<_> = self.slots().await.unwrap_or_default().into_iter().map(|range| range.master).collect();
        found.dedup();
        if found.is_empty() { self.connection.addresses().to_vec() } else { found }
    }
}

/// An element of the answer to `CLUSTER SLOTS`. None where it cannot be read, or where its master has no address.
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

    fn node(host: &str, port: i64) -> Value {
        Value::Array(vec![Value::BulkString(host.into()), Value::Int(port), Value::BulkString("id".into())])
    }

    #[test]
    fn a_range_of_slots_names_its_master_and_replicas() {
        let range = [Value::Int(0), Value::Int(5460), node("a", 1), node("::1", 2), node("", 3)];
        let range = slot_range(&range).unwrap();
        assert_eq!((range.from, range.to, range.master.to_string()), (0, 5460, "a:1".to_owned()));
        assert_eq!(range.replicas.iter().map(Address::to_string).collect::<Vec<_>>(), ["[::1]:2"]);
        assert!(slot_range(&[Value::Int(0), Value::Int(1), node("", 1)]).is_none());
        assert!(slot_range(&[Value::Int(0), Value::Int(1)]).is_none());
    }
}
