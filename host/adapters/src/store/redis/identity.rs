//! A store's identity: a random id, assigned once, that does not depend on the store's address.
//!
//! Files are kept elsewhere, and are marked there with the id of their store. A Redis that was emptied, and another prefix of the same
//! Redis, are other stores. A copy of a Redis has the id of the original.

use super::scripts;
use super::store::RedisStore;
use super::values::token;
use morag_core::ports::StoreError;

impl RedisStore {
    /// The store's id, if it has one.
    pub async fn identity(&self) -> Result<Option<String>, StoreError> {
        self.redis.query(redis::cmd("GET").arg(self.keys.identity())).await
    }

    /// The store's id, assigned now if it has none: 32 lower-case hexadecimal digits. `Full` where it has none and Redis has no room.
    pub async fn identify(&self) -> Result<String, StoreError> {
        self.redis.call_replicated(scripts::Identity { identity: self.keys.identity(), new: token() }).await
    }
}
