//! Tasks whose deliveries go one after the other. Each call may come twice: a task that has its place keeps it.

use super::link::Call;
use super::scripts;
use super::store::{RedisStore, strange};
use async_trait::async_trait;
use morag_core::ports::{Chain, Chains, LINKS_MAX, Link, StoreError, Turn};
use morag_core::task::TaskId;

/// A chain is forgotten so many times as long after its last use as a history is kept: no task of it is left then.
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
    fn chain_key(&self, chain: &Chain) -> [String; 1] {
        [self.keys.chain(chain.endpoint.as_str(), &chain.document)]
    }

    fn kept(&self, call: Call<'static>) -> Call<'static> {
        call.arg((self.options.history_kept * KEPT_TIMES).as_millis())
    }
}

#[async_trait]
impl Chains for RedisStore {
    async fn turn(&self, chain: &Chain, task: TaskId, delivered: u64) -> Result<Turn, StoreError> {
        let call = scripts::CHAIN_TURN.on(self.chain_key(chain)).arg("").arg(task).arg(delivered).arg(LINKS_MAX);
        let (word, value): (String, String) = self.redis.call(self.kept(call)).await?;
        let turn = match word.as_str() {
            "yes" => value.parse().ok().map(|base| Turn::Yes { base }),
            "after" => value.parse().ok().map(Turn::After),
            _ => None,
        };
        turn.ok_or_else(|| strange(&(word, value)))
    }

    async fn finish(&self, chain: &Chain, task: TaskId, delivered: Option<u64>) -> Result<Option<TaskId>, StoreError> {
        let call = scripts::CHAIN_FINISH
            .on(self.chain_key(chain))
            .arg("")
            .arg(task)
            .arg(delivered.map_or_else(String::new, |number| number.to_string()));
        let next: String = self.redis.call(self.kept(call)).await?;
        match next.is_empty() {
            true => Ok(None),
            false => next.parse().map(Some).map_err(|_| strange(&next)),
        }
    }

    async fn links(&self, chain: &Chain) -> Result<Vec<Link>, StoreError> {
        let call = scripts::CHAIN_LINKS.on(self.chain_key(chain)).arg("").arg(LINKS_MAX);
        let links: Vec<String> = self.redis.call(call).await?;
        links.iter().map(|stored| link(stored).ok_or_else(|| strange(stored))).collect()
    }
}
