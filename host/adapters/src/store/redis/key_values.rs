//! What plugins keep between tasks. All of a plugin's data is in one slot, so that one script changes a value, the list of keys and
//! the plugin's bytes together.
//!
//! A script that is sent twice sets the same value twice: where its first answer was lost, and another caller set another value in
//! between, the value that was sent again wins.

use super::scripts;
use super::store::RedisStore;
use super::values::unexpected_reply;
use async_trait::async_trait;
use morag_core::ports::{KeyValueQuota, KeyValues, SetError, StoreError};

#[async_trait]
impl KeyValues for RedisStore {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.redis.query(redis::cmd("HGET").arg(self.keys.key_values(plugin)).arg(key)).await
    }

    async fn set(&self, plugin: &str, key: &str, value: Vec<u8>, quota: KeyValueQuota) -> Result<(), SetError> {
        let call = scripts::KeyValueSet {
            values: self.keys.key_values(plugin),
            list: self.keys.key_value_list(plugin),
            bytes: self.keys.key_value_bytes(plugin),
            key: key.to_owned(),
            value,
            keys_max: quota.keys_max,
            bytes_max: quota.bytes_max,
        };
        let answer: String = self.redis.call(call).await?;
        match answer.as_str() {
            "done" => Ok(()),
            "full" => Err(SetError::Full),
            _ => Err(unexpected_reply(&answer).into()),
        }
    }

    async fn delete(&self, plugin: &str, key: &str) -> Result<(), StoreError> {
        let call = scripts::KeyValueDelete {
            values: self.keys.key_values(plugin),
            list: self.keys.key_value_list(plugin),
            bytes: self.keys.key_value_bytes(plugin),
            key: key.to_owned(),
        };
        self.redis.call::<i64>(call).await.map(drop)
    }

    async fn keys(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (from, to) = crate::store::key_range(prefix, after);
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.keys.key_value_list(plugin)).arg([b"[", &from[..]].concat()).arg([b"(", &to[..]].concat());
        command.arg("BYLEX").arg("LIMIT").arg(0).arg(limit);
        let keys: Vec<Vec<u8>> = self.redis.query(&command).await?;
        keys.into_iter().map(crate::store::stored_key).collect()
    }
}
