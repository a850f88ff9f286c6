//! What `docs/http-api.md#events` says of a task's events, counted in whole numbers. A crash is a return to what was the
//! case at the last commit: nothing here reads a log.

use crate::driver::{Driver, Policy};
use morag_core::task::EventKind;
use proptest::prelude::*;

/// Parts of a step that the oracle counts in: a report of `k/1024` and the cap of 99% are both whole numbers of them.
const PARTS: i128 = 102_400;
const CAP: i128 = PARTS * 99 / 100;

/// What a step says of its progress.
#[derive(Debug, Clone, Copy)]
pub enum Report {
    /// So many 1024ths.
    Of1024(u16),
    NotANumber,
    Infinite,
    MinusInfinite,
    Negative,
    MoreThanAll,
}

impl Report {
    pub fn fraction(self) -> f64 {
        match self {
            Self::Of1024(parts) => f64::from(parts) / 1024.0,
            Self::NotANumber => f64::NAN,
            Self::Infinite => f64::INFINITY,
            Self::MinusInfinite => f64::NEG_INFINITY,
            Self::Negative => -0.5,
            Self::MoreThanAll => 1.7,
        }
    }

    /// The same in parts, as far as it counts.
    fn parts(self) -> i128 {
        match self {
            Self::Of1024(parts) => (i128::from(parts) * 100).min(CAP),
            Self::NotANumber | Self::MinusInfinite | Self::Negative => 0,
            Self::Infinite | Self::MoreThanAll => CAP,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    event_type: &'static str,
    step: Option<usize>,
    milestone: Option<u8>,
    retry: Option<u32>,
    progress: At,
}

/// Overall progress as the oracle knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    /// Exactly this many percent.
    Percent(u8),
    /// This many parts of all the steps' weights.
    Parts(i128),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Accepted,
    Between(usize),
    Inside(usize),
    Ended,
}

/// Everything that is the case at one moment. A crash is: the last committed one is the case again.
#[derive(Debug, Clone)]
struct Moment {
    events: Vec<Seen>,
    phase: Phase,
    parts: i128,
    announced: usize,
    /// Steps that the run can build on: what it, and those before it, completed or went on without.
    done: usize,
    /// How often the step that runs has been run again after a failure.
    retried: u32,
}

/// Kind and progress of every event of the driver's, the uncommitted ones too.
fn decided(driver: &Driver) -> Vec<(EventKind, f64)> {
    let committed = driver.log.iter().map(|event| (event.kind.clone(), event.progress_percent));
    committed.chain(driver.pending.iter().map(|draft| (draft.kind.clone(), draft.progress_percent))).collect()
}

pub struct Oracle {
    weights: Vec<u32>,
    policies: Vec<Policy>,
    now: Moment,
    committed: Moment,
    /// A report came so near a milestone that rounding may decide: such a script proves nothing.
    pub too_close: bool,
}

pub const MILESTONES: [u8; 3] = [25, 50, 75];

impl Oracle {
    pub fn new(weights: &[u32], policies: &[Policy]) -> Self {
        let start = Moment { events: vec![], phase: Phase::Accepted, parts: 0, announced: 0, done: 0, retried: 0 };
        let mut oracle = Self {
            weights: weights.to_vec(),
            policies: policies.to_vec(),
            now: start.clone(),
            committed: start,
            too_close: false,
        };
        oracle.claim();
        oracle
    }

    fn total(&self) -> i128 {
        self.weights.iter().map(|weight| i128::from(*weight)).sum::<i128>() * PARTS
    }

    /// Parts before step `index`.
    fn before(&self, index: usize) -> i128 {
        self.weights[..index].iter().map(|weight| i128::from(*weight)).sum::<i128>() * PARTS
    }

    fn say(&mut self, event_type: &'static str, step: Option<usize>, progress: At) {
        self.now.events.push(Seen { event_type, step, milestone: None, retry: None, progress });
    }

    pub fn claim(&mut self) {
        self.now = self.committed.clone();
        if self.now.phase == Phase::Accepted {
            self.say("task_started", None, At::Percent(0));
            self.now.phase = Phase::Between(0);
        }
    }

    pub fn start(&mut self) {
        let Phase::Between(step) = self.now.phase else { panic!("nothing to start") };
        self.now.retried = 0;
        if self.policies[step].skipped {
            return self.pass("step_skipped", step);
        }
        // What an earlier run has shown stays.
        self.say("step_started", Some(step), At::Parts(self.now.parts.max(self.before(step))));
        self.now.phase = Phase::Inside(step);
    }

    fn announce(&mut self, step: usize, completed: bool) {
        while let Some(milestone) = MILESTONES.get(self.now.announced) {
            let distance = self.now.parts * 100 - i128::from(*milestone) * self.total();
            if !completed && distance.abs() * 1_000_000_000 < self.total() * 100 {
                self.too_close = true;
            }
            if distance < 0 {
                return;
            }
            let progress = if completed { At::Parts(self.now.parts) } else { At::Percent(*milestone) };
            let milestone = Some(*milestone);
            let (event_type, step) = ("task_progress", Some(step));
            self.now.events.push(Seen { event_type, step, milestone, retry: None, progress });
            self.now.announced += 1;
        }
    }

    fn inside(&self) -> usize {
        let Phase::Inside(step) = self.now.phase else { panic!("no step runs") };
        step
    }

    pub fn report(&mut self, report: Report) {
        let step = self.inside();
        let said = self.before(step) + i128::from(self.weights[step]) * report.parts();
        if said > self.now.parts {
            self.now.parts = said;
            self.announce(step, false);
        }
    }

    pub fn succeed(&mut self) {
        let step = self.inside();
        self.pass("step_completed", step);
    }

    /// A step is done with: progress is at its end, and the next one comes.
    fn pass(&mut self, event_type: &'static str, step: usize) {
        self.now.parts = self.now.parts.max(self.before(step + 1));
        self.now.done = step + 1;
        self.say(event_type, Some(step), At::Parts(self.now.parts));
        self.announce(step, true);
        self.now.phase = Phase::Between(step + 1);
        if step + 1 == self.weights.len() {
            self.say("task_completed", None, At::Percent(100));
            self.end();
        }
    }

    pub fn fail(&mut self) {
        let step = self.inside();
        let Policy { retries, soft, .. } = self.policies[step];
        if self.now.retried < retries {
            self.now.retried += 1;
            let (retry, progress) = (Some(self.now.retried), At::Parts(self.now.parts));
            let event_type = "step_retrying";
            self.now.events.push(Seen { event_type, step: Some(step), milestone: None, retry, progress });
            return;
        }
        if soft { self.pass("step_failed", step) } else { self.give_up() }
    }

    pub fn give_up(&mut self) {
        let step = self.inside();
        self.say("step_failed", Some(step), At::Parts(self.now.parts));
        self.say("task_failed", Some(step), At::Parts(self.now.parts));
        self.end();
    }

    pub fn cancel(&mut self) {
        self.now = self.committed.clone();
        let step = match self.now.phase {
            Phase::Inside(step) => Some(step),
            _ => None,
        };
        self.say("task_cancelled", step, At::Parts(self.now.parts));
        self.end();
    }

    /// A new run from a step on, claimed; false where it is refused.
    pub fn retry(&mut self, from: usize) -> bool {
        let completed = self.now.events.last().is_some_and(|seen| seen.event_type == "task_completed");
        if self.now.phase != Phase::Ended || completed || from > self.now.done || from >= self.weights.len() {
            return false;
        }
        self.say("task_started", None, At::Parts(self.now.parts));
        self.now.phase = Phase::Between(from);
        self.now.done = from;
        self.commit();
        true
    }

    fn end(&mut self) {
        self.now.phase = Phase::Ended;
        self.commit();
    }

    pub fn commit(&mut self) {
        self.committed = self.now.clone();
    }

    fn percent(&self, parts: i128) -> f64 {
        100.0 * parts as f64 / self.total() as f64
    }

    pub fn compare(&self, driver: &Driver) -> Result<(), TestCaseError> {
        let decided = decided(driver);
        let types = |events: &[Seen]| events.iter().map(|seen| seen.event_type).collect::<Vec<_>>();
        let got: Vec<_> = decided.iter().map(|(kind, _)| kind.event_type()).collect();
        prop_assert_eq!(got, types(&self.now.events));
        for ((kind, percent), seen) in decided.iter().zip(&self.now.events) {
            let step = kind.place().map(|(step, _)| step.to_owned());
            prop_assert_eq!(step, seen.step.map(|step| format!("s{step}")), "{:?}", kind);
            if let Some((_, stage)) = kind.place() {
                prop_assert_eq!(Some(stage.to_owned()), seen.step.map(|step| format!("stage-{step}")));
            }
            let milestone = match kind {
                EventKind::TaskProgress { milestone, .. } => Some(*milestone),
                _ => None,
            };
            prop_assert_eq!(milestone, seen.milestone);
            let retry = match kind {
                EventKind::StepRetrying { retry_number, retries_max, .. } => {
                    prop_assert_eq!(Some(*retries_max), seen.step.map(|step| self.policies[step].retries));
                    Some(*retry_number)
                }
                _ => None,
            };
            prop_assert_eq!(retry, seen.retry);
            match seen.progress {
                At::Percent(expected) => prop_assert_eq!(*percent, f64::from(expected), "{:?}", kind),
                At::Parts(parts) => {
                    let expected = self.percent(parts);
                    prop_assert!((percent - expected).abs() < 1e-9, "{:?}: {} is not {}", kind, percent, expected);
                }
            }
        }
        prop_assert_eq!(driver.log.len(), self.committed.events.len(), "what is committed");
        if !driver.ended() {
            prop_assert!((driver.live - self.percent(self.committed.parts)).abs() < 1e-9);
            prop_assert!((driver.run.percent() - self.percent(self.now.parts)).abs() < 1e-9);
        }
        Ok(())
    }
}
