//! Whether, and from which step, an ended task may be run again.

use super::run::{Ending, RunState, passed};
use super::{Draft, Pipeline};
use crate::task::{Event, EventKind, Retry};

/// Maximum runs of a task. Each makes its log longer, and the whole log is read on every access to the task.
pub const RUNS_MAX: u32 = 100;

/// Why a task cannot be run again. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetryRefused {
    /// It is waiting or running.
    #[error("the task has not ended: cancel it first, or wait for its end")]
    NotEnded,
    /// It has completed.
    #[error("the task has completed: to process the document again, submit it with replace_existing=true")]
    Completed,
    /// Its pipeline has no step of this name.
    #[error("the task's pipeline has no step {}: choose one of {known}", crate::shown(.step))]
    UnknownStep {
        /// The requested step.
        step: String,
        /// Names of the steps, separated by commas.
        known: String,
    },
    /// An earlier step has not completed, so the step's inputs do not exist.
    #[error("step {step} cannot be run before {before} has completed: retry from {before} or a step before it")]
    NotReached {
        /// The requested step.
        step: String,
        /// The first step that has not completed.
        before: String,
    },
    /// It has run [`RUNS_MAX`] times.
    #[error("the task has run {RUNS_MAX} times, the maximum: submit the document again")]
    TooManyRuns,
}

/// The event that starts a new run of a failed or cancelled task: from `from_step`, or from the first step that has not
/// been passed, which is the one that failed. `claims`: how often the task has been claimed so far.
///
/// # Errors
/// See [`RetryRefused`]. The caller must check that the files which the step reads still exist.
pub fn retry(
    pipeline: &Pipeline,
    events: &[Event],
    claims: u64,
    from_step: Option<&str>,
) -> Result<Draft, RetryRefused> {
    match RunState::resume(pipeline, events, 0.0) {
        RunState::Ended(Ending::Failed | Ending::Cancelled) => {}
        RunState::Ended(Ending::Completed) => return Err(RetryRefused::Completed),
        RunState::Accepted | RunState::Ready { .. } | RunState::InStep { .. } => return Err(RetryRefused::NotEnded),
    }
    if attempt(events) >= RUNS_MAX {
        return Err(RetryRefused::TooManyRuns);
    }
    let passed = passed(pipeline, events);
    let steps = pipeline.steps();
    // A task that passed every step has completed, so the fallback is never used.
    let first_open = (0..steps.len()).find(|index| !passed.contains(index)).unwrap_or(steps.len() - 1);
    let from = match from_step {
        None => first_open,
        Some(name) => pipeline.position(name).ok_or_else(|| RetryRefused::UnknownStep {
            step: name.to_owned(),
            known: steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>().join(", "),
        })?,
    };
    if from > first_open {
        let (step, before) = (steps[from].name.clone(), steps[first_open].name.clone());
        return Err(RetryRefused::NotReached { step, before });
    }
    let from_step = steps[from].name.clone();
    Ok(Draft {
        progress_percent: events.iter().map(|event| event.progress_percent).fold(0.0, f64::max),
        message: format!("Task processing restarted from {from_step}"),
        kind: EventKind::TaskStarted { retry: Some(Retry { from_step, claims_before: claims, damaged: None }) },
    })
}

/// Number of the task's current run, from 1. A run resumed after a crash keeps its number.
pub fn attempt(events: &[Event]) -> u32 {
    let again = |event: &&Event| matches!(event.kind, EventKind::TaskStarted { retry: Some(_) });
    u32::try_from(events.iter().filter(again).count()).unwrap_or(u32::MAX).saturating_add(1)
}

/// Claims of the task in its last run, at least 1 because the caller holds a claim; `claims` is the total. Claims for retries of
/// a step count against the step's policy instead. A `claims_before` above the total is ignored: old logs stored a fence there.
pub fn claims_of_run(events: &[Event], claims: u64) -> u64 {
    let before = events.iter().rev().find_map(|event| match &event.kind {
        EventKind::TaskStarted { retry } => Some(retry.as_ref().map_or(0, |retry| retry.claims_before)),
        _ => None,
    });
    let in_run = events.iter().rev().take_while(|event| !matches!(event.kind, EventKind::TaskStarted { .. }));
    let retries = in_run.filter(|event| matches!(event.kind, EventKind::StepRetrying { .. })).count() as u64;
    let before = before.filter(|before| *before <= claims).unwrap_or(0);
    claims.saturating_sub(before).saturating_sub(retries).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Decision, Effect, Input, StepOutput, completions, transition};
    use crate::task::{Resources, StepFailure};
    use crate::{JsonObject, Timestamp};
    use serde_json::json;

    /// A running task, as the engine drives it.
    struct Life {
        pipeline: Pipeline,
        log: Vec<Event>,
        live: f64,
    }

    impl Life {
        fn new() -> Self {
            Self { pipeline: Pipeline::standard(), log: vec![], live: 0.0 }
        }

        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_000 * self.log.len() as i64)
        }

        fn append(&mut self, drafts: Vec<Draft>) {
            for Draft { progress_percent, message, kind } in drafts {
                let (sequence, timestamp) = (self.log.len() as u64 + 1, self.now());
                self.log.push(Event { sequence, timestamp, progress_percent, message, span: None, kind });
            }
        }

        fn feed(&mut self, input: Input) -> Effect {
            let run = RunState::resume(&self.pipeline, &self.log, self.live);
            let Decision { run, events, effect } = transition(&self.pipeline, run, input, self.now()).unwrap();
            self.append(events);
            if !matches!(run, RunState::Ended(_)) {
                self.live = run.percent();
            }
            effect
        }

        /// Claims the task and runs steps up to `stop`, which is only started. Each step reports `chunks` chunks.
        fn run_until(&mut self, stop: &str, chunks: u64) {
            let mut effect = self.feed(Input::Claimed);
            while let Effect::StartStep(step) = effect {
                self.feed(Input::StepStarted);
                if self.pipeline.steps()[step].name == stop {
                    return;
                }
                effect = self.succeed(chunks);
            }
        }

        fn succeed(&mut self, chunks: u64) -> Effect {
            let data = JsonObject::from_iter([("chunks_created".to_owned(), json!(chunks))]);
            self.feed(Input::StepSucceeded(StepOutput { data, artifacts: vec![], resources: Resources::default() }))
        }

        fn fail(&mut self) {
            let failure =
                StepFailure { code: "X".into(), message: "no".into(), details: JsonObject::new(), retryable: false };
            self.feed(Input::StepFailed(failure, Resources::default()));
        }

        fn retry(&mut self, claims: u64, from_step: Option<&str>) -> Result<(), RetryRefused> {
            let draft = retry(&self.pipeline, &self.log, claims, from_step)?;
            self.append(vec![draft]);
            Ok(())
        }

        fn kinds_after(&self, sequence: usize) -> Vec<String> {
            let name = |event: &Event| match event.kind.place() {
                Some((step, _)) => format!("{} {step}", event.kind.event_type()),
                None => event.kind.event_type().to_owned(),
            };
            self.log[sequence..].iter().map(name).collect()
        }

        fn assert_progress_never_falls(&self) {
            for pair in self.log.windows(2) {
                assert!(pair[0].progress_percent <= pair[1].progress_percent, "{pair:?}");
            }
        }
    }

    #[test]
    fn a_failed_task_goes_on_at_the_step_that_failed() {
        let mut life = Life::new();
        life.run_until("chunking", 3);
        life.feed(Input::Progress(0.5));
        life.fail();
        let before = life.log.len();
        life.retry(1, None).unwrap();
        assert_eq!(life.log[before].progress_percent, 75.0, "what was shown stays");
        life.run_until("", 7);
        let kinds = life.kinds_after(before);
        assert_eq!(kinds[..3], ["task_started", "step_started chunking", "step_completed chunking"]);
        assert_eq!(kinds.last().unwrap(), "task_completed");
        assert!(!kinds.iter().any(|kind| kind.starts_with("task_progress")), "announced once: {kinds:?}");
        life.assert_progress_never_falls();
    }

    #[test]
    fn a_run_from_an_earlier_step_forgets_what_came_after_it() {
        let mut life = Life::new();
        life.run_until("graph_extraction", 3);
        life.fail();
        life.retry(1, Some("metadata_extraction")).unwrap();
        let standing = completions(&life.pipeline, &life.log);
        assert_eq!(standing.keys().copied().collect::<Vec<_>>(), [0]);
        life.run_until("chunking", 9);
        life.assert_progress_never_falls();
        life.feed(Input::Cancel);
        assert_eq!(
            life.retry(2, Some("ingestion")),
            Err(RetryRefused::NotReached { step: "ingestion".into(), before: "chunking".into() })
        );
        life.retry(2, None).unwrap();
        life.run_until("", 9);
        let EventKind::TaskCompleted { result } = &life.log.last().unwrap().kind else { panic!("{:?}", life.log) };
        assert_eq!(result["chunks_created"], 9);
        life.assert_progress_never_falls();
        assert_eq!(life.log.last().unwrap().progress_percent, 100.0);
    }

    #[test]
    fn a_task_that_was_cancelled_before_it_began_begins() {
        let mut life = Life::new();
        life.feed(Input::Cancel);
        life.retry(0, None).unwrap();
        life.run_until("", 1);
        let kinds = life.kinds_after(0);
        assert_eq!(kinds[..3], ["task_cancelled", "task_started", "step_started markdown_conversion"]);
        assert_eq!(kinds.last().unwrap(), "task_completed");
        life.assert_progress_never_falls();
    }

    #[test]
    fn what_is_not_run_again_says_why() {
        let mut life = Life::new();
        assert_eq!(life.retry(0, None), Err(RetryRefused::NotEnded));
        life.run_until("chunking", 1);
        assert_eq!(life.retry(0, None), Err(RetryRefused::NotEnded));
        life.fail();
        let Err(RetryRefused::UnknownStep { known, .. }) = life.retry(0, Some("nonsense")) else { panic!() };
        assert!(known.starts_with("markdown_conversion, "), "{known}");
        life.retry(1, None).unwrap();
        assert_eq!(life.retry(1, None), Err(RetryRefused::NotEnded));
        life.run_until("", 1);
        assert_eq!(life.retry(1, None), Err(RetryRefused::Completed));
    }

    #[test]
    fn a_task_runs_a_hundred_times_at_most() {
        let mut life = Life::new();
        life.run_until("chunking", 1);
        life.fail();
        for run in 2..=u64::from(RUNS_MAX) {
            life.retry(run, None).unwrap();
            life.run_until("chunking", 1);
            life.fail();
        }
        assert_eq!(attempt(&life.log), RUNS_MAX);
        let refused = life.retry(100, None).unwrap_err();
        assert_eq!(refused, RetryRefused::TooManyRuns);
        assert!(refused.to_string().contains("submit the document again"), "{refused}");
    }

    #[test]
    fn only_claims_of_the_run_count() {
        let mut life = Life::new();
        assert_eq!((claims_of_run(&life.log, 0), claims_of_run(&life.log, 5)), (1, 5));
        life.run_until("chunking", 1);
        life.fail();
        life.retry(21, None).unwrap();
        assert_eq!(attempt(&life.log), 2);
        assert_eq!([21, 22, 25].map(|claims| claims_of_run(&life.log, claims)), [1, 1, 4]);
    }

    #[test]
    fn more_claims_before_the_run_than_there_are_do_not_count() {
        let mut life = Life::new();
        life.run_until("chunking", 1);
        life.fail();
        life.retry(5_168_055_869_617_379, None).unwrap();
        assert_eq!([2, 9].map(|claims| claims_of_run(&life.log, claims)), [2, 9]);
    }
}
