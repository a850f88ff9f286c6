//! What a store is told from others by, whatever its address and however often that changes: a random id, given once.
//!
//! Files are kept elsewhere, and whose they are is said there by this id. A Redis that was emptied, or another prefix of the
//! same one, is another store. A copy of a Redis has the id of the original.

use super::scripts;
use super::store::{RedisStore, token};
use morag_core::ports::StoreError;

impl RedisStore {
    /// The store's id, if it has one.
    pub async fn identity(&self) -> Result<Option<String>, StoreError> {
        self.redis.query(redis::cmd("GET").arg(self.keys.identity())).await
    }

    /// The store's id, which it is given now if it has none: 32 lower-case hexadecimal digits. `Full` where it has none and Redis
    /// has no room.
    pub async fn identify(&self) -> Result<String, StoreError> {
        self.redis.call_kept(scripts::IDENTITY.on([self.keys.identity()]).arg(token())).await
    }
}
