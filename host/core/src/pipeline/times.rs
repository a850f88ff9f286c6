//! How long a run took, and each of its steps, by the log.

use crate::Timestamp;
use crate::task::{Event, EventKind};
use std::fmt;
use std::time::Duration;

/// Durations of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunTimes {
    /// From the run's `task_started` to its last event.
    pub total: Duration,
    /// Each step that has run, in the order of their ends.
    pub steps: StepTimes,
}

/// How long steps took, by name. One that ran more than once counts once, from its first start to its last end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepTimes(pub Vec<(String, Duration)>);

/// For the log: `extraction=1200ms chunking=15ms`.
impl fmt::Display for StepTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (step, time)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{step}={}ms", time.as_millis())?;
        }
        Ok(())
    }
}

/// Durations of the last run in a log; zero where none has started.
pub fn run_times(events: &[Event]) -> RunTimes {
    let is_start = |event: &Event| matches!(event.kind, EventKind::TaskStarted { .. });
    let run = &events[events.iter().rposition(is_start).unwrap_or(events.len())..];
    let mut started: Vec<(&str, Timestamp)> = Vec::new();
    let mut steps = StepTimes::default();
    for event in run {
        match &event.kind {
            EventKind::StepStarted { step, .. } if started.iter().all(|(name, _)| name != step) => {
                started.push((step, event.timestamp));
            }
            EventKind::StepCompleted { step, .. } | EventKind::StepFailed { step, .. } => {
                let Some((_, start)) = started.iter().find(|(name, _)| name == step) else { continue };
                let time = event.timestamp.since(*start);
                match steps.0.iter_mut().find(|(name, _)| name == step) {
                    Some((_, known)) => *known = time,
                    None => steps.0.push((step.clone(), time)),
                }
            }
            _ => {}
        }
    }
    let total =
        run.first().zip(run.last()).map_or(Duration::ZERO, |(first, last)| last.timestamp.since(first.timestamp));
    RunTimes { total, steps }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonObject;
    use crate::task::Resources;

    fn event(at_ms: i64, kind: EventKind) -> Event {
        let timestamp = Timestamp::from_millis(at_ms);
        Event { sequence: 1, timestamp, progress_percent: 0.0, message: String::new(), span: None, kind }
    }

    fn started(at_ms: i64) -> Event {
        event(at_ms, EventKind::TaskStarted { retry: None })
    }

    fn begun(at_ms: i64, step: &str) -> Event {
        event(at_ms, EventKind::StepStarted { step: step.into(), stage: step.into() })
    }

    fn done(at_ms: i64, step: &str) -> Event {
        let (data, artifacts, resources) = (JsonObject::new(), vec![], Resources::default());
        event(at_ms, EventKind::StepCompleted { step: step.into(), stage: step.into(), data, artifacts, resources })
    }

    #[test]
    fn a_run_takes_what_its_steps_take() {
        let log = [started(0), begun(10, "a"), done(30, "a"), begun(30, "b"), done(130, "b"), started(1000)];
        let times = run_times(&log[..5]);
        assert_eq!(times.total, Duration::from_millis(130));
        assert_eq!(times.steps.to_string(), "a=20ms b=100ms");
        assert_eq!(
            run_times(&log),
            RunTimes { total: Duration::ZERO, steps: StepTimes::default() },
            "the last run alone"
        );
    }

    #[test]
    fn a_step_that_ran_twice_counts_from_its_first_start() {
        let log = [started(0), begun(0, "a"), done(10, "a"), begun(10, "b"), begun(20, "a"), done(50, "a")];
        assert_eq!(run_times(&log).steps.to_string(), "a=50ms");
        assert_eq!(run_times(&[]).total, Duration::ZERO);
    }
}
