//! The decision what happens next: state × input → state + events + effect. Pure.
//!
//! Order and progress are those of `docs/http-api.md#events`. A milestone is announced once, when overall progress first reaches
//! it: right after the `step_completed` that reached it (then at that step's percentage, for progress never falls), or by
//! the in-step report that crossed it (then at the milestone itself). A step that is left out, or that failed and the task
//! goes on, brings progress to the end of its range as a completed one does.

use super::run::{Ending, Progress, Run};
use super::totals::Totals;
use super::{AfterFailure, Pipeline, StepDefinition};
use crate::task::{Artifact, EventKind, Resources, SkipReason, StepFailure};
use crate::{JsonObject, Timestamp};
use std::time::Duration;

/// Milestones that are announced, in percent.
const MILESTONES: [u8; 3] = [25, 50, 75];

/// In-step reports stop short of the step's end: a step that has not returned is not done, and its last percent, with a
/// milestone that lies there, belongs to `step_completed`.
const FRACTION_MAX: f64 = 0.99;

/// What a completed step brought.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutput {
    /// The step-specific keys, with artifact URLs.
    pub data: JsonObject,
    /// Files it wrote.
    pub artifacts: Vec<Artifact>,
    /// What the run took.
    pub resources: Resources,
}

/// What can happen to a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A worker took the task.
    Claimed,
    /// The worker is about to run the step that the last decision named.
    StepStarted,
    /// The step that the last decision named is left out of this task ([`super::skip_reason`]).
    StepSkipped(SkipReason),
    /// The running step says how far it is, 0 to 1.
    Progress(f64),
    /// The running step ended well.
    StepSucceeded(StepOutput),
    /// The running step failed: its definition says what follows.
    StepFailed(StepFailure, Resources),
    /// The running step will not be run any more, whatever its definition says: it fails, and the task with it.
    StepGivenUp(StepFailure, Resources),
    /// Somebody wants the task to stop.
    Cancel,
    /// The worker no longer holds the task: another may.
    LeaseLost,
}

/// What the worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Start this step: feed [`Input::StepStarted`] and commit before running it; or leave it out: feed
    /// [`Input::StepSkipped`].
    StartStep(usize),
    /// Run this step: its start is in the log.
    RunStep(usize),
    /// Go on with what is running.
    Continue,
    /// Let the task go until it is claimed again, so long after the commit.
    Wait(Duration),
    /// Let the task go.
    Stop,
}

/// An event to be committed; the committer gives it its sequence and time.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Overall progress, 0 to 100.
    pub progress_percent: f64,
    /// One line for people.
    pub message: String,
    /// What happened.
    pub kind: EventKind,
}

/// What follows from an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The state after.
    pub run: Run,
    /// Events to commit with it, in order.
    pub events: Vec<Draft>,
    /// What to do once they are committed.
    pub effect: Effect,
}

/// The input makes no sense in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransition {
    /// Nothing can happen any more.
    #[error("the task has ended already")]
    Ended,
    /// A step's input without a running step, or a start without a step to start.
    #[error("no step is in the state that this input needs")]
    NoSuchStep,
}

/// Decides what happens next.
pub fn transition(pipeline: &Pipeline, run: Run, input: Input, now: Timestamp) -> Result<Decision, InvalidTransition> {
    match (run, input) {
        (run, Input::LeaseLost) => Ok(Decision { run, events: Vec::new(), effect: Effect::Stop }),
        (run @ Run::Ended(_), Input::Claimed) => Ok(Decision { run, events: Vec::new(), effect: Effect::Stop }),
        (Run::Ended(_), _) => Err(InvalidTransition::Ended),
        (run, Input::Cancel) => Ok(cancel(pipeline, &run)),
        (Run::Accepted, Input::Claimed) => Ok(start_task(now)),
        (Run::Ready { next, progress }, Input::Claimed) => Ok(proceed(pipeline, next, progress, Vec::new(), now)),
        (run @ Run::InStep { step, .. }, Input::Claimed) => {
            Ok(Decision { run, events: Vec::new(), effect: Effect::RunStep(step) })
        }
        (Run::Ready { next, progress }, Input::StepStarted) => start_step(pipeline, next, progress),
        (Run::Ready { next, progress }, Input::StepSkipped(reason)) => skip_step(pipeline, next, progress, reason, now),
        (Run::InStep { step, retries, progress }, Input::Progress(fraction)) => {
            let (progress, events) = report(pipeline, step, progress, fraction);
            Ok(Decision { run: Run::InStep { step, retries, progress }, events, effect: Effect::Continue })
        }
        (Run::InStep { step, progress, .. }, Input::StepSucceeded(output)) => {
            Ok(complete_step(pipeline, step, progress, output, now))
        }
        (Run::InStep { step, retries, progress }, Input::StepFailed(failure, resources)) => {
            let definition = &pipeline.steps()[step];
            Ok(match definition.after_failure(retries) {
                AfterFailure::Fail => fail(definition, &progress, failure, resources),
                AfterFailure::GoOn => go_on(pipeline, step, progress, failure, resources, now),
                AfterFailure::Retry { retry, retries_max, delay } => Decision {
                    events: vec![retrying(definition, &progress, failure, resources, (retry, retries_max, delay))],
                    run: Run::InStep { step, retries: retry, progress },
                    effect: Effect::Wait(delay),
                },
            })
        }
        (Run::InStep { step, progress, .. }, Input::StepGivenUp(failure, resources)) => {
            Ok(fail(&pipeline.steps()[step], &progress, failure, resources))
        }
        _ => Err(InvalidTransition::NoSuchStep),
    }
}

fn start_task(now: Timestamp) -> Decision {
    let progress = Progress { percent: 0.0, announced: 0, started_at: now, totals: Totals::default() };
    Decision {
        run: Run::Ready { next: 0, progress },
        events: vec![Draft {
            progress_percent: 0.0,
            message: "Task processing started".into(),
            kind: EventKind::TaskStarted { retry: None },
        }],
        effect: Effect::StartStep(0),
    }
}

fn start_step(pipeline: &Pipeline, step: usize, progress: Progress) -> Result<Decision, InvalidTransition> {
    let definition = pipeline.steps().get(step).ok_or(InvalidTransition::NoSuchStep)?;
    let event = Draft {
        progress_percent: progress.percent,
        message: format!("Step {} started", definition.name),
        kind: EventKind::StepStarted { step: definition.name.clone(), stage: definition.stage.clone() },
    };
    let run = Run::InStep { step, retries: 0, progress };
    Ok(Decision { run, events: vec![event], effect: Effect::RunStep(step) })
}

fn report(pipeline: &Pipeline, step: usize, mut progress: Progress, fraction: f64) -> (Progress, Vec<Draft>) {
    let range = pipeline.range(step);
    let percent = range.start + (range.end - range.start) * fraction.clamp(0.0, FRACTION_MAX);
    let mut events = Vec::new();
    // A NaN fraction makes a NaN percent, which is greater than nothing.
    if percent > progress.percent {
        // A crash may have lost the announcement and kept the progress: then it is late, but does not go back.
        let before = progress.percent;
        events =
            announce(&pipeline.steps()[step], &mut progress, percent, |milestone| f64::from(milestone).max(before));
        progress.percent = percent;
    }
    (progress, events)
}

/// Announces every milestone up to `reached`, each at the progress that `at` gives it.
fn announce(definition: &StepDefinition, progress: &mut Progress, reached: f64, at: impl Fn(u8) -> f64) -> Vec<Draft> {
    let due = MILESTONES.into_iter().filter(|m| *m > progress.announced && f64::from(*m) <= reached);
    let events: Vec<_> = due
        .map(|milestone| Draft {
            progress_percent: at(milestone),
            message: format!("Processing: {milestone}% reached in {}", definition.name),
            kind: EventKind::TaskProgress { milestone, step: definition.name.clone(), stage: definition.stage.clone() },
        })
        .collect();
    if let Some(EventKind::TaskProgress { milestone, .. }) = events.last().map(|draft| &draft.kind) {
        progress.announced = *milestone;
    }
    events
}

fn complete_step(
    pipeline: &Pipeline,
    step: usize,
    mut progress: Progress,
    output: StepOutput,
    now: Timestamp,
) -> Decision {
    let definition = &pipeline.steps()[step];
    progress.totals.add(&output.data);
    let message = format!("Step {} completed", definition.name);
    let kind = EventKind::StepCompleted {
        step: definition.name.clone(),
        stage: definition.stage.clone(),
        data: output.data,
        artifacts: output.artifacts,
        resources: output.resources,
    };
    pass(pipeline, step, progress, message, kind, now)
}

fn skip_step(
    pipeline: &Pipeline,
    step: usize,
    progress: Progress,
    reason: SkipReason,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    let definition = pipeline.steps().get(step).ok_or(InvalidTransition::NoSuchStep)?;
    let why = match reason {
        SkipReason::ConditionNotMet => "it is not for this document",
        SkipReason::ComponentNotLoaded => "its component is not loaded",
    };
    let message = format!("Step {} skipped: {why}", definition.name);
    let (step_name, stage) = (definition.name.clone(), definition.stage.clone());
    let kind = EventKind::StepSkipped { step: step_name, stage, reason };
    Ok(pass(pipeline, step, progress, message, kind, now))
}

/// A step failed, and the task goes on with the next.
fn go_on(
    pipeline: &Pipeline,
    step: usize,
    progress: Progress,
    failure: StepFailure,
    resources: Resources,
    now: Timestamp,
) -> Decision {
    let definition = &pipeline.steps()[step];
    let message = format!("Step {} failed, the task goes on without it", definition.name);
    let (step_name, stage) = (definition.name.clone(), definition.stage.clone());
    let kind = EventKind::StepFailed { step: step_name, stage, failure, resources };
    pass(pipeline, step, progress, message, kind, now)
}

/// Says that a step is done with, brings progress to its end, and goes to the next.
fn pass(
    pipeline: &Pipeline,
    step: usize,
    mut progress: Progress,
    message: String,
    kind: EventKind,
    now: Timestamp,
) -> Decision {
    let percent = pipeline.range(step).end;
    progress.percent = progress.percent.max(percent);
    let mut events = vec![Draft { progress_percent: progress.percent, message, kind }];
    // A run that begins at an earlier step than the one before it reached ends that step below what was shown.
    let shown = progress.percent;
    events.extend(announce(&pipeline.steps()[step], &mut progress, percent, |_| shown));
    proceed(pipeline, step + 1, progress, events, now)
}

/// Goes to step `next`, or completes the task where there is none.
fn proceed(pipeline: &Pipeline, next: usize, progress: Progress, mut events: Vec<Draft>, now: Timestamp) -> Decision {
    if next < pipeline.steps().len() {
        return Decision { run: Run::Ready { next, progress }, events, effect: Effect::StartStep(next) };
    }
    let seconds = now.since(progress.started_at).as_secs_f64();
    events.push(Draft {
        progress_percent: 100.0,
        message: "Task completed successfully".into(),
        kind: EventKind::TaskCompleted { result: progress.totals.result(seconds) },
    });
    Decision { run: Run::Ended(Ending::Completed), events, effect: Effect::Stop }
}

fn fail(step: &StepDefinition, progress: &Progress, failure: StepFailure, resources: Resources) -> Decision {
    let (name, stage) = (step.name.clone(), step.stage.clone());
    let task_failed = Draft {
        progress_percent: progress.percent,
        message: format!("Task failed during {}", step.stage.replace('_', " ")),
        kind: EventKind::TaskFailed { step: name.clone(), stage: stage.clone(), failure: failure.clone() },
    };
    let step_failed = Draft {
        progress_percent: progress.percent,
        message: format!("Step {name} failed"),
        kind: EventKind::StepFailed { step: name, stage, failure, resources },
    };
    Decision { run: Run::Ended(Ending::Failed), events: vec![step_failed, task_failed], effect: Effect::Stop }
}

/// A step failed and is run again: which time of how many, and how much later.
fn retrying(
    step: &StepDefinition,
    progress: &Progress,
    failure: StepFailure,
    resources: Resources,
    (retry, retries_max, delay): (u32, u32, Duration),
) -> Draft {
    let (name, stage) = (step.name.clone(), step.stage.clone());
    let seconds = delay.as_secs_f64();
    Draft {
        progress_percent: progress.percent,
        message: format!("Step {name} failed and is run again in {seconds} s (retry {retry} of {retries_max})"),
        kind: EventKind::StepRetrying {
            step: name,
            stage,
            failure,
            resources,
            retry_number: retry,
            retries_max,
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        },
    }
}

fn cancel(pipeline: &Pipeline, run: &Run) -> Decision {
    let running = match run {
        Run::InStep { step, .. } => pipeline.steps().get(*step),
        _ => None,
    };
    let event = Draft {
        progress_percent: run.percent(),
        message: "Task was cancelled".into(),
        kind: EventKind::TaskCancelled {
            step: running.map(|step| step.name.clone()),
            stage: running.map(|step| step.stage.clone()),
        },
    };
    Decision { run: Run::Ended(Ending::Cancelled), events: vec![event], effect: Effect::Stop }
}
