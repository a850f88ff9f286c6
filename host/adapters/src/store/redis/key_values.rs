//! What plugins keep between tasks. All of a plugin's lies in one slot, so that one script changes a value, the list of keys
//! and what the plugin holds together.
//!
//! A script that is sent twice sets the same value twice: where its first answer was lost, and somebody else set another value
//! in between, the one that was sent again is the last.

use super::scripts;
use super::store::{RedisStore, strange};
use async_trait::async_trait;
use morag_core::ports::{KeyValueQuota, KeyValues, SetError, StoreError};

#[async_trait]
impl KeyValues for RedisStore {
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.redis.query(redis::cmd("HGET").arg(self.keys.key_values(plugin)).arg(key)).await
    }

    async fn set(&self, plugin: &str, key: &str, value: Vec<u8>, quota: KeyValueQuota) -> Result<(), SetError> {
        let call = scripts::KEY_VALUE_SET
            .on([self.keys.key_values(plugin), self.keys.key_value_list(plugin), self.keys.key_value_bytes(plugin)])
            .arg(key)
            .bytes(value)
            .arg(quota.keys_max)
            .arg(quota.bytes_max);
        let answer: String = self.redis.call(call).await?;
        match answer.as_str() {
            "done" => Ok(()),
            "full" => Err(SetError::Full),
            _ => Err(strange(&answer).into()),
        }
    }

    async fn delete(&self, plugin: &str, key: &str) -> Result<(), StoreError> {
        let call = scripts::KEY_VALUE_DELETE
            .on([self.keys.key_values(plugin), self.keys.key_value_list(plugin), self.keys.key_value_bytes(plugin)])
            .arg(key);
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
