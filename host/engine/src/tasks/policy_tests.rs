//! Pipelines with conditions, retries and replacements, run by a worker over a store in memory.

use super::run::run_task;
use crate::App;
use crate::testing::{Memory, MemoryBlobs, NOW, SOURCE, app_of, record};
use async_trait::async_trait;
use morag_core::JsonObject;
use morag_core::pipeline::Pipeline;
use morag_core::plugin::Descriptor;
use morag_core::ports::{
    BlobPath, DueQueue as _, Lease, Queue, StagedArtifact, StepCall, StepReport, StepRunner, StepSuccess,
};
use morag_core::task::{Artifact, Event, EventKind, Resources, StepFailure, TaskId, TaskRecord};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Steps without a sandbox. A component is loaded unless its name is `absent`; it writes `COMPONENT.md`.
#[derive(Default)]
struct Steps {
    /// Each call: the component, and what it may read as `NAME=REAL NAME`.
    calls: Mutex<Vec<(String, Vec<String>)>>,
    /// How often each component still fails, and whether it says that it could succeed later.
    failures: Mutex<BTreeMap<&'static str, (u32, bool)>>,
}

impl Steps {
    fn failing(component: &'static str, times: u32, retryable: bool) -> Arc<Self> {
        let steps = Self::default();
        steps.failures.lock().unwrap().insert(component, (times, retryable));
        Arc::new(steps)
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|(component, _)| component.clone()).collect()
    }

    fn fails(&self, component: &str) -> Option<StepFailure> {
        let mut failures = self.failures.lock().unwrap();
        let (left, retryable) = failures.get_mut(component).filter(|(left, _)| *left > 0)?;
        *left -= 1;
        let details = JsonObject::new();
        Some(StepFailure { code: "AWAY".into(), message: "it is away".into(), details, retryable: *retryable })
    }
}

/// Runs the steps; each writes its file.
struct Runner {
    steps: Arc<Steps>,
    blobs: Arc<MemoryBlobs>,
}

#[async_trait]
impl StepRunner for Runner {
    fn descriptor(&self, component: &str) -> Option<Arc<Descriptor>> {
        let descriptor = Descriptor {
            name: component.into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: vec![],
            outputs: vec![],
            capabilities: vec![],
            config_schema: match component {
                "strict" => serde_json::json!({"properties": {"size": {"type": "integer"}}}),
                _ => serde_json::json!({}),
            },
            formats: None,
        };
        (component != "absent").then(|| Arc::new(descriptor))
    }

    async fn run(&self, call: StepCall) -> StepReport {
        let read = call.inputs.artifacts.iter().map(|(name, artifact)| format!("{name}={}", artifact.name));
        self.steps.calls.lock().unwrap().push((call.components[0].clone(), read.collect()));
        let name = format!("{}.md", call.components[0]).parse().unwrap();
        let path = BlobPath::staged(call.record.id, uuid::Uuid::nil(), &name);
        self.blobs.put(path.as_str(), "x");
        let sha256 = hex::encode(Sha256::digest("x"));
        let artifact = Artifact { name, media_type: "text/markdown".into(), size: 1, sha256, listed: false };
        let artifacts = vec![StagedArtifact { artifact, path }];
        let success = StepSuccess { data: JsonObject::new(), artifacts, revision: None };
        let result = self.steps.fails(&call.components[0]).map_or(Ok(success), Err);
        StepReport { result, component: None, resources: Resources::default(), log: vec![] }
    }
}

/// A worker, its store, and a task of the pipeline `own`.
struct World {
    memory: Arc<Memory>,
    app: Arc<App>,
    steps: Arc<Steps>,
    task: TaskId,
}

impl World {
    /// `steps`: the pipeline's steps as TOML.
    fn new(steps_toml: &str, steps: Arc<Steps>) -> Self {
        Self::storing(steps_toml, steps, Pipeline::clone)
    }

    /// [`Self::new`], where the task was accepted with another version of the pipeline.
    fn storing(steps_toml: &str, steps: Arc<Steps>, stored: impl Fn(&Pipeline) -> Pipeline) -> Self {
        let memory = Arc::new(Memory::default());
        let app = app_of(&memory, &[], &format!("[[pipelines]]\nname = \"own\"\n{steps_toml}"));
        let pipeline = stored(app.pipelines.get("own").unwrap());
        let record = TaskRecord { pipeline, ..record() };
        let task = memory.store.add(record, vec![]);
        memory.blobs.put(format!("tasks/{task}/files/original.md"), SOURCE);
        Self { memory, app, steps, task }
    }

    async fn claim(&self) -> Option<Lease> {
        self.memory.store.claim(Queue::Tasks, 1, self.app.config.lease).await.unwrap().leases.pop()
    }

    /// Claims the task and runs it as far as it goes; false where it is not due.
    async fn work(&self) -> bool {
        let Some(lease) = self.claim().await else { return false };
        let runner = Runner { steps: self.steps.clone(), blobs: self.memory.blobs.clone() };
        run_task(&self.app, Arc::new(runner), lease, CancellationToken::new()).await;
        true
    }

    fn wait(&self, time: Duration) {
        self.memory.clock.advance(time);
    }

    fn log(&self) -> Vec<Event> {
        self.memory.store.log(self.task).events
    }

    /// Type, step and percentage of each event but the milestones.
    fn events(&self) -> Vec<String> {
        let line = |event: &Event| match event.kind.place() {
            Some((step, _)) => format!("{} {step} {}", event.kind.event_type(), event.progress_percent),
            None => format!("{} {}", event.kind.event_type(), event.progress_percent),
        };
        self.log().iter().filter(|event| event.kind.event_type() != "task_progress").map(line).collect()
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_step_is_left_out_by_its_condition_and_for_want_of_its_component() {
    let steps = r#"
        [[pipelines.steps]]
        name = "first"
        [[pipelines.steps]]
        name = "pictures"
        when = { media_type = "image/*" }
        [[pipelines.steps]]
        name = "texts"
        when = { media_type = ["text/*"] }
        [[pipelines.steps]]
        name = "perhaps"
        plugin = "absent"
        optional = true
    "#;
    let world = World::new(steps, Arc::new(Steps::default()));
    assert!(world.work().await);
    let expected = [
        "task_started 0",
        "step_started first 0",
        "step_completed first 25",
        "step_skipped pictures 50",
        "step_started texts 50",
        "step_completed texts 75",
        "step_skipped perhaps 100",
        "task_completed 100",
    ];
    assert_eq!(world.events(), expected);
    assert_eq!(world.steps.calls(), ["first", "texts"]);
    assert!(!world.work().await, "it is done");
}

/// Three steps, of which the second replaces what the first writes.
const REPLACING: &str = r#"
    [[pipelines.steps]]
    name = "markdown"
    [[pipelines.steps]]
    name = "redacted"
    replaces = { "markdown.md" = "redacted.md" }
    on_failure = "skip"
    [[pipelines.steps]]
    name = "reader"
"#;

#[tokio::test]
async fn a_replacement_reaches_later_steps_under_the_name_they_ask_for() {
    let world = World::new(REPLACING, Arc::new(Steps::default()));
    assert!(world.work().await);
    let calls = world.steps.calls.lock().unwrap().clone();
    assert_eq!(calls[1].1, ["markdown.md=markdown.md"]);
    assert_eq!(calls[2].1, ["markdown.md=redacted.md", "redacted.md=redacted.md"]);
}

#[tokio::test]
async fn a_task_goes_on_without_a_step_whose_failure_is_skipped() {
    let world = World::new(REPLACING, Steps::failing("redacted", 9, false));
    assert!(world.work().await);
    let events = world.events();
    assert_eq!(
        events[4..],
        [
            "step_failed redacted 66.66666666666667",
            "step_started reader 66.66666666666667",
            "step_completed reader 100",
            "task_completed 100"
        ]
    );
    let calls = world.steps.calls.lock().unwrap().clone();
    assert_eq!(calls[2].1, ["markdown.md=markdown.md"], "nothing replaces it");
}

/// A step that is run again twice, ten seconds after it failed, and one after it.
const RETRYING: &str = r#"
    [[pipelines.steps]]
    name = "flaky"
    on_failure = { retry = 2, delay = "10s" }
    [[pipelines.steps]]
    name = "after"
"#;

#[tokio::test]
async fn a_retry_waits_in_the_queue_and_goes_on_in_the_same_run() {
    // A passing failure: for a step with retries it is not run again in silence.
    let world = World::new(RETRYING, Steps::failing("flaky", 1, true));
    assert!(world.work().await);
    assert_eq!(world.events(), ["task_started 0", "step_started flaky 0", "step_retrying flaky 0"]);
    let claim = world.memory.store.claim(Queue::Tasks, 1, SECOND).await.unwrap();
    assert_eq!((claim.leases, claim.next_due), (vec![], Some(NOW.plus(10 * SECOND))));
    world.wait(9 * SECOND);
    assert!(!world.work().await, "it is not due yet");
    world.wait(SECOND);
    assert!(world.work().await);
    assert_eq!(
        world.events()[3..],
        ["step_completed flaky 50", "step_started after 50", "step_completed after 100", "task_completed 100"]
    );
    assert_eq!(world.steps.calls(), ["flaky", "flaky", "after"]);
    let metrics = world.app.metrics.render().unwrap();
    for (step, outcome, runs) in [("flaky", "failed", 1), ("flaky", "completed", 1), ("after", "completed", 1)] {
        let line =
            format!("morag_step_seconds_count{{step=\"{step}\",plugin=\"{step}\",outcome=\"{outcome}\"}} {runs}");
        assert!(metrics.lines().any(|known| known == line), "{line} is missing in {metrics}");
    }
    let committed = "morag_store_commits_total{outcome=\"committed\"} ";
    let committed = metrics.lines().find_map(|line| line.strip_prefix(committed)).unwrap();
    assert!(committed.parse::<u64>().unwrap() >= 4, "{metrics}");
}

#[tokio::test]
async fn a_step_that_is_run_again_without_an_event_says_what_it_waits_for() {
    let world = World::new("[[pipelines.steps]]\nname = \"flaky\"\n", Steps::failing("flaky", 1, true));
    assert!(world.work().await);
    assert_eq!(world.events(), ["task_started 0", "step_started flaky 0"]);
    let told = || world.app.waits.message(&world.memory.store.logs()[0], world.app.clock.now());
    assert_eq!(told().as_deref(), Some("Step flaky is waiting: it is away; next attempt in 5 s"));
    world.wait(2 * SECOND);
    assert!(told().unwrap().ends_with("next attempt in 3 s"), "{:?}", told());
    world.wait(3 * SECOND);
    assert_eq!(told(), None, "it is due");
    assert!(world.work().await);
    assert_eq!(world.events().last().unwrap(), "task_completed 100");
    assert_eq!(told(), None);
}

#[tokio::test]
async fn a_crash_in_between_forgets_no_retry() {
    let world = World::new(RETRYING, Steps::failing("flaky", 9, false));
    assert!(world.work().await);
    for _ in 0..3 {
        // Workers that die before they have done anything: their leases run out.
        world.wait(world.app.config.lease.max(10 * SECOND));
        assert!(world.claim().await.is_some());
    }
    for _ in 0..2 {
        world.wait(world.app.config.lease.max(10 * SECOND));
        assert!(world.work().await);
    }
    let retries = world.log().into_iter().filter_map(|event| match event.kind {
        EventKind::StepRetrying { retry_number, retries_max, delay_ms, .. } => {
            Some((retry_number, retries_max, delay_ms))
        }
        _ => None,
    });
    assert_eq!(retries.collect::<Vec<_>>(), [(1, 2, 10_000), (2, 2, 10_000)]);
    assert_eq!(world.events()[4..], ["step_failed flaky 0", "task_failed flaky 0"]);
    assert_eq!(world.steps.calls().len(), 3);
    assert!(!world.work().await);
}

#[tokio::test]
async fn a_task_that_kills_its_workers_fails_whatever_its_steps_say() {
    let steps =
        "[[pipelines.steps]]\nname = \"killer\"\non_failure = \"skip\"\n[[pipelines.steps]]\nname = \"after\"\n";
    let world = World::new(steps, Arc::new(Steps::default()));
    for _ in 0..morag_core::pipeline::CLAIMS_MAX {
        assert!(world.claim().await.is_some());
        world.wait(world.app.config.lease);
    }
    assert!(world.work().await);
    assert_eq!(world.events()[2..], ["step_failed killer 0", "task_failed killer 0"]);
    assert!(world.steps.calls().is_empty(), "it is not run any more");
}

#[tokio::test]
async fn a_stored_configuration_that_no_longer_fits_its_component_fails_the_task() {
    for (size, ended) in [(serde_json::json!("large"), "task_failed"), (serde_json::json!(5), "task_completed")] {
        let stored = |pipeline: &Pipeline| {
            let mut step = pipeline.steps()[0].clone();
            step.config.insert("size".into(), size.clone());
            Pipeline::new("own", vec![step]).unwrap()
        };
        let steps = "[[pipelines.steps]]\nname = \"strict\"\n";
        let world = World::storing(steps, Arc::new(Steps::default()), stored);
        assert!(world.work().await);
        let log = world.log();
        let last = log.last().unwrap();
        assert_eq!(last.kind.event_type(), ended);
        if let EventKind::TaskFailed { failure, .. } = &last.kind {
            assert_eq!((failure.code.as_str(), failure.retryable), ("CONFIG_INVALID", false));
            assert!(failure.message.contains("config.size"), "{}", failure.message);
            assert!(world.steps.calls().is_empty(), "it is not run");
        }
    }
}
