//! The status of a task, prefix by prefix over logs that random lives leave behind.

#[path = "support/driver.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod driver;

use driver::{Driver, EPOCH, Policy, failure, pipeline};
use morag_core::Timestamp;
use morag_core::pipeline::{Effect, Pipeline, RunState};
use morag_core::task::{Event, EventKind, StatusWord, StepState, StepStatus, TaskStatus};
use proptest::prelude::*;

/// How a life ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Completed,
    /// The step fails.
    Failed(usize),
    /// Cancelled after so many inputs.
    Cancelled(usize),
    /// Still at it after so many inputs.
    Open(usize),
}

/// Lives a task to its end or to the input where it stops, dying and going on at each of `crashes`.
fn live(weights: &[u32], policies: &[Policy], reports: &[Vec<f64>], end: End, crashes: &[usize]) -> Driver {
    let mut driver = Driver::with(weights, policies);
    let mut inputs = 0;
    let mut reported = 0;
    while !driver.ended() {
        inputs += 1;
        match end {
            End::Cancelled(at) if inputs > at => driver.cancel(),
            End::Open(at) if inputs > at => return driver,
            _ if crashes.contains(&inputs) => {
                driver.claim();
                reported = 0;
            }
            _ if driver.advance() => {}
            _ => {
                let Effect::RunStep(step) = driver.effect else { panic!("no step to run") };
                match reports[step].get(reported) {
                    Some(fraction) => {
                        driver.report(*fraction);
                        driver.commit();
                        reported += 1;
                    }
                    None => {
                        reported = 0;
                        if matches!(end, End::Failed(failing) if failing == step) {
                            driver.fail();
                        } else {
                            driver.succeed();
                        }
                    }
                }
            }
        }
    }
    driver
}

fn lives() -> impl Strategy<Value = Driver> {
    let parts = prop::collection::vec(1..=50u32, 1..=8).prop_flat_map(|weights| {
        let reports = prop::collection::vec(prop::collection::vec(0.0..=1.0f64, 0..4), weights.len());
        let end = prop_oneof![
            3 => Just(End::Completed),
            2 => (0..weights.len()).prop_map(End::Failed),
            3 => (0..40usize).prop_map(End::Cancelled),
            1 => (0..40usize).prop_map(End::Open),
        ];
        let own = (prop::bool::weighted(0.3), 0..3u32, any::<bool>());
        let own = own.prop_map(|(skipped, retries, soft)| Policy { skipped, retries, soft });
        let policies = prop::collection::vec(prop_oneof![Just(Policy::default()), own], weights.len());
        (Just(weights), policies, reports, end, prop::collection::vec(1..40usize, 0..4))
    });
    parts.prop_map(|(weights, policies, reports, end, crashes)| live(&weights, &policies, &reports, end, &crashes))
}

fn of<'a>(events: &'a [Event], event_type: &str, step: &str) -> Option<&'a Event> {
    let place = |event: &&Event| event.kind.place().is_some_and(|(name, _)| name == step);
    events.iter().filter(place).find(|event| event.kind.event_type() == event_type)
}

fn expected_word(events: &[Event]) -> StatusWord {
    match events.last().map(|event| event.kind.event_type()) {
        None => StatusWord::Pending,
        Some("task_completed") => StatusWord::Completed,
        Some("task_failed") => StatusWord::Failed,
        Some("task_cancelled") => StatusWord::Cancelled,
        Some(_) => StatusWord::InProgress,
    }
}

fn expected_state(events: &[Event], step: &str) -> StepState {
    let is = |event_type| of(events, event_type, step).is_some();
    let cancelled = events.last().is_some_and(|event| event.kind.event_type() == "task_cancelled");
    match () {
        () if is("step_completed") => StepState::Completed,
        () if is("step_skipped") => StepState::Skipped,
        () if is("step_failed") => StepState::Failed,
        () if is("step_started") && cancelled => StepState::Cancelled,
        () if is("step_started") => StepState::InProgress,
        () => StepState::Pending,
    }
}

/// Whether the task may go on after the step.
fn is_passed(pipeline: &Pipeline, step: &StepStatus) -> bool {
    let definition = pipeline.steps().iter().find(|definition| definition.name == step.step).expect("a step of it");
    match step.status {
        StepState::Completed | StepState::Skipped => true,
        StepState::Failed => definition.fails_softly(),
        _ => false,
    }
}

fn check_one(driver: &Driver, events: &[Event], live: f64) -> Result<TaskStatus, TestCaseError> {
    let status = TaskStatus::fold(&driver.pipeline, events, live);
    prop_assert_eq!(status.word, expected_word(events));
    prop_assert!((0.0..=100.0).contains(&status.progress_percent), "{}", status.progress_percent);
    let ended = events.last().filter(|event| event.kind.ends_task());
    let high = events.iter().map(|event| event.progress_percent).fold(0.0, f64::max);
    let expected = if ended.is_some() { high } else { high.max(live) };
    prop_assert_eq!(status.progress_percent, expected);
    let started = events.first().filter(|event| event.kind == EventKind::TaskStarted { retry: None });
    prop_assert_eq!(status.started_at, started.map(|event| event.timestamp));
    prop_assert_eq!(status.completed_at, ended.map(|event| event.timestamp));
    if let Some(last) = events.last() {
        prop_assert_eq!(&status.message, &last.message);
        prop_assert!(!last.message.is_empty());
    }
    prop_assert_eq!(status.result.is_some(), status.word == StatusWord::Completed);
    prop_assert_eq!(status.failure.is_some(), status.word == StatusWord::Failed);
    if let Some((step, stage, why)) = &status.failure {
        prop_assert_eq!(why, &failure());
        prop_assert!(of(events, "step_failed", step).is_some());
        prop_assert_eq!(stage, &step.replace('s', "stage-"));
        prop_assert_eq!(status.current_step.as_ref(), Some(step));
    }
    if matches!(status.word, StatusWord::Pending | StatusWord::Completed | StatusWord::Cancelled) {
        prop_assert_eq!(&status.current_step, &None);
    }

    let names: Vec<_> = driver.pipeline.steps().iter().map(|step| step.name.as_str()).collect();
    prop_assert_eq!(status.steps.iter().map(|step| step.step.as_str()).collect::<Vec<_>>(), names);
    for (index, step) in status.steps.iter().enumerate() {
        let name = step.step.as_str();
        prop_assert_eq!(step.status, expected_state(events, name), "{}", name);
        let at = |event_type| of(events, event_type, name).map(|event| event.timestamp);
        prop_assert_eq!(step.started_at, at("step_started"), "{}", name);
        let end = match step.status {
            StepState::Cancelled => ended.map(|event| event.timestamp),
            _ => at("step_completed").or(at("step_failed")).or(at("step_skipped")),
        };
        prop_assert_eq!(step.completed_at, end, "{}", name);
        prop_assert_eq!(step.error.as_deref(), at("step_failed").map(|_| "no"), "{}", name);
        let range = driver.pipeline.range(index);
        prop_assert!((range.start..=range.end).contains(&step.progress_percent), "{}: {}", name, step.progress_percent);
        match step.status {
            StepState::Pending => prop_assert_eq!(step.progress_percent, range.start),
            StepState::Completed | StepState::Skipped => prop_assert_eq!(step.progress_percent, range.end),
            StepState::InProgress => {
                prop_assert_eq!(step.progress_percent, status.progress_percent);
                prop_assert_eq!(status.current_step.as_deref(), Some(name));
            }
            StepState::Failed if status.failure.as_ref().is_none_or(|(failed, ..)| failed != name) => {
                prop_assert_eq!(step.progress_percent, range.end, "the task went on");
            }
            StepState::Failed | StepState::Cancelled => {
                prop_assert_eq!(step.progress_percent, status.progress_percent)
            }
        }
    }
    // At most one step is at work, and none after it has begun.
    let begun = status.steps.iter().take_while(|step| step.status != StepState::Pending).count();
    prop_assert!(status.steps[begun..].iter().all(|step| step.status == StepState::Pending));
    prop_assert!(
        status.steps[..begun.saturating_sub(1)].iter().all(|step| is_passed(&driver.pipeline, step)),
        "{:?}",
        status.steps
    );
    Ok(status)
}

fn never_falls(before: &TaskStatus, after: &TaskStatus) -> Result<(), TestCaseError> {
    prop_assert!(after.progress_percent >= before.progress_percent);
    for (before, after) in before.steps.iter().zip(&after.steps) {
        prop_assert!(
            after.progress_percent >= before.progress_percent,
            "{} fell from {} to {} as it went from {:?} to {:?}",
            after.step,
            before.progress_percent,
            after.progress_percent,
            before.status,
            after.status
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    /// What readers see: the log and the live percent of each commit.
    #[test]
    fn every_commit_is_a_status(driver in lives()) {
        let mut last = check_one(&driver, &[], 0.0)?;
        for (length, live) in &driver.commits {
            let status = check_one(&driver, &driver.log[..*length], *live)?;
            never_falls(&last, &status)?;
            last = status;
        }
        let engine = match driver.run {
            RunState::Accepted => StatusWord::Pending,
            RunState::Ready { .. } | RunState::InStep { .. } => StatusWord::InProgress,
            RunState::Ended(_) => expected_word(&driver.log),
        };
        if driver.pending.is_empty() {
            prop_assert_eq!(last.word, engine);
        }
    }

    /// What a reader of the events alone sees (SSE, history): every prefix.
    #[test]
    fn every_prefix_is_a_status(driver in lives()) {
        let mut last = None;
        for length in 0..=driver.log.len() {
            let status = TaskStatus::fold(&driver.pipeline, &driver.log[..length], 0.0);
            prop_assert_eq!(status.word, expected_word(&driver.log[..length]));
            if let Some(last) = &last {
                never_falls(last, &status)?;
            }
            last = Some(status);
        }
    }

    /// The step's progress stands where its last report left it, whatever ends the task.
    #[test]
    fn an_end_takes_no_progress_back(weight in 1..50u32, fraction in 0.0..=1.0f64, cancelled: bool) {
        let mut driver = Driver::new(pipeline(&[weight, 10]));
        while driver.advance() {}
        driver.report(fraction);
        driver.commit();
        let before = TaskStatus::fold(&driver.pipeline, &driver.log, driver.live);
        if cancelled { driver.cancel() } else { driver.fail() }
        let after = check_one(&driver, &driver.log, driver.live)?;
        never_falls(&before, &after)?;
        prop_assert_eq!(after.steps[0].progress_percent, before.steps[0].progress_percent);
    }

    /// A live percent that makes no sense shows as nothing, or as a percentage.
    #[test]
    fn a_status_is_a_percentage_whatever_is_live(
        driver in lives(),
        live in prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), -1e9..1e9f64],
    ) {
        for length in 0..=driver.log.len() {
            let status = TaskStatus::fold(&driver.pipeline, &driver.log[..length], live);
            prop_assert!((0.0..=100.0).contains(&status.progress_percent), "{}", status.progress_percent);
            for step in &status.steps {
                prop_assert!((0.0..=100.0).contains(&step.progress_percent), "{}", step.progress_percent);
            }
        }
    }
}

#[test]
fn a_pending_task_has_every_step_and_no_time() {
    let driver = Driver::new(pipeline(&[1, 3]));
    let status = TaskStatus::fold(&driver.pipeline, &[], 0.0);
    assert_eq!((status.word, status.progress_percent), (StatusWord::Pending, 0.0));
    assert_eq!((status.started_at, status.completed_at, status.current_step), (None, None, None));
    assert_eq!(status.steps.iter().map(|step| step.progress_percent).collect::<Vec<_>>(), [0.0, 25.0]);
}

#[test]
fn the_result_of_a_completed_task_is_its_last_events() {
    let driver = live(&[1, 1], &[Policy::default(); 2], &[vec![], vec![]], End::Completed, &[]);
    let status = TaskStatus::fold(&driver.pipeline, &driver.log, driver.live);
    let Some(EventKind::TaskCompleted { result }) = driver.log.last().map(|event| event.kind.clone()) else { panic!() };
    assert_eq!(result["chunks_created"], 2, "the last step to say it wins");
    assert!(result["processing_time_seconds"].is_number());
    assert_eq!(status.result, Some(result));
    assert!(status.completed_at > Some(Timestamp::from_millis(EPOCH)));
}
