//! Tasks whose deliveries go one after the other.

use super::store::RedisStore;
use async_trait::async_trait;
use morag_core::ports::{Chain, Chains, Link, StoreError, Turn};
use morag_core::task::TaskId;

#[async_trait]
impl Chains for RedisStore {
    async fn turn(&self, _chain: &Chain, _task: TaskId, _delivered: u64) -> Result<Turn, StoreError> {
        Err(StoreError::Unavailable("not on Redis yet".into()))
    }

    async fn finish(&self, _: &Chain, _: TaskId, _: Option<u64>) -> Result<Option<TaskId>, StoreError> {
        Err(StoreError::Unavailable("not on Redis yet".into()))
    }

    async fn links(&self, _chain: &Chain) -> Result<Vec<Link>, StoreError> {
        Err(StoreError::Unavailable("not on Redis yet".into()))
    }
}
