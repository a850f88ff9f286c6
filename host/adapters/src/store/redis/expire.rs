//! Removing old tasks. Redis's own expiry removes a task's keys; this removes the task from the indexes, and returns which tasks were
//! removed, so that their files can be deleted too.

use super::keys::Bucket;
use super::scripts;
use super::store::RedisStore;
use super::values::unexpected_reply;
use morag_core::Timestamp;
use morag_core::ports::StoreError;
use morag_core::task::{DocumentKey, StatusWord, TaskId};

/// Candidates read from a bucket in one call.
const BATCH: usize = 50;

/// Tasks of a bucket with deliveries to come that are skipped in one round at most; the next round begins again.
const SKIPPED_MAX: usize = 1000;

impl RedisStore {
    /// Implements [`morag_core::ports::Tasks::expire`].
    pub(super) async fn expire_tasks(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.read_time().await?;
        self.sweep_waiting().await?;
        // Tasks ended by the store's clock, but the time is given by this process's.
        let ahead = self.time.now().as_millis().saturating_sub(self.options.clock.now().as_millis());
        let ended_before = Timestamp::from_millis(ended_before.as_millis().saturating_add(ahead));
        let mut gone = Vec::new();
        for bucket in Bucket::all() {
            let mut skipped = 0;
            while gone.len() < limit && skipped < SKIPPED_MAX {
                let candidates = self.candidates(bucket, ended_before, skipped).await?;
                for task in &candidates {
                    if gone.len() == limit {
                        break;
                    }
                    match self.expire_task(*task).await? {
                        true => gone.push(*task),
                        false => skipped += 1,
                    }
                }
                if candidates.len() < BATCH {
                    break;
                }
            }
        }
        Ok(gone)
    }

    async fn candidates(&self, bucket: Bucket, before: Timestamp, skip: usize) -> Result<Vec<TaskId>, StoreError> {
        let mut range = redis::cmd("ZRANGE");
        range.arg(self.keys.ended(bucket)).arg("-inf").arg(format!("({}", before.as_millis()));
        range.arg(&["BYSCORE", "LIMIT"]).arg(skip).arg(BATCH);
        let tasks: Vec<String> = self.redis.query(&range).await?;
        tasks.iter().map(|task| task.parse().map_err(|_| unexpected_reply(task))).collect()
    }

    async fn expire_task(&self, task: TaskId) -> Result<bool, StoreError> {
        self.settle_last(task).await?;
        let (endpoint_lists, members) = self.listed(task).await?;
        let members = members.into_iter().map(String::into_bytes).collect();
        let call = scripts::Expire { keys: self.keys.around(task), endpoint_lists, id: task, members };
        Ok(self.redis.call::<i64>(call).await? == 1)
    }

    /// Settles the document's claim, in case the process that ended the task died before it did.
    async fn settle_last(&self, task: TaskId) -> Result<(), StoreError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(task)).arg(&["document", "status"]);
        let (document, status): (Option<String>, Option<String>) = self.redis.query(&get).await?;
        let document = document.filter(|document| !document.is_empty()).map(DocumentKey::stored);
        let status = status.and_then(|status| status.parse::<StatusWord>().ok()).filter(|status| status.is_ended());
        match (document, status) {
            (Some(document), Some(status)) => self.settle_document(&document, task, status).await,
            _ => Ok(()),
        }
    }
}
