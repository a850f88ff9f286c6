//! Drives a run as the server's engine does (`host/engine/src/tasks/run.rs` and `cancel.rs`), over a store in memory:
//! what was decided is lost in a crash until it is committed, and a commit is all or nothing.

use morag_core::pipeline::{
    Decision, Draft, Effect, Input, OnFailure, Pipeline, Retries, RunState, StepDefinition, StepOutput, transition,
};
use morag_core::task::{Event, EventKind, Resources, SkipReason, StepFailure};
use morag_core::{JsonObject, Timestamp};
use serde_json::json;
use std::time::Duration;

/// Where the driver's time begins; each look at the clock is a millisecond later.
pub const EPOCH: i64 = 1_769_853_600_000;

/// A pipeline of steps `s0`, `s1`, … with these weights, each in a stage of its own.
pub fn pipeline(weights: &[u32]) -> Pipeline {
    let step = |(index, weight): (usize, &u32)| {
        StepDefinition::plain(format!("s{index}"), format!("component-{index}"), format!("stage-{index}"), *weight)
    };
    Pipeline::new("random", weights.iter().enumerate().map(step).collect()).expect("weights are positive, names unique")
}

/// What a step's definition says beside its weight, and whether it is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policy {
    pub skipped: bool,
    pub retries: u32,
    pub soft: bool,
}

/// How long a step waits before a retry.
pub const RETRY_DELAY: Duration = Duration::from_millis(1_500);

/// The same with what follows from a step's failure. A step with retries says by `optional` that its failure is soft.
pub fn pipeline_of(weights: &[u32], policies: &[Policy]) -> Pipeline {
    let change = |(step, policy): (&StepDefinition, &Policy)| StepDefinition {
        on_failure: match (policy.retries, policy.soft) {
            (0, true) => OnFailure::Skip,
            (0, false) => OnFailure::Fail,
            (times, _) => OnFailure::Retry(Retries::new(times, RETRY_DELAY).expect("few enough")),
        },
        optional: policy.soft && policy.retries > 0,
        ..step.clone()
    };
    let steps = pipeline(weights).steps().iter().zip(policies).map(change).collect();
    Pipeline::new("random", steps).expect("it was one before")
}

/// A worker with its store.
#[derive(Debug)]
pub struct Driver {
    pub pipeline: Pipeline,
    /// The log as the store has it.
    pub log: Vec<Event>,
    /// The live percent as the store has it.
    pub live: f64,
    /// Every percentage that somebody could have seen, in order: events as they are committed, then the live percent.
    pub seen: Vec<f64>,
    /// The log's length and the live percent after each commit.
    pub commits: Vec<(usize, f64)>,
    pub run: RunState,
    pub pending: Vec<Draft>,
    pub effect: Effect,
    /// Whether the step named by the effect runs: its start is committed.
    pub running: bool,
    /// Steps that are left out.
    pub skipped: Vec<usize>,
    clock: i64,
}

impl Driver {
    /// A new task, claimed.
    pub fn new(pipeline: Pipeline) -> Self {
        Self::skipping(pipeline, Vec::new())
    }

    /// A new task of a pipeline with policies, claimed.
    pub fn with(weights: &[u32], policies: &[Policy]) -> Self {
        let skipped = (0..policies.len()).filter(|index| policies[*index].skipped).collect();
        Self::skipping(pipeline_of(weights, policies), skipped)
    }

    fn skipping(pipeline: Pipeline, skipped: Vec<usize>) -> Self {
        let mut driver = Self {
            skipped,
            pipeline,
            log: Vec::new(),
            live: 0.0,
            seen: Vec::new(),
            commits: Vec::new(),
            run: RunState::Accepted,
            pending: Vec::new(),
            effect: Effect::Stop,
            running: false,
            clock: EPOCH,
        };
        driver.claim();
        driver
    }

    /// Reads the log as a worker does that has just claimed the task. What was not committed is gone.
    pub fn claim(&mut self) {
        self.pending.clear();
        self.running = false;
        self.run = RunState::resume(&self.pipeline, &self.log, self.live);
        self.feed(Input::Claimed);
    }

    pub fn ended(&self) -> bool {
        matches!(self.run, RunState::Ended(_))
    }

    /// Feeds an input that must be taken.
    pub fn feed(&mut self, input: Input) {
        let now = self.now();
        let Decision { run, events, effect } = transition(&self.pipeline, self.run.clone(), input.clone(), now)
            .unwrap_or_else(|error| {
                panic!("{input:?} in {:?}: {error}", self.run);
            });
        self.run = run;
        self.pending.extend(events);
        if effect != Effect::Continue {
            self.effect = effect;
        }
    }

    /// Does the next thing on the way to a running step: leaves one out, starts it, commits its start, or gives the task back and
    /// claims it again for a retry. False when there is none.
    pub fn advance(&mut self) -> bool {
        match self.effect {
            _ if self.running || self.ended() => false,
            Effect::StartStep(step) if self.skipped.contains(&step) => {
                self.feed(Input::StepSkipped(SkipReason::ConditionNotMet));
                self.commit_if_ended();
                true
            }
            Effect::StartStep(_) => {
                self.feed(Input::StepStarted);
                true
            }
            Effect::Wait(delay) => {
                assert_eq!(delay, RETRY_DELAY);
                self.commit();
                self.claim();
                true
            }
            Effect::RunStep(_) => {
                self.commit();
                self.running = true;
                true
            }
            Effect::Continue | Effect::Stop => false,
        }
    }

    pub fn report(&mut self, fraction: f64) {
        assert!(self.running);
        self.feed(Input::Progress(fraction));
    }

    /// The running step ends well, bringing a count that tells the steps apart, and one that only the first brings.
    pub fn succeed(&mut self) {
        assert!(std::mem::take(&mut self.running));
        let Effect::RunStep(step) = self.effect else { panic!("no step runs") };
        let mut data = JsonObject::new();
        data.insert("chunks_created".into(), json!(step + 1));
        if step == 0 {
            data.insert("facts_extracted".into(), json!(7));
        }
        self.feed(Input::StepSucceeded(StepOutput { data, artifacts: Vec::new(), resources: Resources::default() }));
        self.commit_if_ended();
    }

    pub fn fail(&mut self) {
        assert!(std::mem::take(&mut self.running));
        self.feed(Input::StepFailed(failure(), Resources::default()));
        self.commit_if_ended();
    }

    /// The worker gives the running step up, whatever its definition says.
    pub fn give_up(&mut self) {
        assert!(std::mem::take(&mut self.running));
        self.feed(Input::StepGivenUp(failure(), Resources::default()));
        self.commit_if_ended();
    }

    /// How often a step's failure has been followed by a retry, as the log says.
    pub fn retries_of(&self, step: usize) -> usize {
        let name = format!("s{step}");
        let is_retry = |event: &&Event| matches!(&event.kind, EventKind::StepRetrying { step, .. } if *step == name);
        self.log.iter().filter(is_retry).count()
    }

    /// Somebody cancels by way of the store; the worker's own decisions since its last commit are refused with it.
    pub fn cancel(&mut self) {
        self.pending.clear();
        self.running = false;
        self.run = RunState::resume(&self.pipeline, &self.log, self.live);
        self.feed(Input::Cancel);
        self.commit_if_ended();
    }

    fn commit_if_ended(&mut self) {
        if self.ended() {
            self.commit();
        }
    }

    pub fn commit(&mut self) {
        let at = Timestamp::from_millis(self.clock);
        for draft in std::mem::take(&mut self.pending) {
            self.seen.push(draft.progress_percent);
            self.log.push(Event {
                sequence: self.log.len() as u64 + 1,
                timestamp: at,
                progress_percent: draft.progress_percent,
                message: draft.message,
                span: None,
                kind: draft.kind,
            });
        }
        self.live = match self.run {
            RunState::Ended(_) => self.log.last().map_or(self.live, |event| event.progress_percent),
            _ => self.run.percent(),
        };
        self.seen.push(self.live);
        self.commits.push((self.log.len(), self.live));
    }

    fn now(&mut self) -> Timestamp {
        self.clock += 1;
        Timestamp::from_millis(self.clock)
    }
}

pub fn failure() -> StepFailure {
    StepFailure {
        code: "UNSUPPORTED_FORMAT".into(),
        message: "no".into(),
        details: JsonObject::new(),
        retryable: false,
    }
}
