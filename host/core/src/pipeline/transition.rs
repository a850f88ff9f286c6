//! The transition function of a run: state × input → state + events + effect. Pure.
//!
//! Order and progress follow `docs/http-api.md#events`. A milestone is announced once, when overall progress first reaches it:
//! directly after the `step_completed` that reached it (with that step's percentage, because progress never falls), or by the
//! progress report that crossed it (with the milestone's own percentage). A step that is skipped, or whose failure the task
//! survives, advances progress to the end of its range as a completed one does.

use super::run::{Ending, Progress, RunState};
use super::totals::Totals;
use super::{AfterFailure, Pipeline, StepDefinition};
use crate::task::{Artifact, EventKind, Resources, SkipReason, StepFailure};
use crate::{JsonObject, Timestamp};
use std::time::Duration;

/// Announced milestones, in percent.
const MILESTONES: [u8; 3] = [25, 50, 75];

/// Upper bound of a progress report within the step's range: a step that has not returned is not done, so a milestone at its
/// end is announced only after `step_completed`.
const FRACTION_MAX: f64 = 0.99;

/// Result of a completed step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutput {
    /// The step-specific keys, with artifact URLs.
    pub data: JsonObject,
    /// Files that it wrote.
    pub artifacts: Vec<Artifact>,
    /// Resources that the run used.
    pub resources: Resources,
}

/// Inputs of the state machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A worker claimed the task.
    Claimed,
    /// The worker is about to run the step named by the last decision.
    StepStarted,
    /// The step named by the last decision is skipped ([`super::skip_reason`]).
    StepSkipped(SkipReason),
    /// Progress report of the running step, 0 to 1.
    Progress(f64),
    /// The running step succeeded.
    StepSucceeded(StepOutput),
    /// The running step failed; its definition decides what follows.
    StepFailed(StepFailure, Resources),
    /// The running step failed for good: the task fails, whatever the step's definition says.
    StepGivenUp(StepFailure, Resources),
    /// A caller cancelled the task.
    Cancel,
    /// The worker lost its lease; another worker may hold the task.
    LeaseLost,
}

/// What the worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Start this step: feed [`Input::StepStarted`] and commit before running it; or skip it: feed [`Input::StepSkipped`].
    StartStep(usize),
    /// Run this step: its start is in the log.
    RunStep(usize),
    /// Continue the running step.
    Continue,
    /// Release the task until it is claimed again, this long after the commit.
    Wait(Duration),
    /// Release the task.
    Stop,
}

/// An event to commit; sequence and time are assigned by the commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Overall progress, 0 to 100.
    pub progress_percent: f64,
    /// One line for humans.
    pub message: String,
    /// What happened.
    pub kind: EventKind,
}

/// Result of a transition.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The new state.
    pub run: RunState,
    /// Events to commit with it, in order.
    pub events: Vec<Draft>,
    /// What to do after the commit.
    pub effect: Effect,
}

/// The input is not valid in this state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransition {
    /// The task has ended.
    #[error("the task has ended already")]
    Ended,
    /// Input for a running step while none runs, or a start while none is ready.
    #[error("no step is in the state that this input needs")]
    NoSuchStep,
}

/// Computes the next state, events and effect.
pub fn transition(
    pipeline: &Pipeline,
    run: RunState,
    input: Input,
    now: Timestamp,
) -> Result<Decision, InvalidTransition> {
    match (run, input) {
        (run, Input::LeaseLost) => Ok(Decision { run, events: Vec::new(), effect: Effect::Stop }),
        (run @ RunState::Ended(_), Input::Claimed) => Ok(Decision { run, events: Vec::new(), effect: Effect::Stop }),
        (RunState::Ended(_), _) => Err(InvalidTransition::Ended),
        (run, Input::Cancel) => Ok(cancel(pipeline, &run)),
        (RunState::Accepted, Input::Claimed) => Ok(start_task(now)),
        (RunState::Ready { next, progress }, Input::Claimed) => Ok(proceed(pipeline, next, progress, Vec::new(), now)),
        (run @ RunState::InStep { step, .. }, Input::Claimed) => {
            Ok(Decision { run, events: Vec::new(), effect: Effect::RunStep(step) })
        }
        (RunState::Ready { next, progress }, Input::StepStarted) => start_step(pipeline, next, progress),
        (RunState::Ready { next, progress }, Input::StepSkipped(reason)) => {
            skip_step(pipeline, next, progress, reason, now)
        }
        (RunState::InStep { step, retries, progress }, Input::Progress(fraction)) => {
            let (progress, events) = report(pipeline, step, progress, fraction);
            Ok(Decision { run: RunState::InStep { step, retries, progress }, events, effect: Effect::Continue })
        }
        (RunState::InStep { step, progress, .. }, Input::StepSucceeded(output)) => {
            Ok(complete_step(pipeline, step, progress, output, now))
        }
        (RunState::InStep { step, retries, progress }, Input::StepFailed(failure, resources)) => {
            let definition = &pipeline.steps()[step];
            Ok(match definition.after_failure(retries) {
                AfterFailure::Fail => fail(definition, &progress, failure, resources),
                AfterFailure::GoOn => go_on(pipeline, step, progress, failure, resources, now),
                AfterFailure::Retry { retry, retries_max, delay } => Decision {
                    events: vec![retrying(definition, &progress, failure, resources, (retry, retries_max, delay))],
                    run: RunState::InStep { step, retries: retry, progress },
                    effect: Effect::Wait(delay),
                },
            })
        }
        (RunState::InStep { step, progress, .. }, Input::StepGivenUp(failure, resources)) => {
            Ok(fail(&pipeline.steps()[step], &progress, failure, resources))
        }
        _ => Err(InvalidTransition::NoSuchStep),
    }
}

fn start_task(now: Timestamp) -> Decision {
    let progress = Progress { percent: 0.0, announced: 0, started_at: now, totals: Totals::default() };
    Decision {
        run: RunState::Ready { next: 0, progress },
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
    let run = RunState::InStep { step, retries: 0, progress };
    Ok(Decision { run, events: vec![event], effect: Effect::RunStep(step) })
}

fn report(pipeline: &Pipeline, step: usize, mut progress: Progress, fraction: f64) -> (Progress, Vec<Draft>) {
    let range = pipeline.range(step);
    let percent = range.start + (range.end - range.start) * fraction.clamp(0.0, FRACTION_MAX);
    let mut events = Vec::new();
    // NaN compares false, so a NaN fraction is ignored.
    if percent > progress.percent {
        // A crash may have saved the progress but not the announcement: then announce it late, without falling back.
        let before = progress.percent;
        events =
            announce(&pipeline.steps()[step], &mut progress, percent, |milestone| f64::from(milestone).max(before));
        progress.percent = percent;
    }
    (progress, events)
}

/// Announces each unannounced milestone up to `reached`, with the progress that `at` returns for it.
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
        SkipReason::ConditionNotMet => "its condition is not met",
        SkipReason::ComponentNotLoaded => "its component is not loaded",
    };
    let message = format!("Step {} skipped: {why}", definition.name);
    let (step_name, stage) = (definition.name.clone(), definition.stage.clone());
    let kind = EventKind::StepSkipped { step: step_name, stage, reason };
    Ok(pass(pipeline, step, progress, message, kind, now))
}

/// A step failed and the task continues with the next one.
fn go_on(
    pipeline: &Pipeline,
    step: usize,
    progress: Progress,
    failure: StepFailure,
    resources: Resources,
    now: Timestamp,
) -> Decision {
    let definition = &pipeline.steps()[step];
    let message = format!("Step {} failed; the task continues without it", definition.name);
    let (step_name, stage) = (definition.name.clone(), definition.stage.clone());
    let kind = EventKind::StepFailed { step: step_name, stage, failure, resources };
    pass(pipeline, step, progress, message, kind, now)
}

/// Commits the end of a step, advances progress to the end of its range, and proceeds.
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
    // A run from an earlier step may be below the progress already announced.
    let shown = progress.percent;
    events.extend(announce(&pipeline.steps()[step], &mut progress, percent, |_| shown));
    proceed(pipeline, step + 1, progress, events, now)
}

/// Proceeds to step `next`, or completes the task after the last step.
fn proceed(pipeline: &Pipeline, next: usize, progress: Progress, mut events: Vec<Draft>, now: Timestamp) -> Decision {
    if next < pipeline.steps().len() {
        return Decision { run: RunState::Ready { next, progress }, events, effect: Effect::StartStep(next) };
    }
    let seconds = now.since(progress.started_at).as_secs_f64();
    events.push(Draft {
        progress_percent: 100.0,
        message: "Task completed successfully".into(),
        kind: EventKind::TaskCompleted { result: progress.totals.result(seconds) },
    });
    Decision { run: RunState::Ended(Ending::Completed), events, effect: Effect::Stop }
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
    Decision { run: RunState::Ended(Ending::Failed), events: vec![step_failed, task_failed], effect: Effect::Stop }
}

/// A step failed and will be retried: retry number, maximum, delay.
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
        message: format!("Step {name} failed; retrying in {seconds} s (retry {retry} of {retries_max})"),
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

fn cancel(pipeline: &Pipeline, run: &RunState) -> Decision {
    let running = match run {
        RunState::InStep { step, .. } => pipeline.steps().get(*step),
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
    Decision { run: RunState::Ended(Ending::Cancelled), events: vec![event], effect: Effect::Stop }
}
