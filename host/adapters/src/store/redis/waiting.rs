//! The waiting list: tasks that wait to begin, with their ranks among the flows (start-time fair queueing).
//!
//! An entry is made before its task is stored. A process that dies in between leaves an entry whose task was never stored; the sweep
//! removes it.

use super::existence::parse_status;
use super::scripts;
use super::store::RedisStore;
use super::values::{token, unexpected_reply};
use morag_core::caller::{OverQuota, Quota, next_day};
use morag_core::ports::{AcceptError, Flow, StoreError, TaskLimits};
use morag_core::task::{StatusWord, TaskId, TenantId};

/// Entries checked in one sweep.
const SWEPT: usize = 200;

/// Entries younger than this, in milliseconds, are not swept: their tasks may be being stored.
const YOUNG_MILLIS: f64 = 60_000.0;

/// An entry of the waiting list. A task's first entry is named by the task's id. Each that is made for the task to run again has a name
/// of its own in addition, so that one retry cannot remove the entry of another retry of the same task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WaitingEntry {
    task: TaskId,
    /// Empty for the first.
    name: String,
}

impl WaitingEntry {
    /// The entry of a new task.
    pub(super) fn first(task: TaskId) -> Self {
        Self::stored(task, "")
    }

    /// A new entry of a task that runs again.
    pub(super) fn again(task: TaskId) -> Self {
        Self { task, name: token() }
    }

    /// The entry that a task is stored with.
    pub(super) fn stored(task: TaskId, name: &str) -> Self {
        Self { task, name: name.to_owned() }
    }

    /// The entry of a field of the list; none where it is not one.
    fn of_field(field: &str) -> Option<Self> {
        let (task, name) = field.split_once('/').unwrap_or((field, ""));
        Some(Self::stored(task.parse().ok()?, name))
    }

    /// Its field in the list.
    fn field(&self) -> String {
        match self.name.as_str() {
            "" => self.task.to_string(),
            name => format!("{}/{name}", self.task),
        }
    }

    /// Its name in addition to the task's id; empty for the first.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// Why a task does not wait any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitOutcome {
    /// It has begun: its rank was a turn of its flow.
    Begun,
    /// It ended before it had begun.
    Cancelled,
    /// It was never stored: it counts as if it had not been submitted.
    Refused,
}

impl RedisStore {
    /// Makes an entry. Returns its rank and number, or why there is no room. `tenant`: where it is not the default one.
    pub(super) async fn enter(
        &self,
        entry: &WaitingEntry,
        flow: &Flow,
        limits: TaskLimits,
        tenant: Option<&TenantId>,
    ) -> Result<(String, String), AcceptError> {
        let answer = self.try_to_enter(entry.field(), flow, limits, tenant).await?;
        match answer.as_slice() {
            [rank, number] => Ok((rank.clone(), number.clone())),
            _ => Err(unexpected_reply(&answer).into()),
        }
    }

    /// Implements [`morag_core::ports::Tasks::may_enter`].
    pub(super) async fn check_room(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError> {
        self.try_to_enter(String::new(), flow, limits, None).await.map(drop)
    }

    /// Makes an entry of this name; without a name it only checks whether there is room.
    async fn try_to_enter(
        &self,
        entry: String,
        flow: &Flow,
        limits: TaskLimits,
        tenant: Option<&TenantId>,
    ) -> Result<Vec<String>, AcceptError> {
        let keys = &self.keys;
        let call = scripts::Enter {
            waiting: keys.waiting(),
            flows: keys.flows(),
            virtual_time: keys.virtual_time(),
            number: keys.number(),
            days: keys.days(),
            tenants: keys.tenants(),
            now: self.time.argument(),
            entry,
            flow: flow.id.to_string(),
            weight: flow.weight.max(1),
            queue_max: self.options.queue_max,
            waiting_max: limits.waiting_max,
            per_day_max: limits.per_day_max,
            tenant: tenant.map(TenantId::to_string),
            is_shared: self.options.queue_shared,
        };
        let answer: Vec<String> = self.redis.call(call).await?;
        let over = |quota, limit: Option<u64>, resets_at| {
            AcceptError::from(OverQuota { quota, limit: limit.unwrap_or_default(), resets_at })
        };
        match answer.as_slice() {
            [word] if word == "full" => Err(AcceptError::QueueFull),
            [word] if word == "share" => Err(AcceptError::QueueShare),
            [word] if word == "waiting" => Err(over(Quota::WaitingTasks, limits.waiting_max, None)),
            [word] if word == "day" => {
                Err(over(Quota::TasksPerDay, limits.per_day_max, Some(next_day(self.time.now()))))
            }
            _ => Ok(answer),
        }
    }

    /// Removes the entry of a task that was to run again and does not.
    pub(super) async fn withdraw(&self, entry: &WaitingEntry) {
        if let Err(error) = self.leave(entry, WaitOutcome::Refused).await {
            let task = entry.task;
            tracing::warn!(%task, %error, "cannot remove the waiting entry of a task that does not run again: it is swept later");
        }
    }

    /// Removes an entry. Does nothing where there is none.
    pub(super) async fn leave(&self, entry: &WaitingEntry, outcome: WaitOutcome) -> Result<(), StoreError> {
        let keys = &self.keys;
        let call = scripts::Leave {
            waiting: keys.waiting(),
            flows: keys.flows(),
            virtual_time: keys.virtual_time(),
            days: keys.days(),
            entry: entry.field(),
            outcome: match outcome {
                WaitOutcome::Begun => "begun",
                WaitOutcome::Cancelled => "cancelled",
                WaitOutcome::Refused => "refused",
            },
        };
        self.redis.call::<i64>(call).await.map(drop)
    }

    /// Removes entries whose tasks do not wait, left by processes that died between reserving and storing. Each sweep checks some
    /// entries, chosen at random.
    pub(super) async fn sweep_waiting(&self) -> Result<(), StoreError> {
        let mut some = redis::cmd("HRANDFIELD");
        some.arg(self.keys.waiting()).arg(SWEPT).arg("WITHVALUES");
        let entries: Vec<(String, String)> = self.redis.query(&some).await?;
        let now = self.time.now().as_millis() as f64;
        for (field, stored) in entries {
            let entered: f64 = stored.split(' ').nth(2).and_then(|at| at.parse().ok()).unwrap_or(0.0);
            let Some(entry) = WaitingEntry::of_field(&field) else { continue };
            if now - entered > YOUNG_MILLIS
                && let Some(outcome) = self.outcome_of(&entry).await?
            {
                self.leave(&entry, outcome).await?;
            }
        }
        Ok(())
    }

    /// Why an entry's task does not wait any more; none while it waits.
    async fn outcome_of(&self, entry: &WaitingEntry) -> Result<Option<WaitOutcome>, StoreError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(entry.task)).arg(&["status", "waits", "place"]);
        let (status, waits, named): (Option<String>, Option<String>, Option<String>) = self.redis.query(&get).await?;
        let is_last = named.unwrap_or_default() == entry.name;
        Ok(match parse_status(status)? {
            // Never stored, or removed since: then the day that it counts for is over too.
            None => Some(WaitOutcome::Refused),
            // A retry that was never committed, whatever the task's state is.
            Some(_) if !is_last && !entry.name.is_empty() => Some(WaitOutcome::Refused),
            Some(StatusWord::Pending) => None,
            // An ended task waits for nothing: a process of a version before `waits` does not remove that field.
            Some(status) if is_last && waits.is_some() && !status.is_ended() => None,
            Some(_) => Some(WaitOutcome::Cancelled),
        })
    }
}
