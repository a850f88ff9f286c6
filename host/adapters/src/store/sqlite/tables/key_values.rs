//! What plugins keep between tasks.

use super::query::{all, execute, first};
use super::store::SqliteStore;
use super::writer::Durability;
use async_trait::async_trait;
use morag_core::ports::{KeyValueQuota, KeyValues, SetError, StoreError};
use rusqlite::{Connection, params};

/// What a plugin holds.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    keys: u64,
    bytes: u64,
}

fn held(connection: &Connection, plugin: &str) -> Result<Held, StoreError> {
    let sql = "SELECT keys, bytes FROM key_value_totals WHERE plugin = ?1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let held = first(connection, sql, [plugin], row)?;
    Ok(held.map_or_else(Held::default, |(keys, bytes)| Held { keys: keys.unsigned_abs(), bytes: bytes.unsigned_abs() }))
}

/// Bytes of a key with its value; none where it is not there.
fn size(connection: &Connection, plugin: &str, key: &str) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT length(key) + length(value) FROM key_values WHERE plugin = ?1 AND key = ?2";
    let size = first(connection, sql, params![plugin, key.as_bytes()], |row| row.get::<_, i64>(0))?;
    Ok(size.map(i64::unsigned_abs))
}

fn note(connection: &Connection, plugin: &str, held: Held) -> Result<(), StoreError> {
    let sql = "INSERT INTO key_value_totals(plugin, keys, bytes) VALUES (?1, ?2, ?3)
               ON CONFLICT(plugin) DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes";
    let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
    execute(connection, sql, params![plugin, number(held.keys), number(held.bytes)]).map(drop)
}

/// The job behind [`KeyValues::set`]. An `Err` is followed by a rollback.
fn set(connection: &Connection, plugin: &str, key: &str, value: &[u8], quota: KeyValueQuota) -> Result<(), SetError> {
    let Held { keys, bytes } = held(connection, plugin)?;
    let old = size(connection, plugin, key)?;
    let new = (key.len() + value.len()) as u64;
    let held = Held { keys: keys + u64::from(old.is_none()), bytes: bytes.saturating_sub(old.unwrap_or(0)) + new };
    if held.keys > quota.keys_max || held.bytes > quota.bytes_max {
        return Err(SetError::Full);
    }
    let sql = "INSERT INTO key_values(plugin, key, value) VALUES (?1, ?2, ?3)
               ON CONFLICT(plugin, key) DO UPDATE SET value = excluded.value";
    execute(connection, sql, params![plugin, key.as_bytes(), value])?;
    note(connection, plugin, held)?;
    Ok(())
}

fn delete(connection: &Connection, plugin: &str, key: &str) -> Result<(), StoreError> {
    let Some(size) = size(connection, plugin, key)? else { return Ok(()) };
    let sql = "DELETE FROM key_values WHERE plugin = ?1 AND key = ?2";
    execute(connection, sql, params![plugin, key.as_bytes()])?;
    let Held { keys, bytes } = held(connection, plugin)?;
    note(connection, plugin, Held { keys: keys.saturating_sub(1), bytes: bytes.saturating_sub(size) })
}

#[async_trait]
impl KeyValues for SqliteStore {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (plugin, key) = (plugin.to_owned(), key.as_bytes().to_owned());
        let read = move |connection: &Connection| {
            let sql = "SELECT value FROM key_values WHERE plugin = ?1 AND key = ?2";
            first(connection, sql, params![plugin, key], |row| row.get(0))
        };
        self.readers.read(read).await
    }

    async fn set(&self, plugin: &str, key: &str, value: Vec<u8>, quota: KeyValueQuota) -> Result<(), SetError> {
        let (plugin, key) = (plugin.to_owned(), key.to_owned());
        let job = move |connection: &Connection| set(connection, &plugin, &key, &value, quota);
        self.writer.run(Durability::Full, job).await
    }

    async fn delete(&self, plugin: &str, key: &str) -> Result<(), StoreError> {
        let (plugin, key) = (plugin.to_owned(), key.to_owned());
        self.writer.run(Durability::Full, move |connection: &Connection| delete(connection, &plugin, &key)).await
    }

    async fn keys(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let plugin = plugin.to_owned();
        let (from, to) = crate::store::key_range(prefix, after);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = move |connection: &Connection| {
            let sql = "SELECT key FROM key_values WHERE plugin = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4";
            all(connection, sql, params![plugin, from, to, limit], |row| row.get::<_, Vec<u8>>(0))
        };
        let keys = self.readers.read::<_, StoreError, _>(read).await?;
        keys.into_iter().map(crate::store::stored_key).collect()
    }
}
