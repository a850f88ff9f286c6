//! Whether a task exists: what a reservation depends on whose task may not have been stored.

use super::scripts;
use super::store::RedisStore;
use super::values::unexpected_reply;
use morag_core::ports::StoreError;
use morag_core::task::{StatusWord, TaskId};
use std::time::Duration;

/// How long a reservation of another task may stand without the task before it is set aside. Storing takes milliseconds. An
/// acceptance that meets two, of a key and of a document, must still end in time.
const RESERVED_MAX: Duration = Duration::from_millis(500);

/// Pause between two checks of such a reservation.
pub(super) const CHECK_PAUSE: Duration = Duration::from_millis(20);

/// Checks within [`RESERVED_MAX`].
pub(super) const CHECKS_MAX: u128 = RESERVED_MAX.as_millis() / CHECK_PAUSE.as_millis();

/// How long a task that was set aside cannot be stored any more: longer than any call can be in progress.
const VETO_KEPT: Duration = Duration::from_secs(3600);

impl RedisStore {
    /// The state of a task, if the task exists.
    pub(super) async fn status_of(&self, task: TaskId) -> Result<Option<StatusWord>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("status");
        parse_status(self.redis.query(&get).await?)
    }

    /// Settles whether a task was accepted: its state, or none, and then it never will be.
    pub(super) async fn settle_existence(&self, task: TaskId) -> Result<Option<StatusWord>, StoreError> {
        let call = scripts::Veto { keys: self.keys.around(task), kept: VETO_KEPT };
        parse_status(self.redis.call_replicated(call).await?)
    }

    /// The same, after waiting for a task that is being stored right now.
    pub(super) async fn await_existence(&self, task: TaskId) -> Result<Option<StatusWord>, StoreError> {
        for _ in 0..CHECKS_MAX {
            if let Some(status) = self.status_of(task).await? {
                return Ok(Some(status));
            }
            tokio::time::sleep(CHECK_PAUSE).await;
        }
        self.settle_existence(task).await
    }
}

/// A state as it is stored.
pub(super) fn parse_status(status: Option<String>) -> Result<Option<StatusWord>, StoreError> {
    status.map(|status| status.parse().map_err(|()| unexpected_reply(&status))).transpose()
}
