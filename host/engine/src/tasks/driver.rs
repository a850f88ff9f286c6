//! A run in progress: takes inputs, and commits what the transition function decides.

use super::config_mismatch::config_mismatch;
use super::stamp::stamp;
use super::store_commit::store_commit;
use crate::App;
use morag_core::pipeline::{
    Decision, Draft, Effect, Ending, Input, Pipeline, RunState, RunTimes, StepDefinition, claims_of_run, run_times,
    skip_reason, transition,
};
use morag_core::plugin::{Descriptor, NotLoaded, members};
use morag_core::ports::{BlobError, Commit, CommitError, Guard, Lease, Next, StepRunner, StoreError, TaskLog};
use morag_core::task::{EventKind, SkipReason, StatusWord, StepFailure};
use morag_core::trace::TraceContext;
use std::sync::Arc;

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    /// A later run has the task, or it was cancelled.
    #[error("a later run has the task, or it was cancelled")]
    Lost,
    /// The store or the files failed: the task is tried again later.
    #[error("{0}")]
    Unavailable(String),
}

impl From<CommitError> for Interrupted {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Stale | CommitError::Unknown | CommitError::DuplicateDocument(_) | CommitError::FilesGone => {
                Self::Lost
            }
            CommitError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<BlobError> for Interrupted {
    fn from(error: BlobError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A run in progress: its log as committed, its state, and what is decided but not committed.
pub(super) struct Driver<'a> {
    pub(super) app: &'a App,
    pub(super) steps: Arc<dyn StepRunner>,
    pub(super) lease: &'a Lease,
    pub(super) log: TaskLog,
    pub(super) run: RunState,
    pub(super) pending: Vec<Draft>,
    /// The run's span, where it is traced.
    span: Option<TraceContext>,
}

impl<'a> Driver<'a> {
    /// Of a claimed task, from where its log has led to. `span`: that of the run, which its events are stored with.
    pub(super) fn new(
        app: &'a App,
        steps: Arc<dyn StepRunner>,
        lease: &'a Lease,
        log: TaskLog,
        span: Option<TraceContext>,
    ) -> Self {
        let run = RunState::resume(&log.record.pipeline, &log.events, log.live_percent);
        Self { app, steps, lease, log, run, pending: Vec::new(), span }
    }

    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.log.record.pipeline
    }

    /// Feeds an input; what it decides waits for the next commit.
    pub(super) fn feed(&mut self, input: Input) -> Result<Effect, Interrupted> {
        let run = std::mem::replace(&mut self.run, RunState::Accepted);
        let now = self.app.clock.now();
        match transition(&self.log.record.pipeline, run, input, now) {
            Ok(Decision { run, events, effect }) => {
                self.run = run;
                self.pending.extend(events);
                Ok(effect)
            }
            // Cannot be: the driver feeds only what the last effect asked for.
            Err(error) => Err(Interrupted::Unavailable(format!("the run is in no state for its input: {error}"))),
        }
    }

    /// Why a step is left out of this task, if it is.
    pub(super) fn skip_reason(&self, step: usize) -> Option<SkipReason> {
        let definition = self.pipeline().steps().get(step)?;
        let is_loaded = self.members(definition).is_ok();
        skip_reason(definition, &self.log.record, is_loaded)
    }

    /// How often the task has been claimed in this run, its steps' retries apart.
    pub(super) fn claims(&self) -> u64 {
        claims_of_run(&self.log.events, self.log.claims)
    }

    fn status(&self) -> StatusWord {
        match &self.run {
            RunState::Accepted => StatusWord::Pending,
            RunState::Ready { .. } | RunState::InStep { .. } => StatusWord::InProgress,
            RunState::Ended(Ending::Completed) => StatusWord::Completed,
            RunState::Ended(Ending::Failed) => StatusWord::Failed,
            RunState::Ended(Ending::Cancelled) => StatusWord::Cancelled,
        }
    }

    pub(super) async fn commit(&mut self, next: Next) -> Result<(), Interrupted> {
        let events = stamp(&self.log.events, std::mem::take(&mut self.pending), self.app.clock.now(), self.span);
        let live_percent = match self.run {
            RunState::Ended(_) => events.last().map_or(self.log.live_percent, |event| event.progress_percent),
            _ => self.run.percent(),
        };
        self.log.events.extend(events.iter().cloned());
        let (task, guard) = (self.log.record.id, Guard::Lease(self.lease.fence));
        let has_ended = events.last().is_some_and(|event| event.kind.ends_task());
        let commit = Commit { task, guard, events, live_percent, status: self.status(), next };
        store_commit(self.app, commit).await?;
        if has_ended {
            self.log_end();
        }
        Ok(())
    }

    /// The code of what the task has failed by, if it has.
    pub(super) fn failure_code(&self) -> Option<&str> {
        match self.log.events.last().map(|event| &event.kind) {
            Some(EventKind::TaskFailed { failure, .. }) => Some(&failure.code),
            _ => None,
        }
    }

    fn log_end(&self) {
        let file = self.log.record.source.file_name.as_str();
        let RunTimes { total, steps } = run_times(&self.log.events);
        let total_ms = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
        match self.log.events.last().map(|event| &event.kind) {
            Some(EventKind::TaskFailed { step, failure, .. }) => {
                let error_code = failure.code.as_str();
                tracing::warn!(file, step, error_code, total_ms, steps = %steps, "task failed");
            }
            _ => tracing::info!(file, total_ms, steps = %steps, "task completed"),
        }
    }

    /// Why a step is not run, because its stored configuration no longer fits its component.
    pub(super) fn config_mismatch(&self, step: usize) -> Option<StepFailure> {
        let definition = self.pipeline().steps().get(step)?;
        let members = self.members(definition).ok()?;
        members.iter().find_map(|descriptor| config_mismatch(self.app, self.pipeline(), definition, descriptor))
    }

    /// The components that run a step.
    pub(super) fn members(&self, step: &StepDefinition) -> Result<Vec<Arc<Descriptor>>, NotLoaded> {
        members(step.components(), &|name| self.steps.descriptor(name), &self.steps.converters())
    }
}
