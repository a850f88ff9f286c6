//! The transition function against an oracle that counts in whole numbers and remembers instead of reading logs.
//!
//! Written from `docs/http-api.md#events` and the guides. Where they are silent: an in-step report counts for at most
//! 99% of its step's range; a milestone crossed by a report is announced at exactly the milestone, one reached by
//! `step_completed` after it, at the percentage of that step's end. A step that is left out, or that failed and the task goes
//! on, counts for progress as a completed one; a retry changes nothing of it.

#[path = "support/driver.rs"]
mod driver;
#[path = "support/oracle.rs"]
mod oracle;

use driver::{Driver, Policy, failure, pipeline};
use morag_core::pipeline::{
    Decision, Effect, Input, InvalidTransition, Pipeline, RunState, StepOutput, attempt, claims_of_run, retry,
    transition,
};
use morag_core::task::{Event, EventKind, Resources, SkipReason, TaskStatus};
use morag_core::{JsonObject, Timestamp};
use oracle::{MILESTONES, Oracle, Report};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Action {
    /// The worker goes one step on towards running the step.
    Advance,
    Report(Report),
    Succeed,
    Fail,
    GiveUp,
    Commit,
    /// The worker dies; another claims the task.
    Crash,
    /// The worker is told that it has lost the task; another claims it.
    LeaseLost,
    Cancel,
    /// Somebody asks for a new run from this step on.
    Retry(usize),
}

fn report() -> impl Strategy<Value = Report> {
    prop_oneof![
        12 => (0..=1024u16).prop_map(Report::Of1024),
        1 => Just(Report::Of1024(1024)),
        1 => Just(Report::NotANumber),
        1 => Just(Report::Infinite),
        1 => Just(Report::MinusInfinite),
        1 => Just(Report::Negative),
        1 => Just(Report::MoreThanAll),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        30 => Just(Action::Advance),
        60 => report().prop_map(Action::Report),
        30 => Just(Action::Succeed),
        8 => Just(Action::Fail),
        1 => Just(Action::GiveUp),
        30 => Just(Action::Commit),
        12 => Just(Action::Crash),
        4 => Just(Action::LeaseLost),
        2 => Just(Action::Cancel),
        8 => (0..8usize).prop_map(Action::Retry),
    ]
}

/// Small weights, and now and then very different ones.
fn weights() -> impl Strategy<Value = Vec<u32>> {
    let weight = prop_oneof![6 => 1..=40u32, 1 => 1..=10_000u32, 1 => Just(u32::MAX)];
    prop::collection::vec(weight, 1..=8)
}

/// A weight and a policy for each of some steps. Most have none.
fn steps() -> impl Strategy<Value = (Vec<u32>, Vec<Policy>)> {
    weights().prop_flat_map(|weights| {
        let own = (prop::bool::weighted(0.3), 0..4u32, any::<bool>());
        let own = own.prop_map(|(skipped, retries, soft)| Policy { skipped, retries, soft });
        let policies = prop::collection::vec(prop_oneof![Just(Policy::default()), own], weights.len());
        (Just(weights), policies)
    })
}

/// Both sides at once.
struct Pair {
    driver: Driver,
    oracle: Oracle,
}

impl Pair {
    fn new(weights: &[u32], policies: &[Policy]) -> Self {
        Self { driver: Driver::with(weights, policies), oracle: Oracle::new(weights, policies) }
    }

    fn advance(&mut self) {
        let starts = matches!(self.driver.effect, Effect::StartStep(_));
        if self.driver.advance() {
            if starts { self.oracle.start() } else { self.oracle.commit() }
        }
    }

    /// False where the steps that were left were all left out.
    fn until_running(&mut self) -> bool {
        while !self.driver.running && !self.driver.ended() {
            self.advance();
        }
        self.driver.running
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Retry(from) => {
                let said = self.driver.log.len();
                let begun = retry_and_claim(&mut self.driver, *from);
                assert_eq!(begun, self.oracle.retry(*from), "retry from {from}: {:?}", self.driver.log);
                assert_eq!(self.driver.log.len(), said + usize::from(begun));
            }
            _ if self.driver.ended() => {}
            Action::Advance => self.advance(),
            Action::Report(report) => {
                if self.until_running() {
                    self.driver.report(report.fraction());
                    self.oracle.report(*report);
                }
            }
            Action::Succeed => {
                if self.until_running() {
                    self.driver.succeed();
                    self.oracle.succeed();
                }
            }
            Action::Fail => {
                if self.until_running() {
                    self.driver.fail();
                    self.oracle.fail();
                }
            }
            Action::GiveUp => {
                if self.until_running() {
                    self.driver.give_up();
                    self.oracle.give_up();
                }
            }
            Action::Commit => {
                self.driver.commit();
                self.oracle.commit();
            }
            Action::Crash => {
                self.driver.claim();
                self.oracle.claim();
            }
            Action::LeaseLost => {
                let before = self.driver.pending.len();
                self.driver.feed(Input::LeaseLost);
                assert_eq!((self.driver.pending.len(), self.driver.effect), (before, Effect::Stop));
                self.driver.claim();
                self.oracle.claim();
            }
            Action::Cancel => {
                self.driver.cancel();
                self.oracle.cancel();
            }
        }
    }
}

/// Somebody asks for a new run from a step on, as the engine does, and a worker claims it. False, and nothing has changed,
/// where that is refused.
fn retry_and_claim(driver: &mut Driver, from: usize) -> bool {
    let Some(step) = driver.pipeline.steps().get(from) else { return false };
    let Ok(draft) = retry(&driver.pipeline, &driver.log, 0, Some(&step.name)) else { return false };
    driver.pending = vec![draft];
    driver.commit();
    driver.claim();
    true
}

const NOW: Timestamp = Timestamp::from_millis(driver::EPOCH + 1_000_000);

fn every_input() -> Vec<Input> {
    let output = StepOutput { data: Default::default(), artifacts: vec![], resources: Resources::default() };
    vec![
        Input::Claimed,
        Input::StepStarted,
        Input::StepSkipped(SkipReason::ComponentNotLoaded),
        Input::Progress(0.5),
        Input::Progress(f64::NAN),
        Input::StepSucceeded(output),
        Input::StepFailed(failure(), Resources::default()),
        Input::StepGivenUp(failure(), Resources::default()),
        Input::Cancel,
        Input::LeaseLost,
    ]
}

/// Whatever the state: a cancel says one thing and ends it; an ended run takes nothing.
fn check_cancel_and_end(driver: &Driver) -> Result<(), TestCaseError> {
    let probe = |run: RunState| -> Result<(), TestCaseError> {
        let percent = run.percent();
        let was_ended = matches!(run, RunState::Ended(_));
        let ended = if was_ended {
            run
        } else {
            let decision = transition(&driver.pipeline, run, Input::Cancel, NOW).expect("not ended");
            prop_assert_eq!(decision.events.len(), 1);
            prop_assert_eq!(decision.events[0].kind.event_type(), "task_cancelled");
            prop_assert_eq!(decision.events[0].progress_percent, percent);
            prop_assert_eq!(decision.effect, Effect::Stop);
            decision.run
        };
        prop_assert!(matches!(ended, RunState::Ended(_)));
        for input in every_input() {
            let result = transition(&driver.pipeline, ended.clone(), input.clone(), NOW);
            // To take an ended task, or to lose it, says nothing and lets it go; all else is refused.
            match input {
                Input::Claimed | Input::LeaseLost => {
                    let nothing = Decision { run: ended.clone(), events: vec![], effect: Effect::Stop };
                    prop_assert_eq!(result, Ok(nothing), "{:?}", input);
                }
                _ => prop_assert_eq!(result, Err(InvalidTransition::Ended), "{:?}", input),
            }
        }
        Ok(())
    };
    probe(driver.run.clone())?;
    probe(RunState::resume(&driver.pipeline, &driver.log, driver.live))
}

/// What anybody can see never falls, and is a percentage.
fn check_seen(driver: &Driver) -> Result<(), TestCaseError> {
    for percent in &driver.seen {
        prop_assert!(percent.is_finite() && (0.0..=100.0).contains(percent), "{}", percent);
    }
    for pair in driver.seen.windows(2) {
        prop_assert!(pair[0] <= pair[1], "fell from {} to {}", pair[0], pair[1]);
    }
    for (index, event) in driver.log.iter().enumerate() {
        prop_assert_eq!(event.sequence, index as u64 + 1);
        // An end is the last, but for a new run.
        let begins = |event: &Event| matches!(event.kind, EventKind::TaskStarted { retry: Some(_) });
        let is_end = driver.log.get(index + 1).map_or(driver.ended(), begins);
        prop_assert!(event.kind.ends_task() == is_end);
    }
    let mut last = 0.0;
    for (length, live) in &driver.commits {
        let status = TaskStatus::fold(&driver.pipeline, &driver.log[..*length], *live);
        prop_assert!(status.progress_percent >= last && status.progress_percent <= 100.0);
        last = status.progress_percent;
    }
    Ok(())
}

fn names(driver: &Driver, with_progress: bool) -> Vec<(String, Option<String>, f64)> {
    let all = driver.log.iter().filter(|event| with_progress || event.kind.event_type() != "task_progress");
    all.map(|event| {
        let step = event.kind.place().map(|(step, _)| step.to_owned());
        (event.kind.event_type().to_owned(), step, event.progress_percent)
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_random_life_is_the_oracles(
        (weights, policies) in steps(),
        actions in prop::collection::vec(action(), 0..60),
        finish in any::<bool>(),
    ) {
        let mut pair = Pair::new(&weights, &policies);
        for action in &actions {
            pair.act(action);
            prop_assume!(!pair.oracle.too_close);
            pair.oracle.compare(&pair.driver)?;
            check_cancel_and_end(&pair.driver)?;
        }
        while finish && !pair.driver.ended() {
            pair.act(&Action::Succeed);
            pair.oracle.compare(&pair.driver)?;
        }
        check_seen(&pair.driver)?;
        let completed = pair.driver.log.last().is_some_and(|event| event.kind.event_type() == "task_completed");
        if completed {
            let said: Vec<_> = pair.driver.log.iter().filter_map(|event| match event.kind {
                EventKind::TaskProgress { milestone, .. } => Some(milestone),
                _ => None,
            }).collect();
            prop_assert_eq!(said, MILESTONES, "once each, however many runs there were");
            if attempt(&pair.driver.log) == 1 {
                let once = pair.driver.log.iter().filter(|event| event.kind.event_type() != "step_retrying").count();
                let skipped = policies.iter().filter(|policy| policy.skipped).count();
                prop_assert_eq!(once, 2 + 2 * weights.len() - skipped + 3);
            }
        }
    }
}

/// The numbers of a completed task, but for the time it took.
fn totals(driver: &Driver) -> Option<JsonObject> {
    let Some(EventKind::TaskCompleted { result }) = driver.log.last().map(|event| &event.kind) else { return None };
    let counts = result.iter().filter(|(key, _)| !key.starts_with("processing_time"));
    Some(counts.map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// One life without chance: for each step what it reports, and which step fails, if one does, and how often.
#[derive(Debug, Clone)]
struct Plan {
    weights: Vec<u32>,
    policies: Vec<Policy>,
    reports: Vec<Vec<f64>>,
    fails: Option<(usize, usize)>,
}

fn plan() -> impl Strategy<Value = Plan> {
    steps().prop_flat_map(|(weights, policies)| {
        let fraction = prop_oneof![10 => 0.0..1.2f64, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => -1.0..0.0f64];
        let reports = prop::collection::vec(prop::collection::vec(fraction, 0..5), weights.len());
        let fails = prop::option::weighted(0.6, (0..weights.len(), 1..6usize));
        let parts = (Just(weights), Just(policies), reports, fails);
        parts.prop_map(|(weights, policies, reports, fails)| Plan { weights, policies, reports, fails })
    })
}

/// Lives a plan. The worker dies at each of `crashes` (counted in inputs and commits), and the step that ran is run
/// again from its beginning. Says how many such points there were.
fn live(plan: &Plan, crashes: &[usize], commit_reports: bool) -> (Driver, usize) {
    let mut driver = Driver::with(&plan.weights, &plan.policies);
    let mut point = 0;
    let mut dies = |driver: &mut Driver| {
        let dies = crashes.contains(&point) && !driver.ended();
        point += 1;
        if dies {
            driver.claim();
        }
        dies
    };
    'life: while !driver.ended() {
        if dies(&mut driver) || driver.advance() {
            continue;
        }
        let Effect::RunStep(step) = driver.effect else { panic!("no step to run") };
        for fraction in &plan.reports[step] {
            driver.report(*fraction);
            if dies(&mut driver) {
                continue 'life;
            }
            if commit_reports {
                driver.commit();
                if dies(&mut driver) {
                    continue 'life;
                }
            }
        }
        let fails = plan.fails.is_some_and(|(failing, times)| failing == step && driver.retries_of(step) < times);
        if fails { driver.fail() } else { driver.succeed() }
    }
    (driver, point)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_crash_anywhere_changes_nothing(plan in plan(), more in prop::collection::vec(0..200usize, 0..8)) {
        for commit_reports in [true, false] {
            let (calm, points) = live(&plan, &[], commit_reports);
            check_seen(&calm)?;
            for point in 0..points {
                let (crashed, _) = live(&plan, &[point], commit_reports);
                prop_assert_eq!(names(&crashed, true), names(&calm, true), "crash at {}", point);
                prop_assert_eq!(totals(&crashed), totals(&calm), "crash at {}", point);
                check_seen(&crashed)?;
            }
            let (crashed, _) = live(&plan, &more, commit_reports);
            prop_assert_eq!(names(&crashed, true), names(&calm, true), "crashes at {:?}", more);
            check_seen(&crashed)?;
        }
    }

    /// A live percent that the log does not explain (a store that kept it longer, a broken row) is no way out of the
    /// promises.
    #[test]
    fn any_live_percent_is_survived(
        plan in plan(),
        at in 0..100usize,
        live_percent in prop_oneof![
            0.0..=100.0f64, -1e3..1e3f64, Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)
        ],
        reports in prop::collection::vec(0.0..=1.0f64, 0..4),
    ) {
        let plan = Plan { fails: None, policies: vec![Policy::default(); plan.weights.len()], ..plan };
        let (mut driver, _) = live(&plan, &[], true);
        let (length, _) = driver.commits[at % driver.commits.len()];
        prop_assume!(length < driver.log.len());
        driver.log.truncate(length);
        driver.commits.clear();
        driver.live = live_percent;
        let seen = TaskStatus::fold(&driver.pipeline, &driver.log, live_percent).progress_percent;
        prop_assert!(seen.is_finite() && (0.0..=100.0).contains(&seen), "{}", seen);
        driver.seen = vec![seen];
        driver.claim();
        while !driver.ended() {
            if driver.advance() {
                continue;
            }
            reports.iter().for_each(|fraction| driver.report(*fraction));
            driver.commit();
            driver.succeed();
        }
        check_seen(&driver)?;
        let steps: Vec<_> = names(&driver, false).into_iter().map(|(kind, step, _)| (kind, step)).collect();
        let (calm, _) = live_types(&plan);
        prop_assert_eq!(steps, calm);
        prop_assert_eq!(driver.log.len(), 2 + 2 * plan.weights.len() + 3);
        // Every step ends where its range does, whatever was said in between.
        for event in &driver.log {
            if let EventKind::StepCompleted { step, .. } = &event.kind {
                let end = driver.pipeline.range(driver.pipeline.position(step).unwrap()).end;
                prop_assert_eq!(event.progress_percent, end);
            }
        }
    }
}

fn live_types(plan: &Plan) -> (Vec<(String, Option<String>)>, usize) {
    let (driver, points) = live(plan, &[], true);
    (names(&driver, false).into_iter().map(|(kind, step, _)| (kind, step)).collect(), points)
}

fn standard(report: &[(usize, f64)]) -> Vec<(String, Option<String>, f64)> {
    let mut driver = Driver::new(Pipeline::standard());
    while !driver.ended() {
        if driver.advance() {
            continue;
        }
        let Effect::RunStep(step) = driver.effect else { panic!("no step to run") };
        for (_, fraction) in report.iter().filter(|(at, _)| *at == step) {
            driver.report(*fraction);
            driver.commit();
        }
        driver.succeed();
    }
    names(&driver, true)
}

fn lines(log: &[(String, Option<String>, f64)]) -> Vec<String> {
    log.iter()
        .map(|(kind, step, percent)| match step {
            Some(step) => format!("{kind} {step} {percent}"),
            None => format!("{kind} {percent}"),
        })
        .collect()
}

/// The guide's list, "Complete Event Sequence Example".
const GUIDE: [&str; 14] = [
    "task_started 0",
    "step_started markdown_conversion 0",
    "step_completed markdown_conversion 25",
    "step_started metadata_extraction 25",
    "step_completed metadata_extraction 40",
    "step_started content_processing 40",
    "step_completed content_processing 70",
    "step_started chunking 70",
    "step_completed chunking 80",
    "step_started graph_extraction 80",
    "step_completed graph_extraction 90",
    "step_started ingestion 90",
    "step_completed ingestion 100",
    "task_completed 100",
];

#[test]
fn the_standard_task_is_the_guides_fourteen_events() {
    let log = lines(&standard(&[]));
    let filtered: Vec<_> = log.iter().filter(|line| !line.starts_with("task_progress")).collect();
    assert_eq!(filtered, GUIDE.iter().collect::<Vec<_>>());
    assert_eq!(log.len(), 17);
    // Each milestone right after the event that reached it, at that event's percentage.
    assert_eq!(log[3], "task_progress markdown_conversion 25");
    assert_eq!(log[8], "task_progress content_processing 70");
    assert_eq!(log[11], "task_progress chunking 80");
}

#[test]
fn a_report_that_crosses_a_milestone_announces_it_there() {
    // 40 + 30/2 = 55 crosses 50; 70 + 10/2 = 75 reaches 75 exactly.
    let log = lines(&standard(&[(0, 1.0), (2, 0.25), (2, 0.5), (3, 0.5), (3, 0.75)]));
    let filtered: Vec<_> = log.iter().filter(|line| !line.starts_with("task_progress")).collect();
    assert_eq!(filtered, GUIDE.iter().collect::<Vec<_>>());
    let milestones: Vec<_> = log.iter().enumerate().filter(|(_, line)| line.starts_with("task_progress")).collect();
    let expected = [
        (3, "task_progress markdown_conversion 25"),
        (7, "task_progress content_processing 50"),
        (10, "task_progress chunking 75"),
    ];
    assert_eq!(
        milestones,
        expected.map(|(at, line)| (at, line.to_owned())).iter().map(|(at, line)| (*at, line)).collect::<Vec<_>>()
    );
}

#[test]
fn a_task_of_one_step_announces_all_three_before_it_completes() {
    let mut driver = Driver::new(pipeline(&[7]));
    while driver.advance() {}
    driver.report(0.3);
    driver.succeed();
    assert_eq!(
        lines(&names(&driver, true)),
        [
            "task_started 0",
            "step_started s0 0",
            "task_progress s0 25",
            "step_completed s0 100",
            "task_progress s0 100",
            "task_progress s0 100",
            "task_completed 100",
        ]
    );
}

#[test]
fn a_report_stops_one_hundredth_short_of_the_steps_end() {
    let mut driver = Driver::new(pipeline(&[1, 1]));
    while driver.advance() {}
    driver.report(1.0);
    assert_eq!(driver.run.percent(), 49.5);
}

#[test]
fn inputs_of_a_step_need_that_step() {
    let pipeline = pipeline(&[1, 1]);
    for run in [RunState::Accepted, transition(&pipeline, RunState::Accepted, Input::Claimed, NOW).unwrap().run] {
        for input in every_input() {
            let starts = matches!((&run, &input), (RunState::Ready { .. }, Input::StepStarted | Input::StepSkipped(_)));
            let taken = starts || matches!(input, Input::Claimed | Input::Cancel | Input::LeaseLost);
            let result = transition(&pipeline, run.clone(), input.clone(), NOW);
            assert_eq!(result.is_ok(), taken, "{input:?} in {run:?}");
            if !taken {
                assert_eq!(result, Err(InvalidTransition::NoSuchStep));
            }
        }
    }
}

/// What a step's retries look like from outside, and that a new run of the task has all of them again.
#[test]
fn a_step_is_retried_as_often_as_it_says_in_each_run_of_the_task() {
    let policies = [Policy::default(), Policy { retries: 2, ..Policy::default() }];
    let mut driver = Driver::with(&[1, 1], &policies);
    while driver.advance() {}
    driver.succeed();
    for _ in 0..3 {
        while driver.advance() {}
        driver.report(0.5);
        driver.fail();
    }
    let expected = [
        "task_started 0",
        "step_started s0 0",
        "step_completed s0 50",
        "task_progress s0 50",
        "task_progress s0 50",
        "step_started s1 50",
        "task_progress s1 75",
        "step_retrying s1 75",
        "step_retrying s1 75",
        "step_failed s1 75",
        "task_failed s1 75",
    ];
    assert_eq!(lines(&names(&driver, true)), expected);
    assert!(retry_and_claim(&mut driver, 1));
    while driver.advance() {}
    driver.fail();
    assert_eq!(driver.effect, Effect::Wait(driver::RETRY_DELAY), "{:?}", driver.run);
    // The claims that retries need do not count against the task.
    driver.commit();
    let begun = 7;
    let draft = EventKind::TaskStarted { retry: None };
    assert!(driver.log.iter().all(|event| event.kind != draft || event.sequence == 1));
    assert_eq!(claims_of_run(&driver.log, begun), begun - 1);
}
