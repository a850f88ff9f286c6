//! Tasks whose deliveries to an endpoint go one after the other (`chains`).

use crate::store::sqlite::database::columns::{limit, stored, task_id};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::Timestamp;
use morag_core::ports::{Chain, LINKS_MAX, Link, StoreError};
use morag_core::task::TaskId;
use rusqlite::{Connection, params};

/// A task of a chain that has not finished.
pub(crate) struct Head {
    pub(crate) number: i64,
    pub(crate) task: TaskId,
    /// Deliveries of the tasks before it, once its turn has come.
    pub(crate) base: Option<u64>,
}

/// The first task of a chain that has not finished.
pub(crate) fn head(connection: &Connection, chain: &Chain) -> Result<Option<Head>, StoreError> {
    let sql = "SELECT number, task, base FROM chains INDEXED BY chains_unfinished
               WHERE endpoint = ?1 AND document = ?2 AND delivered IS NULL ORDER BY number LIMIT 1";
    let key = params![chain.endpoint.as_str(), chain.document.as_str()];
    first(connection, sql, key, |row| {
        let base = row.get::<_, Option<i64>>(2)?.map(i64::unsigned_abs);
        Ok(Head { number: row.get(0)?, task: task_id(row, 1)?, base })
    })
}

/// Deliveries of all that have finished before a number: what the last of them ended with.
pub(crate) fn total(connection: &Connection, chain: &Chain, before: i64) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(base, 0) + delivered FROM chains
               WHERE endpoint = ?1 AND document = ?2 AND number < ?3 AND delivered IS NOT NULL
               ORDER BY number DESC LIMIT 1";
    let key = params![chain.endpoint.as_str(), chain.document.as_str(), before];
    Ok(first(connection, sql, key, |row| row.get::<_, i64>(0))?.unwrap_or(0).max(0).unsigned_abs())
}

/// Number of a task's unfinished link.
pub(crate) fn unfinished(connection: &Connection, chain: &Chain, task: TaskId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT number FROM chains
               WHERE task = ?1 AND endpoint = ?2 AND document = ?3 AND delivered IS NULL";
    let key = params![task.as_bytes(), chain.endpoint.as_str(), chain.document.as_str()];
    first(connection, sql, key, |row| row.get(0))
}

/// Notes how many deliveries a link has made by now.
pub(crate) fn set_seen(connection: &Connection, number: i64, seen: u64, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE chains SET seen = ?2, at = ?3 WHERE number = ?1";
    execute(connection, sql, [number, stored(seen), now.as_millis()]).map(drop)
}

/// Adds a task at the chain's end, and deletes the oldest finished links beyond [`LINKS_MAX`].
pub(crate) fn insert(
    connection: &Connection,
    chain: &Chain,
    task: TaskId,
    seen: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO chains(endpoint, document, task, seen, at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (endpoint, document) = (chain.endpoint.as_str(), chain.document.as_str());
    execute(connection, sql, params![endpoint, document, task.as_bytes(), stored(seen), now.as_millis()])?;
    let sql = "DELETE FROM chains WHERE delivered IS NOT NULL AND number <=
                   (SELECT number FROM chains WHERE endpoint = ?1 AND document = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3)
               AND endpoint = ?1 AND document = ?2";
    execute(connection, sql, params![endpoint, document, limit(LINKS_MAX)]).map(drop)
}

/// Sets the deliveries of the tasks before a link.
pub(crate) fn set_base(connection: &Connection, number: i64, base: u64) -> Result<(), StoreError> {
    execute(connection, "UPDATE chains SET base = ?2 WHERE number = ?1", [number, stored(base)]).map(drop)
}

/// Finishes a link. `base`: used where it has none; `delivered`: none for a task that is gone, which counts with what was noted
/// of it last.
pub(crate) fn finish(
    connection: &Connection,
    number: i64,
    base: u64,
    delivered: Option<u64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE chains SET base = coalesce(base, ?2), delivered = coalesce(?3, seen), at = ?4 WHERE number = ?1";
    execute(connection, sql, params![number, stored(base), delivered.map(stored), now.as_millis()]).map(drop)
}

/// The last links of a chain, in order.
pub(crate) fn links(connection: &Connection, chain: &Chain) -> Result<Vec<Link>, StoreError> {
    let sql = "SELECT task, base, delivered FROM chains WHERE endpoint = ?1 AND document = ?2
               ORDER BY number DESC LIMIT ?3";
    let key = params![chain.endpoint.as_str(), chain.document.as_str(), limit(LINKS_MAX)];
    let mut links = all(connection, sql, key, |row| {
        let number = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(i64::unsigned_abs));
        Ok(Link { task: task_id(row, 0)?, base: number(1)?, delivered: number(2)? })
    })?;
    links.reverse();
    Ok(links)
}

/// Deletes links that were touched last before a time, at most `max`, the oldest first.
pub(crate) fn delete_before(connection: &Connection, before: Timestamp, max: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM chains WHERE number IN (SELECT number FROM chains WHERE at < ?1 ORDER BY at LIMIT ?2)";
    execute(connection, sql, params![before.as_millis(), max]).map(drop)
}
