//! The decision what happens next: state × input → state + events + effect. Pure.
//!
//! Order and progress are the contract's (section 3). A milestone is announced once, when overall progress first reaches
//! it: right after the `step_completed` that reached it (then at that step's percentage, for progress never falls), or by
//! the in-step report that crossed it (then at the milestone itself).

use super::run::{Ending, Progress, Run};
use super::totals::Totals;
use super::{Pipeline, StepDefinition};
use crate::task::{Artifact, EventKind, Resources, StepFailure};
use crate::{JsonObject, Timestamp};

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
    /// The running step says how far it is, 0 to 1.
    Progress(f64),
    /// The running step ended well.
    StepSucceeded(StepOutput),
    /// The running step failed.
    StepFailed(StepFailure, Resources),
    /// Somebody wants the task to stop.
    Cancel,
    /// The worker no longer holds the task: another may.
    LeaseLost,
}

/// What the worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Start this step: feed [`Input::StepStarted`] and commit before running it.
    StartStep(usize),
    /// Run this step: its start is in the log.
    RunStep(usize),
    /// Go on with what is running.
    Continue,
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
        (Run::InStep { step, progress }, Input::Progress(fraction)) => Ok(report(pipeline, step, progress, fraction)),
        (Run::InStep { step, progress }, Input::StepSucceeded(output)) => {
            Ok(complete_step(pipeline, step, progress, output, now))
        }
        (Run::InStep { step, progress }, Input::StepFailed(failure, resources)) => {
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
    Ok(Decision { run: Run::InStep { step, progress }, events: vec![event], effect: Effect::RunStep(step) })
}

fn report(pipeline: &Pipeline, step: usize, mut progress: Progress, fraction: f64) -> Decision {
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
    Decision { run: Run::InStep { step, progress }, events, effect: Effect::Continue }
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
    let percent = pipeline.range(step).end;
    progress.percent = progress.percent.max(percent);
    progress.totals.add(&output.data);
    let mut events = vec![Draft {
        progress_percent: progress.percent,
        message: format!("Step {} completed", definition.name),
        kind: EventKind::StepCompleted {
            step: definition.name.clone(),
            stage: definition.stage.clone(),
            data: output.data,
            artifacts: output.artifacts,
            resources: output.resources,
        },
    }];
    // A run that begins at an earlier step than the one before it reached ends that step below what was shown.
    let shown = progress.percent;
    events.extend(announce(definition, &mut progress, percent, |_| shown));
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
