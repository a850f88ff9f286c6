//! Bytes of tenants' files. The scripts that store and remove tasks keep a sum in each bucket; a tenant's bytes are the sum over the
//! buckets.

use super::keys::{AT_ONCE, Bucket};
use super::scripts;
use super::store::RedisStore;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::StoreError;
use morag_core::task::{TaskId, TenantId};

impl RedisStore {
    /// Implements [`morag_core::ports::Tasks::stored_bytes`].
    pub(super) async fn bytes_of(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        let of_bucket = |bucket| async move {
            let mut get = redis::cmd("HGET");
            get.arg(self.keys.tenant_bytes(bucket)).arg(tenant.as_str());
            self.redis.query::<Option<i64>>(&get).await
        };
        let sums = stream::iter(Bucket::all().map(of_bucket)).buffer_unordered(AT_ONCE);
        let sum = sums.try_fold(0_i64, |sum, bytes| async move { Ok(sum.saturating_add(bytes.unwrap_or(0))) }).await?;
        Ok(u64::try_from(sum).unwrap_or(0))
    }

    /// Implements [`morag_core::ports::Tasks::files_deleted`].
    pub(super) async fn forget_bytes(&self, task: TaskId) -> Result<bool, StoreError> {
        let call = scripts::ForgetBytes { keys: self.keys.around(task), id: task };
        // The files that are deleted next cannot be restored.
        Ok(self.redis.call_replicated::<i64>(call).await? == 1)
    }
}
