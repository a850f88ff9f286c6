//! Commits: a task's events, its state, and when it runs next.

use super::keys::{Bucket, FEED_MAX};
use super::scripts;
use super::store::RedisStore;
use super::values::{to_json, token, unexpected_reply};
use super::waiting::{WaitOutcome, WaitingEntry};
use morag_core::ports::{Commit, CommitError, Flow, Guard, Next, Queue, RunAgainError, StoreError, TaskLimits};
use morag_core::store_policy::{self, DocumentPlan, Left, RunningStep};
use morag_core::task::{Event, StatusWord};
use std::time::Duration;

/// Recent events kept in a bucket; in all some 250,000, an hour of a busy server.
const RECENT_MAX: usize = 1000;

/// The step that runs after the events, as the script takes it: empty where they do not change it, `-` where no step runs.
fn running_step(events: &[Event]) -> String {
    match store_policy::running_step(events) {
        RunningStep::Unchanged => String::new(),
        RunningStep::None => "-".to_owned(),
        RunningStep::Step(name) => name.to_owned(),
    }
}

impl RedisStore {
    /// Implements [`morag_core::ports::Tasks::run_again`]. The entry of the waiting list is reserved first, as that of a new task is;
    /// the commit decides.
    pub(super) async fn commit_again(
        &self,
        commit: &Commit,
        flow: &Flow,
        limits: TaskLimits,
    ) -> Result<(), RunAgainError> {
        let entry = WaitingEntry::again(commit.task);
        let (rank, _) = self.enter(&entry, flow, limits, None).await?;
        let committed = self.commit_task(commit, Some((&entry, &rank))).await;
        // Without an answer it may run again. If it does not, the entry is swept.
        if committed.as_ref().is_err_and(|error| !matches!(error, CommitError::Store(_))) {
            self.withdraw(&entry).await;
        }
        Ok(committed?)
    }

    /// Implements [`morag_core::ports::Tasks::commit`]. `again`: the waiting entry, with its rank, of a task that runs again.
    pub(super) async fn commit_task(
        &self,
        commit: &Commit,
        again: Option<(&WaitingEntry, &str)>,
    ) -> Result<(), CommitError> {
        let first = commit.events.first().map(|event| event.sequence);
        let continuous = commit.events.iter().zip(first.unwrap_or(0)..).all(|(event, next)| event.sequence == next);
        if !continuous {
            return Err(CommitError::Stale);
        }
        if !store_policy::may_reopen(&commit.events) {
            return self.apply(commit, first, again).await;
        }
        self.claim_again(commit.task).await?;
        let applied = self.apply(commit, first, again).await;
        match &applied {
            // Once more: a task that met the claim before the commit, and waited long enough, has removed it as that of an ended task.
            Ok(()) => self.claim_again(commit.task).await.unwrap_or_else(|error| {
                tracing::warn!(task = %commit.task, %error, "another task has claimed the document of a task that runs again");
            }),
            Err(_) => self.release_claim(commit.task).await,
        }
        applied
    }

    async fn apply(
        &self,
        commit: &Commit,
        first: Option<u64>,
        again: Option<(&WaitingEntry, &str)>,
    ) -> Result<(), CommitError> {
        let bucket = Bucket::of(commit.task);
        let answer = self.send(commit, first, again).await.inspect_err(|_| {
            self.invalidate(Queue::Tasks, bucket);
            self.invalidate(Queue::Deliveries, bucket);
        })?;
        let [before, task_update, cursor_update, entry] = match answer.split_first() {
            Some((word, rest)) if word == "done" => {
                <[String; 4]>::try_from(rest.to_vec()).map_err(|rest| unexpected_reply(&rest))?
            }
            Some((word, _)) if word == "stale" => return Err(CommitError::Stale),
            Some((word, _)) if word == "unknown" => return Err(CommitError::Unknown),
            Some((word, _)) if word == "gone" => return Err(CommitError::FilesGone),
            _ => return Err(unexpected_reply(&answer).into()),
        };
        self.apply_update(Queue::Tasks, bucket, &task_update);
        self.apply_update(Queue::Deliveries, bucket, &cursor_update);
        let entry = WaitingEntry::stored(commit.task, &entry);
        if let Err(error) = self.settle_outside(commit, &before, &entry, again.is_some()).await {
            // The commit stands. Other processes settle the rest when they find it: the claim of an ended task, the entry of a task
            // that does not wait.
            tracing::warn!(task = %commit.task, %error, "cannot settle what a commit changes outside its bucket");
        }
        Ok(())
    }

    async fn send(
        &self,
        commit: &Commit,
        first: Option<u64>,
        again: Option<(&WaitingEntry, &str)>,
    ) -> Result<Vec<String>, StoreError> {
        let (keys, task, bucket) = (&self.keys, commit.task, Bucket::of(commit.task));
        let (tasks, sent) = (Queue::Tasks, Queue::Deliveries);
        let (guard, guard_value) = match commit.guard {
            Guard::Lease(fence) => ("lease", fence),
            Guard::Sequence(sequence) => ("sequence", sequence),
        };
        let (next, delay) = match commit.next {
            Next::Keep => ("keep", Duration::ZERO),
            Next::At(due) => ("at", self.delay(due)),
            Next::Done => ("done", Duration::ZERO),
        };
        let mut events = Vec::with_capacity(2 * commit.events.len());
        for event in &commit.events {
            events.push(event.timestamp.as_millis().to_string().into_bytes());
            events.push(to_json(event)?.into_bytes());
        }
        let call = scripts::Commit {
            keys: keys.around(task),
            now: self.time.argument(),
            id: task,
            token: token(),
            guard,
            guard_value,
            first_sequence: first,
            status: commit.status.as_str(),
            is_ended: commit.status.is_ended(),
            live: commit.live_percent,
            progress: store_policy::reached_percent(&commit.events),
            running: running_step(&commit.events),
            next,
            delay,
            recent_max: RECENT_MAX,
            history_kept: self.options.history_kept,
            channel: keys.channel(),
            task_wake: self.wakes.of(tasks, bucket),
            delivery_wake: self.wakes.of(sent, bucket),
            feed_max: FEED_MAX,
            feed_channel: keys.feed_channel(),
            bytes: store_policy::written_bytes(&commit.events),
            waiting_rank: again.map(|(_, rank)| rank.to_owned()),
            waiting_entry: again.map(|(entry, _)| entry.name().to_owned()),
            events,
        };
        // A caller is told that a task is cancelled or runs again. A worker's commits are made again where a failover loses them.
        match commit.guard {
            Guard::Sequence(_) => self.redis.call_replicated(call).await,
            Guard::Lease(_) => self.redis.call(call).await,
        }
    }

    /// Settles what the task holds outside its bucket. `entry`: its last waiting entry. `again`: it waits from now on, with another.
    async fn settle_outside(
        &self,
        commit: &Commit,
        before: &str,
        entry: &WaitingEntry,
        again: bool,
    ) -> Result<(), StoreError> {
        let was = StatusWord::ALL.into_iter().find(|status| status.as_str() == before);
        let was = was.ok_or_else(|| unexpected_reply(&[before.to_owned()]))?;
        // The script answers `pending` for a task that waits again.
        if let Some(left) = store_policy::leaves_queue(was, false, commit.status).filter(|_| !again) {
            let outcome = match left {
                Left::Begun => WaitOutcome::Begun,
                Left::Cancelled => WaitOutcome::Cancelled,
            };
            self.leave(entry, outcome).await?;
        }
        // Of a task that had ended, too: a failover may have lost the claim of one that completed.
        let ends = match store_policy::claim_after(StatusWord::InProgress, commit.status) {
            DocumentPlan::Keep | DocumentPlan::GiveUp => true,
            DocumentPlan::Unchanged | DocumentPlan::ClaimAgain => false,
        };
        if ends && let Some(document) = self.document_of(commit.task).await? {
            self.settle_document(&document, commit.task, commit.status).await?;
        }
        Ok(())
    }
}
