//! Tasks whose deliveries go one after the other.

use super::query::{all, execute, first};
use super::store::SqliteStore;
use super::tasks::task_id;
use super::writer::Durability;
use async_trait::async_trait;
use morag_core::Timestamp;
use morag_core::ports::{Chain, Chains, LINKS_MAX, Link, StoreError, Turn};
use morag_core::task::TaskId;
use rusqlite::{Connection, params};

/// The first task of a chain that has not finished: its number, the task, and its base.
fn head(connection: &Connection, chain: &Chain) -> Result<Option<(i64, TaskId, Option<i64>)>, StoreError> {
    let sql = "SELECT number, task, base FROM chains INDEXED BY chains_unfinished
               WHERE endpoint = ?1 AND document = ?2 AND delivered IS NULL ORDER BY number LIMIT 1";
    let place = params![chain.endpoint.as_str(), chain.document.as_str()];
    first(connection, sql, place, |row| Ok((row.get(0)?, task_id(row, 1)?, row.get(2)?)))
}

/// Deliveries of all that have finished: what the last of them ended with.
fn total(connection: &Connection, chain: &Chain, before: i64) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(base, 0) + delivered FROM chains
               WHERE endpoint = ?1 AND document = ?2 AND number < ?3 AND delivered IS NOT NULL
               ORDER BY number DESC LIMIT 1";
    let place = params![chain.endpoint.as_str(), chain.document.as_str(), before];
    Ok(first(connection, sql, place, |row| row.get(0))?.unwrap_or(0))
}

fn unfinished(connection: &Connection, chain: &Chain, task: TaskId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT number FROM chains
               WHERE task = ?1 AND endpoint = ?2 AND document = ?3 AND delivered IS NULL";
    let place = params![task.as_bytes(), chain.endpoint.as_str(), chain.document.as_str()];
    first(connection, sql, place, |row| row.get(0))
}

/// The job behind [`Chains::turn`].
fn turn(
    connection: &Connection,
    now: Timestamp,
    chain: &Chain,
    task: TaskId,
    delivered: u64,
) -> Result<Turn, StoreError> {
    let seen = i64::try_from(delivered).unwrap_or(i64::MAX);
    if let Some(number) = unfinished(connection, chain, task)? {
        let sql = "UPDATE chains SET seen = ?2, at = ?3 WHERE number = ?1";
        execute(connection, sql, [number, seen, now.as_millis()])?;
    } else {
        let sql = "INSERT INTO chains(endpoint, document, task, seen, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let place = params![chain.endpoint.as_str(), chain.document.as_str(), task.as_bytes(), seen, now.as_millis()];
        execute(connection, sql, place)?;
        trim(connection, chain)?;
    }
    match head(connection, chain)? {
        Some((_, first, Some(base))) if first == task => Ok(Turn::Yes { base: base.unsigned_abs() }),
        Some((number, first, None)) if first == task => {
            // What it has delivered in an earlier place is counted already.
            let delivered = i64::try_from(delivered).unwrap_or(i64::MAX);
            let base = total(connection, chain, number)?.saturating_sub(delivered).max(0);
            execute(connection, "UPDATE chains SET base = ?2 WHERE number = ?1", [number, base])?;
            Ok(Turn::Yes { base: base.unsigned_abs() })
        }
        Some((_, other, _)) => Ok(Turn::After(other)),
        None => Err(StoreError::Corrupt("a chain has lost a task that was just added".into())),
    }
}

/// Forgets the oldest finished tasks beyond as many as are remembered.
fn trim(connection: &Connection, chain: &Chain) -> Result<(), StoreError> {
    let sql = "DELETE FROM chains WHERE delivered IS NOT NULL AND number <=
                   (SELECT number FROM chains WHERE endpoint = ?1 AND document = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3)
               AND endpoint = ?1 AND document = ?2";
    let kept = i64::try_from(LINKS_MAX).unwrap_or(i64::MAX);
    execute(connection, sql, params![chain.endpoint.as_str(), chain.document.as_str(), kept]).map(drop)
}

/// The job behind [`Chains::finish`].
fn finish(
    connection: &Connection,
    now: Timestamp,
    chain: &Chain,
    task: TaskId,
    delivered: Option<u64>,
) -> Result<Option<TaskId>, StoreError> {
    if let Some(number) = unfinished(connection, chain, task)? {
        let total = total(connection, chain, number)?;
        // One that is gone without a word has delivered what was last known of it.
        let sql =
            "UPDATE chains SET base = coalesce(base, ?2), delivered = coalesce(?3, seen), at = ?4 WHERE number = ?1";
        let delivered = delivered.map(|delivered| i64::try_from(delivered).unwrap_or(i64::MAX));
        execute(connection, sql, params![number, total, delivered, now.as_millis()])?;
    }
    Ok(head(connection, chain)?.map(|(_, task, _)| task))
}

fn links(connection: &Connection, chain: &Chain) -> Result<Vec<Link>, StoreError> {
    let sql = "SELECT task, base, delivered FROM chains WHERE endpoint = ?1 AND document = ?2
               ORDER BY number DESC LIMIT ?3";
    let limit = i64::try_from(LINKS_MAX).unwrap_or(i64::MAX);
    let place = params![chain.endpoint.as_str(), chain.document.as_str(), limit];
    let mut links = all(connection, sql, place, |row| {
        let number = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs));
        Ok(Link { task: task_id(row, 0)?, base: number(1)?, delivered: number(2)? })
    })?;
    links.reverse();
    Ok(links)
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
        self.readers.read(move |connection| links(connection, &chain)).await
    }
}
