//! Runs one step of a task, and takes its end into the log.

use super::driver::{Driver, Interrupted};
use crate::spans;
use morag_core::pipeline::{Effect, Input, OnFailure, again_after, attempt, inputs, is_run_again};
use morag_core::ports::{BlobPath, Next, StepCall, StepInputs, StepReport};
use morag_core::task::StepFailure;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a running step's progress is saved. Saving is a write; a person sees no difference below this.
pub(super) const PROGRESS_PAUSE: Duration = Duration::from_millis(300);

impl Driver<'_> {
    /// Runs a step, committing its progress as it comes.
    pub(super) async fn run_step(&mut self, step: usize) -> Result<StepReport, Interrupted> {
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
            components: definition.components().map(str::to_owned).collect(),
            config: definition.config.clone(),
            attempt: attempt(&self.log.events),
            inputs: StepInputs { source, artifacts: inputs(self.pipeline(), &self.log.events) },
            record,
            on_progress,
        }
    }

    pub(super) fn step_name(&self, step: usize) -> &str {
        &self.pipeline().steps()[step].name
    }

    /// Span of a step's run, for traces.
    pub(super) fn step_span(&self, step: usize) -> tracing::Span {
        let definition = &self.pipeline().steps()[step];
        spans::step(&definition.name, &definition.component, attempt(&self.log.events))
    }

    /// Publishes what a step brought and takes its end into the log.
    pub(super) async fn finish_step(&mut self, step: usize, report: StepReport) -> Result<Effect, Interrupted> {
        self.count_run(step, &report);
        let StepReport { result, resources, log, .. } = report;
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
            let now = self.app.clock.now();
            let due = now.plus(again_after(self.claims()));
            self.app.waits.note(&self.log, self.step_name(step), message, due, now);
            return Err(Interrupted::Unavailable(format!("step {} failed: {code}: {message}", self.step_name(step))));
        }
        tracing::info!(error_code = code, message = message, "step failed");
        self.feed(Input::StepFailed(failure, resources))
    }

    fn count_run(&self, step: usize, report: &StepReport) {
        let (definition, metrics) = (&self.pipeline().steps()[step], &self.app.metrics);
        let StepReport { result, component, resources, .. } = report;
        let component = component.as_deref().unwrap_or(&definition.component);
        metrics.steps.ended(&definition.name, component, result.is_ok(), resources);
        metrics.conversions.ended(definition, &self.log.record.source, result);
    }

    /// Whether the step's definition says how it is run again.
    fn has_retries(&self, step: usize) -> bool {
        matches!(self.pipeline().steps()[step].on_failure, OnFailure::Retry(_))
    }
}
