//! Chains: tasks whose deliveries are made one after the other. Each call may be sent twice: a task keeps the link that it has.

use super::scripts;
use super::store::RedisStore;
use super::values::unexpected_reply;
use async_trait::async_trait;
use morag_core::ports::{Chain, Chains, LINKS_MAX, Link, StoreError, Turn};
use morag_core::task::TaskId;
use std::time::Duration;

/// A chain is kept after its last use for this many times the retention of histories: then no task of it is left.
const KEPT_TIMES: u32 = 2;

fn link(stored: &str) -> Option<Link> {
    let mut parts = stored.split(' ');
    let task = parts.next()?.parse().ok()?;
    let mut number = || match parts.next()? {
        "-" => Some(None),
        number => number.parse().ok().map(Some),
    };
    Some(Link { task, base: number()?, delivered: number()? })
}

impl RedisStore {
    fn chain_key(&self, chain: &Chain) -> String {
        self.keys.chain(chain.endpoint.as_str(), &chain.document)
    }

    fn chain_kept(&self) -> Duration {
        self.options.history_kept * KEPT_TIMES
    }
}

#[async_trait]
impl Chains for RedisStore {
    async fn turn(&self, chain: &Chain, task: TaskId, delivered: u64) -> Result<Turn, StoreError> {
        let (chain, kept) = (self.chain_key(chain), self.chain_kept());
        let call = scripts::ChainTurn { chain, task, delivered, links_max: LINKS_MAX, kept };
        let (word, value): (String, String) = self.redis.call(call).await?;
        let turn = match word.as_str() {
            "yes" => value.parse().ok().map(|base| Turn::Yes { base }),
            "after" => value.parse().ok().map(Turn::After),
            _ => None,
        };
        turn.ok_or_else(|| unexpected_reply(&(word, value)))
    }

    async fn finish(&self, chain: &Chain, task: TaskId, delivered: Option<u64>) -> Result<Option<TaskId>, StoreError> {
        let (chain, kept) = (self.chain_key(chain), self.chain_kept());
        let next: String = self.redis.call(scripts::ChainFinish { chain, task, delivered, kept }).await?;
        match next.is_empty() {
            true => Ok(None),
            false => next.parse().map(Some).map_err(|_| unexpected_reply(&next)),
        }
    }

    async fn links(&self, chain: &Chain) -> Result<Vec<Link>, StoreError> {
        let call = scripts::ChainLinks { chain: self.chain_key(chain), links_max: LINKS_MAX };
        let links: Vec<String> = self.redis.call(call).await?;
        links.iter().map(|stored| link(stored).ok_or_else(|| unexpected_reply(stored))).collect()
    }
}
