//! Key-value store for plugins, kept between tasks.

use super::StoreError;
use async_trait::async_trait;

/// Storage limits of one plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyValueQuota {
    /// Maximum number of keys.
    pub keys_max: u64,
    /// Maximum bytes of keys and values together.
    pub bytes_max: u64,
}

/// Why a value was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// The plugin would exceed its quota. Nothing was changed.
    #[error("the plugin's store is full")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keys and values by plugin. Every call is atomic, and durable when it returns; the last write of a key wins. Callers have
/// validated keys (1 to 255 bytes) and values (at most 64 KiB).
#[async_trait]
pub trait KeyValues: Send + Sync {
    /// Value of a plugin's key.
    async fn get(&self, plugin: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stores a value unless the plugin would exceed `quota`. Replacing a value frees the old one's bytes.
    async fn set(&self, plugin: &str, key: &str, value: Vec<u8>, quota: KeyValueQuota) -> Result<(), SetError>;

    /// Removes a key. Idempotent.
    async fn delete(&self, plugin: &str, key: &str) -> Result<(), StoreError>;

    /// Keys with a prefix that follow `after` in byte order, at most `limit`.
    async fn keys(
        &self,
        plugin: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError>;
}
