//! What plugins keep between tasks (`key_values`), and how much each holds (`key_value_totals`).

use crate::store::sqlite::database::columns::{count, limit, stored};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::ports::StoreError;
use rusqlite::{Connection, params};

/// What a plugin holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Held {
    pub(crate) keys: u64,
    /// Of keys and values together.
    pub(crate) bytes: u64,
}

/// What a plugin holds.
pub(crate) fn held(connection: &Connection, plugin: &str) -> Result<Held, StoreError> {
    let sql = "SELECT keys, bytes FROM key_value_totals WHERE plugin = ?1";
    let held = first(connection, sql, [plugin], |row| Ok(Held { keys: count(row, 0)?, bytes: count(row, 1)? }))?;
    Ok(held.unwrap_or_default())
}

/// Notes what a plugin holds.
pub(crate) fn set_held(connection: &Connection, plugin: &str, held: Held) -> Result<(), StoreError> {
    let sql = "INSERT INTO key_value_totals(plugin, keys, bytes) VALUES (?1, ?2, ?3)
               ON CONFLICT(plugin) DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes";
    execute(connection, sql, params![plugin, stored(held.keys), stored(held.bytes)]).map(drop)
}

/// Bytes of a key with its value; none where there is no such key.
pub(crate) fn size(connection: &Connection, plugin: &str, key: &str) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT length(key) + length(value) FROM key_values WHERE plugin = ?1 AND key = ?2";
    first(connection, sql, params![plugin, key.as_bytes()], |row| count(row, 0))
}

/// The value of a key.
pub(crate) fn get(connection: &Connection, plugin: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT value FROM key_values WHERE plugin = ?1 AND key = ?2";
    first(connection, sql, params![plugin, key], |row| row.get(0))
}

/// Adds a key or replaces its value.
pub(crate) fn put(connection: &Connection, plugin: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO key_values(plugin, key, value) VALUES (?1, ?2, ?3)
               ON CONFLICT(plugin, key) DO UPDATE SET value = excluded.value";
    execute(connection, sql, params![plugin, key.as_bytes(), value]).map(drop)
}

/// Deletes a key.
pub(crate) fn delete(connection: &Connection, plugin: &str, key: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM key_values WHERE plugin = ?1 AND key = ?2";
    execute(connection, sql, params![plugin, key.as_bytes()]).map(drop)
}

/// A plugin's keys from one on and before another, in the order of their bytes, at most `max`.
pub(crate) fn keys(
    connection: &Connection,
    plugin: &str,
    (from, to): (&[u8], &[u8]),
    max: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let sql = "SELECT key FROM key_values WHERE plugin = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4";
    all(connection, sql, params![plugin, from, to, limit(max)], |row| row.get(0))
}
