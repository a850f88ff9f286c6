//! [`Chains`]: tasks whose deliveries to an endpoint go one after the other.

use super::store::SqliteStore;
use crate::store::sqlite::database::writer::Durability;
use crate::store::sqlite::tables::chains;
use async_trait::async_trait;
use morag_core::Timestamp;
use morag_core::ports::{Chain, Chains, Link, StoreError, Turn};
use morag_core::task::TaskId;
use rusqlite::Connection;

/// The job behind [`Chains::turn`].
fn turn(
    connection: &Connection,
    now: Timestamp,
    chain: &Chain,
    task: TaskId,
    delivered: u64,
) -> Result<Turn, StoreError> {
    match chains::unfinished(connection, chain, task)? {
        Some(number) => chains::set_seen(connection, number, delivered, now)?,
        None => chains::insert(connection, chain, task, delivered, now)?,
    }
    match chains::head(connection, chain)? {
        Some(head) if head.task == task => {
            if let Some(base) = head.base {
                return Ok(Turn::Yes { base });
            }
            // What the task has delivered in an earlier link is counted already.
            let base = chains::total(connection, chain, head.number)?.saturating_sub(delivered);
            chains::set_base(connection, head.number, base)?;
            Ok(Turn::Yes { base })
        }
        Some(head) => Ok(Turn::After(head.task)),
        None => Err(StoreError::Corrupt("a chain has lost a task that was just added".into())),
    }
}

/// The job behind [`Chains::finish`].
fn finish(
    connection: &Connection,
    now: Timestamp,
    chain: &Chain,
    task: TaskId,
    delivered: Option<u64>,
) -> Result<Option<TaskId>, StoreError> {
    if let Some(number) = chains::unfinished(connection, chain, task)? {
        let total = chains::total(connection, chain, number)?;
        chains::finish(connection, number, total, delivered, now)?;
    }
    Ok(chains::head(connection, chain)?.map(|head| head.task))
}

#[async_trait]
impl Chains for SqliteStore {
    async fn turn(&self, chain: &Chain, task: TaskId, delivered: u64) -> Result<Turn, StoreError> {
        let (context, chain) = (self.context(), chain.clone());
        let job = move |connection: &Connection| turn(connection, context.now(), &chain, task, delivered);
        self.writer.run(Durability::Normal, job).await
    }

    async fn finish(&self, chain: &Chain, task: TaskId, delivered: Option<u64>) -> Result<Option<TaskId>, StoreError> {
        let (context, chain) = (self.context(), chain.clone());
        let job = move |connection: &Connection| finish(connection, context.now(), &chain, task, delivered);
        self.writer.run(Durability::Normal, job).await
    }

    async fn links(&self, chain: &Chain) -> Result<Vec<Link>, StoreError> {
        let chain = chain.clone();
        self.readers.read(move |connection| chains::links(connection, &chain)).await
    }
}
