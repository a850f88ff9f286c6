//! Taking a task one step on.

use super::claims::{Left, Place};
use super::keys::STATUSES;
use super::scripts;
use super::store::{RedisStore, strange, to_json, token};
use morag_core::ports::{Commit, CommitError, Flow, Guard, Next, Queue, RunAgainError, StoreError, TaskLimits};
use morag_core::task::{Event, EventKind, StatusWord, TaskId};

/// Recent events kept in a bucket; in all some 250,000, an hour of a busy server.
const RECENT_MAX: usize = 1000;

/// Events that a bucket's feed keeps at least, for readers who come back: half a million in all, some 30 MB, hours of a
/// busy server. Redis trims whole nodes of the stream, so there may be some 100 more.
pub(super) const FEED_MAX: usize = 2000;

/// The step that runs after the events: none where they say nothing of it, `-` where none runs.
fn running_step(events: &[Event]) -> Option<&str> {
    events.iter().rev().find_map(|event| match &event.kind {
        EventKind::StepStarted { step, .. } => Some(step.as_str()),
        EventKind::TaskStarted { .. }
        | EventKind::StepCompleted { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::StepFailed { .. } => Some("-"),
        _ => None,
    })
}

impl RedisStore {
    /// Keys of a task alone, in the order of the scripts.
    pub(super) fn task_keys(&self, task: TaskId) -> [String; 5] {
        let keys = &self.keys;
        [keys.task(task), keys.history(task), keys.cursors(task), keys.deliveries(task), keys.attempts(task)]
    }

    /// What is behind [`morag_core::ports::Tasks::run_again`]. The place among those that wait is reserved first, as that of a new
    /// task is; the commit decides.
    pub(super) async fn enter_again(
        &self,
        commit: &Commit,
        flow: &Flow,
        limits: TaskLimits,
    ) -> Result<(), RunAgainError> {
        let place = Place::again(commit.task);
        let (rank, _) = self.enter(&place, flow, limits, None).await?;
        let moved = self.move_on(commit, Some((&place, &rank))).await;
        // Without an answer it may run again: a place of one that does not is swept.
        if moved.as_ref().is_err_and(|error| !matches!(error, CommitError::Store(_))) {
            self.give_up_place(&place).await;
        }
        Ok(moved?)
    }

    /// What is behind [`morag_core::ports::Tasks::commit`]. `again`: the place, and the rank there, of a task that runs
    /// again and waits for that.
    pub(super) async fn move_on(&self, commit: &Commit, again: Option<(&Place, &str)>) -> Result<(), CommitError> {
        let first = commit.events.first().map(|event| event.sequence);
        let continuous = commit.events.iter().zip(first.unwrap_or(0)..).all(|(event, next)| event.sequence == next);
        if !continuous {
            return Err(CommitError::Stale);
        }
        let begins_again = |event: &Event| matches!(event.kind, EventKind::TaskStarted { retry: Some(_) });
        if !commit.events.iter().any(begins_again) {
            return self.apply(commit, first, again).await;
        }
        self.claim_again(commit.task).await?;
        let applied = self.apply(commit, first, again).await;
        match &applied {
            // Once more: who met the claim before the commit, and waited long enough, has taken a claim of an ended task away.
            Ok(()) => self.claim_again(commit.task).await.unwrap_or_else(|error| {
                tracing::warn!(task = %commit.task, %error, "a task runs again whose document another task has taken meanwhile");
            }),
            Err(_) => self.give_claim_back(commit.task).await,
        }
        applied
    }

    async fn apply(
        &self,
        commit: &Commit,
        first: Option<u64>,
        again: Option<(&Place, &str)>,
    ) -> Result<(), CommitError> {
        let bucket = self.bucket(commit.task);
        let answer = self.send(commit, first, again).await.inspect_err(|_| {
            // It may have happened.
            self.placed(Queue::Tasks, bucket, "u");
            self.placed(Queue::Deliveries, bucket, "u");
        })?;
        let [before, moved, roused, place] = match answer.split_first() {
            Some((word, rest)) if word == "done" => {
                <[String; 4]>::try_from(rest.to_vec()).map_err(|rest| strange(&rest))?
            }
            Some((word, _)) if word == "stale" => return Err(CommitError::Stale),
            Some((word, _)) if word == "unknown" => return Err(CommitError::Unknown),
            Some((word, _)) if word == "gone" => return Err(CommitError::FilesGone),
            _ => return Err(strange(&answer).into()),
        };
        self.placed(Queue::Tasks, bucket, &moved);
        self.placed(Queue::Deliveries, bucket, &roused);
        if let Err(error) =
            self.settle_outside(commit, &before, &Place::stored(commit.task, &place), again.is_some()).await
        {
            // The commit stands. What is left is found by those who meet it: a claim of a task that has ended, a place of
            // one that waits no more.
            tracing::warn!(task = %commit.task, %error, "a commit's traces outside its bucket could not be settled");
        }
        Ok(())
    }

    async fn send(
        &self,
        commit: &Commit,
        first: Option<u64>,
        again: Option<(&Place, &str)>,
    ) -> Result<Vec<String>, StoreError> {
        let (keys, task, bucket) = (&self.keys, commit.task, self.bucket(commit.task));
        let [record, history, cursors, deliveries, attempts] = self.task_keys(task);
        let [pending, in_progress, completed, failed, cancelled] = STATUSES.map(|word| keys.in_status(bucket, word));
        let (guard, value) = match commit.guard {
            Guard::Lease(fence) => ("lease", fence),
            Guard::Sequence(sequence) => ("sequence", sequence),
        };
        let (next, delay) = match commit.next {
            Next::Keep => ("keep", 0),
            Next::At(due) => ("at", self.delay(due)),
            Next::Done => ("done", 0),
        };
        let place = STATUSES.iter().position(|word| *word == commit.status).unwrap_or_default() + 1;
        let reached = commit.events.iter().map(|event| event.progress_percent).fold(0.0, f64::max);
        let mut call = scripts::COMMIT
            .on([
                record,
                history,
                cursors,
                deliveries,
                attempts,
                keys.due(bucket, Queue::Tasks),
                keys.ready(bucket, Queue::Tasks),
                keys.ranks(bucket, Queue::Tasks),
                keys.leases(bucket, Queue::Tasks),
                keys.due(bucket, Queue::Deliveries),
                keys.ready(bucket, Queue::Deliveries),
                keys.recent(bucket),
                keys.ended(bucket),
                pending,
                in_progress,
                completed,
                failed,
                cancelled,
                keys.feed(bucket),
                keys.beside(bucket, Queue::Deliveries),
                keys.beside(bucket, Queue::Tasks),
                keys.owners(bucket),
                keys.file_bytes(bucket),
                keys.tenant_bytes(bucket),
            ])
            .arg(self.time.argument())
            .arg(task)
            .arg(token())
            .arg(guard)
            .arg(value)
            .arg(first.map_or_else(String::new, |first| first.to_string()))
            .arg(place)
            .arg(commit.status.as_str())
            .arg(u8::from(commit.status.is_ended()))
            .arg(commit.live_percent)
            .arg(reached)
            .arg(running_step(&commit.events).unwrap_or_default())
            .arg(next)
            .arg(delay)
            .arg(RECENT_MAX)
            .arg(self.options.history_kept.as_millis())
            .arg(keys.channel())
            .arg(self.wakes.of(Queue::Tasks, bucket))
            .arg(self.wakes.of(Queue::Deliveries, bucket))
            .arg(FEED_MAX)
            .arg(keys.feed_channel())
            .arg(commit.events.iter().fold(0_u64, |sum, event| sum.saturating_add(event.kind.written_bytes())))
            .arg(again.map_or("", |(_, rank)| rank))
            .arg(again.map_or("", |(place, _)| place.name()));
        for event in &commit.events {
            call = call.arg(event.timestamp.as_millis()).arg(to_json(event)?);
        }
        // What a caller asked for, and is told of: cancelled, run again. A worker's commits are made again where they are lost.
        match commit.guard {
            Guard::Sequence(_) => self.redis.call_kept(call).await,
            Guard::Lease(_) => self.redis.call(call).await,
        }
    }

    /// Settles what the task holds outside its bucket. `place`: the last at which it waited. `again`: it waits from now on, elsewhere.
    async fn settle_outside(
        &self,
        commit: &Commit,
        before: &str,
        place: &Place,
        again: bool,
    ) -> Result<(), StoreError> {
        let ended = commit.status.is_ended();
        if before == StatusWord::Pending.as_str() && commit.status != StatusWord::Pending && !again {
            // One that is cancelled has not begun: its rank is no turn that was taken.
            let cancelled = commit.status == StatusWord::Cancelled;
            self.leave(place, if cancelled { Left::Cancelled } else { Left::Begun }).await?;
        }
        if ended && let Some(document) = self.document_of(commit.task).await? {
            self.settle_document(&document, commit.task, commit.status).await?;
        }
        Ok(())
    }
}
