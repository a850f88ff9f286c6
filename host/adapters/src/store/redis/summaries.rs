//! Short views of a task, read without its whole record and log.

use super::store::RedisStore;
use super::values::{from_json, unexpected_reply};
use morag_core::ports::{StoreError, TaskMark, TaskOutline};
use morag_core::task::{RecordSummary, TaskId};
use serde::Deserialize;

/// Events of a log that are read in one call, for their types.
const EVENTS_READ: isize = 16;

/// An event's type.
#[derive(Deserialize)]
struct Typed {
    event_type: String,
}

impl RedisStore {
    /// What lists show of a record. `stored`: the task's field. Tasks of earlier versions have none: then the record is read, of one such
    /// task at a time, because it can be as long as a request may be.
    pub(super) async fn record_summary(
        &self,
        task: TaskId,
        stored: Option<&str>,
    ) -> Result<Option<RecordSummary>, StoreError> {
        if let Some(stored) = stored {
            return from_json(stored).map(Some);
        }
        let _one = self.whole_records.lock().await;
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("record");
        let record: Option<String> = self.redis.query(&get).await?;
        let summary = record.map(|record| RecordSummary::of_stored(&record)).transpose();
        summary.map_err(|error| StoreError::Corrupt(format!("{error} in a stored record")))
    }

    /// Implements [`morag_core::ports::Tasks::mark`].
    pub(super) async fn mark_of(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(task)).arg(&["status", "last", "live"]);
        let fields: Vec<Option<String>> = self.redis.query(&get).await?;
        let [Some(status), Some(last), Some(live)] = fields.as_slice() else { return Ok(None) };
        Ok(Some(TaskMark {
            status: status.parse().map_err(|()| unexpected_reply(status))?,
            last_sequence: last.parse().map_err(|_| unexpected_reply(last))?,
            live_percent: live.parse().map_err(|_| unexpected_reply(live))?,
        }))
    }

    /// Implements [`morag_core::ports::Tasks::outline`].
    pub(super) async fn outline_of(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(task)).arg(&["summary", "status"]);
        let fields: Vec<Option<String>> = self.redis.query(&get).await?;
        let [stored, Some(_)] = fields.as_slice() else { return Ok(None) };
        let Some(accepted) = self.record_summary(task, stored.as_deref()).await? else { return Ok(None) };
        let mut event_types = Vec::new();
        loop {
            // The history is newest first, so it is read from its end.
            let from = -1 - isize::try_from(event_types.len()).unwrap_or(isize::MAX - 1);
            let mut range = redis::cmd("LRANGE");
            range.arg(self.keys.history(task)).arg(from.saturating_sub(EVENTS_READ - 1)).arg(from);
            let events: Vec<String> = self.redis.query(&range).await?;
            for event in events.iter().rev() {
                event_types.push(from_json::<Typed>(event)?.event_type);
            }
            if events.len() < EVENTS_READ.unsigned_abs() {
                return Ok(Some(TaskOutline { accepted, event_types }));
            }
        }
    }
}
