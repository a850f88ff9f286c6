//! Forgetting what is old. Redis's own expiry takes a task's keys; this takes what is left of it in the indexes, and says
//! which tasks are gone, so that their files can go too.

use super::keys::{Bucket, STATUSES};
use super::scripts;
use super::store::{RedisStore, strange};
use morag_core::Timestamp;
use morag_core::ports::{Queue, StoreError};
use morag_core::task::{DocumentKey, StatusWord, TaskId};

/// Candidates read of a bucket at a time.
const BATCH: usize = 50;

/// Buckets whose oldest tasks still have deliveries to come are read on at most so far, and again in the next round.
const SKIPPED_MAX: usize = 1000;

impl RedisStore {
    /// What is behind [`morag_core::ports::Tasks::expire`].
    pub(super) async fn forget(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError> {
        self.learn_time().await?;
        self.sweep_waiting().await?;
        // Tasks ended by the store's clock; the time is given by this process's.
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
                    match self.forget_one(*task).await? {
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
        tasks.iter().map(|task| task.parse().map_err(|_| strange(task))).collect()
    }

    async fn forget_one(&self, task: TaskId) -> Result<bool, StoreError> {
        let (keys, bucket) = (&self.keys, self.bucket(task));
        self.settle_last(task).await?;
        let (lists, members) = self.listed(task).await?;
        let [record, history, cursors, deliveries, attempts] = self.task_keys(task);
        let [pending, in_progress, completed, failed, cancelled] = STATUSES.map(|word| keys.in_status(bucket, word));
        let (tasks, sent) = (Queue::Tasks, Queue::Deliveries);
        let call = scripts::EXPIRE
            .on([
                record,
                history,
                cursors,
                deliveries,
                attempts,
                keys.due(bucket, tasks),
                keys.ready(bucket, tasks),
                keys.ranks(bucket, tasks),
                keys.leases(bucket, tasks),
                keys.fences(bucket, tasks),
                keys.due(bucket, sent),
                keys.ready(bucket, sent),
                keys.leases(bucket, sent),
                keys.recent(bucket),
                keys.ended(bucket),
                keys.tasks(bucket),
                pending,
                in_progress,
                completed,
                failed,
                cancelled,
                keys.beside(bucket, tasks),
                keys.parked(bucket),
                keys.owners(bucket),
                keys.file_bytes(bucket),
                keys.tenant_bytes(bucket),
            ])
            .and_on(lists)
            .arg("")
            .arg(task);
        let call = members.into_iter().fold(call, |call, member| call.arg(member));
        Ok(self.redis.call::<i64>(call).await? == 1)
    }

    /// Settles the document's claim, in case whoever ended the task died before doing so.
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
