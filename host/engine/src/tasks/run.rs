//! Runs one claimed task: feeds what happens to the transition function, commits what it decides, performs the effect.

use super::driver::{Driver, Interrupted};
use super::files::Files;
use crate::running::Stops;
use crate::{App, spans};
use morag_core::pipeline::{CLAIMS_MAX, Effect, Input, again_after, claims_of_run, earlier_spans};
use morag_core::plugin::FailureCode;
use morag_core::ports::{BlobPath, Lease, Next, StepRunner};
use morag_core::task::{Resources, StepFailure, TaskId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

/// `error.type` of a run whose store or files failed: it is tried again later.
const UNAVAILABLE: &str = "unavailable";

/// Runs a claimed task until it ends, is lost, or `give_up` is cancelled; in the last case it is given back, due now.
pub(super) async fn run_task(app: &App, steps: Arc<dyn StepRunner>, lease: Lease, give_up: CancellationToken) {
    let Ok(task) = lease.key.parse::<TaskId>() else {
        tracing::error!(key = lease.key, "a key of the task queue is not a task's id");
        return;
    };
    // Of the highest level: with `RUST_LOG=error` too, a line says which task it is about.
    let span = tracing::error_span!("task", %task, trace_id = tracing::field::Empty);
    let of_log = span.clone();
    run_in_span(app, steps, &lease, task, give_up, &of_log).instrument(span).await;
}

async fn run_in_span(
    app: &App,
    steps: Arc<dyn StepRunner>,
    lease: &Lease,
    task: TaskId,
    give_up: CancellationToken,
    of_log: &Span,
) {
    let presence = app.running.enter(task, lease.fence);
    let claims = AtomicU64::new(0);
    let ended = tokio::select! {
        biased;
        () = presence.stops.task_cancelled.cancelled() => Err(Interrupted::Lost),
        () = presence.stops.superseded.cancelled() => Err(Interrupted::Lost),
        () = renew_until_lost(app, lease) => Err(Interrupted::Lost),
        () = give_up.cancelled() => Err(Interrupted::Unavailable("the server is stopping".into())),
        ended = drive(app, steps, lease, task, &claims, of_log) => ended,
    };
    let due = match ended {
        Ok(()) => return,
        Err(Interrupted::Lost) => {
            clear_cancelled(app, task, &presence.stops).await;
            tracing::info!("the run stops: the task was cancelled, or a later run has it");
            return;
        }
        Err(Interrupted::Unavailable(_)) if give_up.is_cancelled() => app.clock.now(),
        Err(Interrupted::Unavailable(error)) => {
            tracing::warn!(error, "the run is interrupted and goes on later from its last completed step");
            // The claims that the log showed when the run began; where it could not be loaded, the pause is that of a first claim.
            app.clock.now().plus(again_after(claims.load(Ordering::Relaxed)))
        }
    };
    if let Err(error) = app.queue.release(lease, due).await {
        tracing::warn!(%error, "cannot give the task back: it is due when its lease ends");
    }
}

/// Deletes what a run has staged if its task was cancelled in this process. Only then it is certainly not in use: a run that
/// merely lost its lease leaves the folder to the later run, which uses it, here or elsewhere. Files that are still being
/// written are deleted with the task's files.
async fn clear_cancelled(app: &App, task: TaskId, stops: &Stops) {
    if stops.task_cancelled.is_cancelled() {
        let _ = app.blobs.delete_all(&BlobPath::staging(task)).await;
    }
}

/// Renews the lease; returns when it is held no more. This is how a cancellation that another process committed ends a
/// step here that reports nothing: within a third of the lease (10 s at the default), because the cancellation has deleted the
/// task's entry in the queue and with it the lease. A step that reports is ended by its next commit.
async fn renew_until_lost(app: &App, lease: &Lease) {
    loop {
        tokio::time::sleep(app.config.lease / 3).await;
        match app.queue.renew(lease, app.config.lease).await {
            Ok(true) => {}
            Ok(false) => return,
            // The lease may still be held: the next commit finds out.
            Err(error) => tracing::warn!(%error, "cannot renew the task's lease"),
        }
    }
}

async fn drive(
    app: &App,
    steps: Arc<dyn StepRunner>,
    lease: &Lease,
    task: TaskId,
    claims: &AtomicU64,
    of_log: &Span,
) -> Result<(), Interrupted> {
    let claimed = spans::Claimed::new(task);
    let log = match app.tasks.load(task).instrument(claimed.claim()).await {
        Ok(Some(log)) => log,
        Ok(None) => return Err(Interrupted::Lost),
        Err(error) => {
            claimed.failed(UNAVAILABLE);
            return Err(error.into());
        }
    };
    claims.store(claims_of_run(&log.events, log.claims), Ordering::Relaxed);
    let span = claimed.placed(&log.record, log.claims, &earlier_spans(&log.events));
    let context = spans::context_of(&span);
    if let Some(trace) = context.or(log.record.trace) {
        of_log.record("trace_id", tracing::field::display(trace.trace_id_text()));
    }
    let mut driver = Driver::new(app, steps, lease, log, context);
    let followed = follow(&mut driver).instrument(span.clone()).await;
    match (&followed, driver.failure_code()) {
        (Ok(()), Some(code)) => spans::failed(&span, code),
        (Err(Interrupted::Unavailable(_)), _) => spans::failed(&span, UNAVAILABLE),
        _ => {}
    }
    followed
}

/// Performs what the log of a run leads to, effect after effect.
async fn follow(driver: &mut Driver<'_>) -> Result<(), Interrupted> {
    let mut failure = driver.check_standing_files().await?;
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
                let files = match lost.or_else(|| failure.take()).or_else(|| driver.config_mismatch(step)) {
                    Some(failure) => Files::Lost(failure),
                    None => driver.mend(driver.files_of(step)).await?,
                };
                match files {
                    Files::Whole => {
                        let of_log = tracing::error_span!("step", step = driver.step_name(step));
                        // In the log's: a line of what has the trace's span alone finds the log's by it.
                        let span = of_log.in_scope(|| driver.step_span(step));
                        let both = async {
                            let report = driver.run_step(step).await?;
                            if let Err(failure) = &report.result {
                                spans::failed(&span, &failure.code);
                            }
                            driver.finish_step(step, report).await
                        };
                        both.instrument(span.clone()).instrument(of_log).await?
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
