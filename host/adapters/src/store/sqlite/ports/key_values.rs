//! [`KeyValues`]: what plugins keep between tasks.

use super::store::SqliteStore;
use crate::store::sqlite::database::writer::Durability;
use crate::store::sqlite::tables::key_values::{self as table, Held};
use async_trait::async_trait;
use morag_core::ports::{KeyValueQuota, KeyValues, SetError, StoreError};
use rusqlite::Connection;

/// The job behind [`KeyValues::set`]. An `Err` is followed by a rollback.
fn set(connection: &Connection, plugin: &str, key: &str, value: &[u8], quota: KeyValueQuota) -> Result<(), SetError> {
    let Held { keys, bytes } = table::held(connection, plugin)?;
    let old = table::size(connection, plugin, key)?;
    let new = (key.len() + value.len()) as u64;
    let held = Held { keys: keys + u64::from(old.is_none()), bytes: bytes.saturating_sub(old.unwrap_or(0)) + new };
    if held.keys > quota.keys_max || held.bytes > quota.bytes_max {
        return Err(SetError::Full);
    }
    table::put(connection, plugin, key, value)?;
    table::set_held(connection, plugin, held)?;
    Ok(())
}

/// The job behind [`KeyValues::delete`].
fn delete(connection: &Connection, plugin: &str, key: &str) -> Result<(), StoreError> {
    let Some(size) = table::size(connection, plugin, key)? else { return Ok(()) };
    table::delete(connection, plugin, key)?;
    let Held { keys, bytes } = table::held(connection, plugin)?;
    table::set_held(connection, plugin, Held { keys: keys.saturating_sub(1), bytes: bytes.saturating_sub(size) })
}

#[async_trait]
impl KeyValues for SqliteStore {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (plugin, key) = (plugin.to_owned(), key.as_bytes().to_owned());
        self.readers.read(move |connection| table::get(connection, &plugin, &key)).await
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
        let read = move |connection: &Connection| table::keys(connection, &plugin, (&from, &to), limit);
        let keys = self.readers.read::<_, StoreError, _>(read).await?;
        keys.into_iter().map(crate::store::stored_key).collect()
    }
}
