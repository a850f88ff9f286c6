//! Runs one claimed task: feeds what happens to the transition function, commits what it decides, performs the effect.

use super::misfit::misfit;
use super::verify;
use crate::App;
use crate::running::Stops;
use morag_core::Timestamp;
use morag_core::pipeline::{
    CLAIMS_MAX, Decision, Draft, Effect, Ending, ExpectedFile, Input, Mend, OnFailure, Pipeline, Run, again_after,
    attempt, claims_of_run, inputs, is_run_again, mend, skip_reason, standing_files, transition,
};
use morag_core::plugin::FailureCode;
use morag_core::ports::{
    BlobError, BlobPath, Commit, CommitError, Guard, Lease, Next, StepCall, StepInputs, StepReport, StepRunner,
    StoreError, TaskLog,
};
use morag_core::task::{ArtifactName, Event, EventKind, Resources, SkipReason, StatusWord, StepFailure, TaskId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often a running step's progress is saved. Saving is a write; a person sees no difference below this.
const PROGRESS_PAUSE: Duration = Duration::from_millis(300);

/// Why a run stopped before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Interrupted {
    /// Somebody else has the task now, or it was cancelled.
    #[error("the task is somebody else's now")]
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

/// Gives drafts their sequence and time: they continue `events`, and time does not run backwards within a log.
pub(super) fn stamp(events: &[Event], drafts: Vec<Draft>, now: Timestamp) -> Vec<Event> {
    let (last, at) = events.last().map_or((0, now), |event| (event.sequence, event.timestamp.max(now)));
    let event = |(sequence, draft): (u64, Draft)| Event {
        sequence,
        timestamp: at,
        progress_percent: draft.progress_percent,
        message: draft.message,
        kind: draft.kind,
    };
    (last + 1..).zip(drafts).map(event).collect()
}

/// Runs a claimed task until it ends, is lost, or `give_up` is cancelled; in the last case it is given back, due now.
pub(super) async fn run_task(app: &App, steps: Arc<dyn StepRunner>, lease: Lease, give_up: CancellationToken) {
    let Ok(task) = lease.key.parse::<TaskId>() else {
        tracing::error!(key = %lease.key, "a key of the task queue is not a task's id");
        return;
    };
    let presence = app.running.enter(task, lease.fence);
    let claims = AtomicU64::new(0);
    let ended = tokio::select! {
        biased;
        () = presence.stops.task_cancelled.cancelled() => Err(Interrupted::Lost),
        () = presence.stops.superseded.cancelled() => Err(Interrupted::Lost),
        () = keep(app, &lease) => Err(Interrupted::Lost),
        () = give_up.cancelled() => Err(Interrupted::Unavailable("the server is stopping".into())),
        ended = drive(app, steps, &lease, task, &claims) => ended,
    };
    let due = match ended {
        Ok(()) => return,
        Err(Interrupted::Lost) => {
            clear_cancelled(app, task, &presence.stops).await;
            tracing::info!(%task, "the run stops: the task was cancelled, or a later run has it");
            return;
        }
        Err(Interrupted::Unavailable(_)) if give_up.is_cancelled() => app.clock.now(),
        Err(Interrupted::Unavailable(error)) => {
            tracing::warn!(%task, error, "the run is interrupted and goes on later from its last completed step");
            // Those of the load that the run began with; where that failed already, the pause is that of a first claim.
            app.clock.now().plus(again_after(claims.load(Ordering::Relaxed)))
        }
    };
    if let Err(error) = app.queue.release(&lease, due).await {
        tracing::warn!(%task, %error, "the task could not be given back: it comes due when its lease ends");
    }
}

/// Deletes what a run has staged if its task was cancelled in this process. Only then is it nobody's for certain: a run that
/// merely lost its lease leaves the folder to the later run, which uses it, here or elsewhere. Files that are still being
/// written go with the task's files.
async fn clear_cancelled(app: &App, task: TaskId, stops: &Stops) {
    if stops.task_cancelled.is_cancelled() {
        let _ = app.blobs.delete_all(&BlobPath::staging(task)).await;
    }
}

/// Renews the lease; returns when it is held no more. This is how a cancellation that another process committed ends a
/// step here that says nothing: within a third of the lease (10 s at the default), for the cancellation has taken the
/// queue place away and with it the lease. A step that reports is ended by its next commit, within [`PROGRESS_PAUSE`].
async fn keep(app: &App, lease: &Lease) {
    loop {
        tokio::time::sleep(app.config.lease / 3).await;
        match app.queue.renew(lease, app.config.lease).await {
            Ok(true) => {}
            Ok(false) => return,
            // The lease may still be ours: commits will tell.
            Err(error) => tracing::warn!(key = %lease.key, %error, "a lease could not be renewed"),
        }
    }
}

/// What was found of the files that a run goes on with.
enum Files {
    /// They are as they were written.
    Whole,
    /// Some were not: the run has begun again with the step that wrote them.
    AreMadeAgain,
    /// Some were not, and they are not made again.
    Lost(StepFailure),
}

/// A run in progress: its log as committed, its state, and what is decided but not committed.
pub(super) struct Driver<'a> {
    pub(super) app: &'a App,
    steps: Arc<dyn StepRunner>,
    pub(super) lease: &'a Lease,
    pub(super) log: TaskLog,
    run: Run,
    pending: Vec<Draft>,
}

async fn drive(
    app: &App,
    steps: Arc<dyn StepRunner>,
    lease: &Lease,
    task: TaskId,
    claims: &AtomicU64,
) -> Result<(), Interrupted> {
    let Some(log) = app.tasks.load(task).await? else { return Err(Interrupted::Lost) };
    claims.store(claims_of_run(&log.events, log.claims), Ordering::Relaxed);
    let run = Run::resume(&log.record.pipeline, &log.events, log.live_percent);
    let mut driver = Driver { app, steps, lease, log, run, pending: Vec::new() };
    let mut failure = driver.look_at_what_stands().await?;
    let mut effect = driver.feed(Input::Claimed)?;
    loop {
        effect = match effect {
            Effect::StartStep(step) => match driver.skip_reason(step) {
                Some(reason) => driver.feed(Input::StepSkipped(reason))?,
                None => driver.feed(Input::StepStarted)?,
            },
            Effect::RunStep(step) => {
                driver.commit(Next::Keep).await?;
                let lost = (driver.claims() > CLAIMS_MAX).then(worker_lost);
                let files = match lost.or_else(|| failure.take()).or_else(|| driver.misfit(step)) {
                    Some(failure) => Files::Lost(failure),
                    None => driver.mend(driver.files_of(step)).await?,
                };
                match files {
                    Files::Whole => {
                        let report = driver.run_step(step).await?;
                        driver.finish_step(step, report).await?
                    }
                    Files::AreMadeAgain => driver.feed(Input::Claimed)?,
                    Files::Lost(failure) => driver.feed(Input::StepGivenUp(failure, Resources::default()))?,
                }
            }
            Effect::Wait(delay) => {
                let due = driver.app.clock.now().plus(delay);
                return driver.commit(Next::At(due)).await;
            }
            Effect::Continue | Effect::Stop => return driver.commit(Next::Done).await,
        };
    }
}

impl Driver<'_> {
    pub(super) fn pipeline(&self) -> &Pipeline {
        &self.log.record.pipeline
    }

    /// Feeds an input; what it decides waits for the next commit.
    fn feed(&mut self, input: Input) -> Result<Effect, Interrupted> {
        let run = std::mem::replace(&mut self.run, Run::Accepted);
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
    fn skip_reason(&self, step: usize) -> Option<SkipReason> {
        let definition = self.pipeline().steps().get(step)?;
        let is_loaded = self.steps.descriptor(&definition.component).is_some();
        skip_reason(definition, &self.log.record, is_loaded)
    }

    /// Looks at what was submitted and at all files that completed steps have left, where an earlier claim has begun the task:
    /// in this process or another, before or after a loss of power. Gives why the task fails, where they are not made again.
    async fn look_at_what_stands(&mut self) -> Result<Option<StepFailure>, Interrupted> {
        if matches!(self.run, Run::Accepted | Run::Ended(_)) {
            return Ok(None);
        }
        // The submitted file too: without it in sight, the others may be out of sight as well, and not lost.
        let mut files = vec![ExpectedFile::from(&self.log.record.source)];
        files.extend(standing_files(self.pipeline(), &self.log.events, None));
        Ok(match self.mend(files).await? {
            Files::Whole | Files::AreMadeAgain => None,
            Files::Lost(failure) => Some(failure),
        })
    }

    /// The files that a step may read: what was submitted, and the artifacts that its component declares.
    fn files_of(&self, step: usize) -> Vec<ExpectedFile> {
        let descriptor = self.steps.descriptor(&self.pipeline().steps()[step].component);
        let inputs = inputs(self.pipeline(), &self.log.events);
        let is_read = |name: &ArtifactName| {
            descriptor.as_ref().is_some_and(|descriptor| descriptor.inputs.iter().any(|input| input.name == *name))
        };
        let artifacts =
            inputs.iter().filter(|(name, _)| is_read(name)).map(|(_, artifact)| ExpectedFile::from(artifact));
        std::iter::once(ExpectedFile::from(&self.log.record.source)).chain(artifacts).collect()
    }

    /// Sees to it that files are as they were written. Where they are not, the core decides what follows, and its decision is
    /// committed.
    async fn mend(&mut self, files: Vec<ExpectedFile>) -> Result<Files, Interrupted> {
        let task = self.log.record.id;
        let damaged = verify::damaged(self.app, task, files).await?;
        for file in &damaged {
            tracing::error!(%task, file = %file.name, "a stored file is damaged: it {}", file.damage);
        }
        let claims_before = self.log.claims.saturating_sub(1);
        match mend(&self.log.record, &self.log.events, claims_before, self.run.percent(), &damaged) {
            None => Ok(Files::Whole),
            Some(Mend::Again(draft)) => {
                tracing::warn!(%task, "{}", draft.message);
                self.pending.push(draft);
                self.commit(Next::Keep).await?;
                self.run = Run::resume(&self.log.record.pipeline, &self.log.events, self.log.live_percent);
                Ok(Files::AreMadeAgain)
            }
            Some(Mend::Fail(failure)) if is_run_again(&failure, self.claims()) => {
                Err(Interrupted::Unavailable(failure.message))
            }
            Some(Mend::Fail(failure)) => Ok(Files::Lost(failure)),
        }
    }

    /// Why a step is not run, because its stored configuration no longer fits its component.
    fn misfit(&self, step: usize) -> Option<StepFailure> {
        let definition = self.pipeline().steps().get(step)?;
        let descriptor = self.steps.descriptor(&definition.component)?;
        misfit(self.app, self.pipeline(), definition, &descriptor)
    }

    /// How often the task has been claimed in this run, its steps' retries apart.
    fn claims(&self) -> u64 {
        claims_of_run(&self.log.events, self.log.claims)
    }

    fn status(&self) -> StatusWord {
        match &self.run {
            Run::Accepted => StatusWord::Pending,
            Run::Ready { .. } | Run::InStep { .. } => StatusWord::InProgress,
            Run::Ended(Ending::Completed) => StatusWord::Completed,
            Run::Ended(Ending::Failed) => StatusWord::Failed,
            Run::Ended(Ending::Cancelled) => StatusWord::Cancelled,
        }
    }

    async fn commit(&mut self, next: Next) -> Result<(), Interrupted> {
        let events = stamp(&self.log.events, std::mem::take(&mut self.pending), self.app.clock.now());
        let live_percent = match self.run {
            Run::Ended(_) => events.last().map_or(self.log.live_percent, |event| event.progress_percent),
            _ => self.run.percent(),
        };
        self.log.events.extend(events.iter().cloned());
        let (task, guard) = (self.log.record.id, Guard::Lease(self.lease.fence));
        let end = events.last().map(|event| &event.kind).filter(|kind| kind.ends_task()).cloned();
        let commit = Commit { task, guard, events, live_percent, status: self.status(), next };
        self.app.tasks.commit(commit).await?;
        match end {
            Some(EventKind::TaskFailed { step, failure, .. }) => {
                tracing::warn!(%task, step, error_code = failure.code, "task failed");
            }
            Some(_) => tracing::info!(%task, "task completed"),
            None => {}
        }
        Ok(())
    }

    /// Runs a step, committing its progress as it comes.
    async fn run_step(&mut self, step: usize) -> Result<StepReport, Interrupted> {
        let (progress, mut reports) = watch::channel(0.0);
        let call = self.call(
            step,
            Arc::new(move |fraction, _message| {
                let _ = progress.send(fraction);
            }),
        );
        let steps = self.steps.clone();
        let mut running = std::pin::pin!(async move { steps.run(call).await });
        loop {
            let report = tokio::select! {
                biased;
                report = &mut running => Some(report),
                changed = reports.changed() => match changed {
                    Ok(()) => None,
                    // The step has dropped its end: only its result is left to come.
                    Err(_) => Some(running.as_mut().await),
                },
            };
            let fraction = *reports.borrow_and_update();
            // The last report counts before the result, so that the milestones it crossed do not depend on timing.
            self.feed(Input::Progress(fraction))?;
            match report {
                Some(report) => return Ok(report),
                None => self.commit(Next::Keep).await?,
            }
            tokio::select! {
                biased;
                report = &mut running => {
                    let fraction = *reports.borrow_and_update();
                    self.feed(Input::Progress(fraction))?;
                    return Ok(report);
                }
                () = tokio::time::sleep(PROGRESS_PAUSE) => {}
            }
        }
    }

    fn call(&self, step: usize, on_progress: Arc<dyn Fn(f64, String) + Send + Sync>) -> StepCall {
        let definition = &self.pipeline().steps()[step];
        let record = self.log.record.clone();
        let source = BlobPath::file(record.id, &record.source.stored_as);
        StepCall {
            component: definition.component.clone(),
            config: definition.config.clone(),
            attempt: attempt(&self.log.events),
            inputs: StepInputs { source, artifacts: inputs(self.pipeline(), &self.log.events) },
            record,
            on_progress,
        }
    }

    fn step_name(&self, step: usize) -> &str {
        &self.pipeline().steps()[step].name
    }

    /// Publishes what a step brought and takes its end into the log.
    async fn finish_step(&mut self, step: usize, report: StepReport) -> Result<Effect, Interrupted> {
        let StepReport { result, resources, log } = report;
        let failure = match result {
            Ok(success) => {
                let log = self.stage_log(step, &log).await;
                let output = self.publish(success, resources, log).await?;
                return self.feed(Input::StepSucceeded(output));
            }
            Err(failure) => failure,
        };
        self.keep_log(step, &log).await;
        let StepFailure { code, message, .. } = &failure;
        if !self.has_retries(step) && is_run_again(&failure, self.claims()) {
            return Err(Interrupted::Unavailable(format!("step {} failed: {code}: {message}", self.step_name(step))));
        }
        tracing::info!(task = %self.log.record.id, step = self.step_name(step), code, message, "step failed");
        self.feed(Input::StepFailed(failure, resources))
    }

    /// Whether the step's definition says how it is run again.
    fn has_retries(&self, step: usize) -> bool {
        matches!(self.pipeline().steps()[step].on_failure, OnFailure::Retry(_))
    }
}

fn worker_lost() -> StepFailure {
    StepFailure {
        code: FailureCode::WorkerLost.as_str().into(),
        message: format!(
            "the task was begun {CLAIMS_MAX} times and interrupted each time (the server was killed, or its storage failed): it is not tried again; submit it anew"
        ),
        details: morag_core::JsonObject::new(),
        retryable: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, app};

    #[tokio::test]
    async fn only_a_cancelled_run_deletes_what_is_staged() {
        let memory = Arc::new(Memory::default());
        let (app, task) = (app(&memory, &[]), TaskId::random());
        memory.blobs.put(format!("{}/chunks.json", BlobPath::staging(task).as_str()), "x");
        let (first, second) = (app.running.enter(task, 1), app.running.enter(task, 2));
        assert!(first.stops.superseded.is_cancelled());
        clear_cancelled(&app, task, &first.stops).await;
        assert_eq!(memory.blobs.paths().len(), 1, "the later run uses it");
        app.running.stop(task);
        clear_cancelled(&app, task, &second.stops).await;
        assert!(memory.blobs.paths().is_empty());
    }
}
