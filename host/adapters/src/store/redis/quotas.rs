//! Bytes of tenants' files. Each bucket keeps the sums of its own tasks, in the scripts that store and forget them; all of a
//! tenant's are the sum over the buckets.

use super::due_queue::AT_ONCE;
use super::keys::Bucket;
use super::scripts;
use super::store::RedisStore;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::ports::StoreError;
use morag_core::task::{TaskId, TenantId};

impl RedisStore {
    /// What is behind [`morag_core::ports::Tasks::stored_bytes`].
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

    /// What is behind [`morag_core::ports::Tasks::files_deleted`].
    pub(super) async fn forget_bytes(&self, task: TaskId) -> Result<bool, StoreError> {
        let (keys, bucket) = (&self.keys, self.bucket(task));
        let call = scripts::FORGET_BYTES
            .on([keys.task(task), keys.owners(bucket), keys.file_bytes(bucket), keys.tenant_bytes(bucket)])
            .arg("")
            .arg(task);
        // What follows does not come back.
        Ok(self.redis.call_kept::<i64>(call).await? == 1)
    }
}
