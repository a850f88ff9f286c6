//! Runs that go on with files that are not what was written, over a store in memory.

use super::run::run_task;
use crate::App;
use crate::testing::{Memory, SOURCE, app_of, record};
use async_trait::async_trait;
use morag_core::JsonObject;
use morag_core::pipeline::REMAKES_MAX;
use morag_core::plugin::{Descriptor, Input};
use morag_core::ports::{
    BlobPath, DueQueue as _, Queue, StagedArtifact, StepCall, StepReport, StepRunner, StepSuccess,
};
use morag_core::task::{Artifact, ArtifactName, EventKind, Resources, TaskId};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Three steps; each writes `STEP.md` and reads that of the step before it.
const STEPS: &str = r#"
    [[pipelines]]
    name = "own"
    [[pipelines.steps]]
    name = "one"
    [[pipelines.steps]]
    name = "two"
    [[pipelines.steps]]
    name = "three"
"#;

struct World {
    memory: Arc<Memory>,
    app: Arc<App>,
    task: TaskId,
    calls: Mutex<Vec<String>>,
    /// Step that never returns: the worker is killed in it.
    hangs: Mutex<Option<&'static str>>,
}

struct Steps(Arc<World>);

fn name(text: &str) -> ArtifactName {
    text.parse().unwrap()
}

#[async_trait]
impl StepRunner for Steps {
    fn descriptor(&self, component: &str) -> Option<Arc<Descriptor>> {
        let before = match component {
            "two" => Some("one.md"),
            "three" => Some("two.md"),
            _ => None,
        };
        Some(Arc::new(Descriptor {
            name: component.into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: before.map(|before| Input { name: name(before), required: true }).into_iter().collect(),
            outputs: vec![],
            capabilities: vec![],
            config_schema: serde_json::json!({}),
            formats: None,
        }))
    }

    async fn run(&self, call: StepCall) -> StepReport {
        let world = &self.0;
        world.calls.lock().unwrap().push(call.components[0].clone());
        let hangs = *world.hangs.lock().unwrap() == Some(&call.components[0]);
        if hangs {
            std::future::pending::<()>().await;
        }
        let content = format!("written by {}", call.components[0]);
        let name = name(&format!("{}.md", call.components[0]));
        let path = BlobPath::staged(call.record.id, uuid::Uuid::nil(), &name);
        world.memory.blobs.put(path.as_str(), content.clone());
        let (size, sha256) = (content.len() as u64, hex::encode(Sha256::digest(&content)));
        let artifact = Artifact { name, media_type: "text/markdown".into(), size, sha256, listed: false };
        let artifacts = vec![StagedArtifact { artifact, path }];
        let success = StepSuccess { data: JsonObject::new(), artifacts, revision: None };
        StepReport { result: Ok(success), component: None, resources: Resources::default(), log: vec![] }
    }
}

impl World {
    fn new() -> Arc<Self> {
        let memory = Arc::new(Memory::default());
        let app = app_of(&memory, &[], STEPS);
        let mut record = record();
        record.pipeline = app.pipelines.get("own").unwrap().clone();
        let task = memory.store.add(record, vec![]);
        let this = Self { memory, app, task, calls: Mutex::default(), hangs: Mutex::default() };
        this.put("original.md", Some(SOURCE));
        Arc::new(this)
    }

    /// Puts a file in the place of a published one, or takes it away.
    fn put(&self, name: &str, content: Option<&str>) {
        let path = format!("tasks/{}/files/{name}", self.task);
        let mut files = self.memory.blobs.files.lock().unwrap();
        match content {
            Some(content) => drop(files.insert(path, content.to_owned().into())),
            None => drop(files.remove(&path)),
        }
    }

    /// Claims the task and runs it as far as it goes.
    async fn work(self: &Arc<Self>) {
        let lease =
            self.memory.store.claim(Queue::Tasks, 1, self.app.config.lease).await.unwrap().leases.pop().unwrap();
        let run = run_task(&self.app, Arc::new(Steps(Arc::clone(self))), lease, CancellationToken::new());
        let mut run = std::pin::pin!(run);
        let is_hung = || {
            let (hangs, calls) = (*self.hangs.lock().unwrap(), self.calls.lock().unwrap());
            hangs.is_some() && calls.last().map(String::as_str) == hangs
        };
        while futures::poll!(&mut run).is_pending() {
            if is_hung() {
                // Dropped where it stands, as a killed worker is.
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Runs the task up to a step, in which its worker is killed, and lets the lease run out.
    async fn die_in(self: &Arc<Self>, step: &'static str) {
        *self.hangs.lock().unwrap() = Some(step);
        self.work().await;
        *self.hangs.lock().unwrap() = None;
        self.wait();
    }

    fn wait(&self) {
        self.memory.clock.advance(Duration::from_secs(3600));
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Type and step of each event but the milestones.
    fn events(&self) -> Vec<String> {
        let line = |kind: &EventKind| match kind.place() {
            Some((step, _)) => format!("{} {step}", kind.event_type()),
            None => kind.event_type().to_owned(),
        };
        let log = self.memory.store.log(self.task);
        let events = log.events.iter().map(|event| line(&event.kind));
        events.filter(|line| !line.starts_with("task_progress")).collect()
    }

    fn failure(&self) -> Option<String> {
        match &self.memory.store.log(self.task).events.last()?.kind {
            EventKind::TaskFailed { failure, .. } => Some(failure.code.clone()),
            _ => None,
        }
    }

    /// Forgets what this process has verified, as another process does.
    fn forget(self: Arc<Self>) -> Arc<Self> {
        let mut this = Arc::into_inner(self).unwrap();
        Arc::get_mut(&mut this.app).unwrap().verified = Default::default();
        Arc::new(this)
    }
}

#[tokio::test]
async fn whole_files_are_gone_on_with() {
    let world = World::new();
    world.die_in("three").await;
    assert_eq!(world.calls(), ["one", "two", "three"]);
    let world = world.forget();
    world.work().await;
    assert_eq!(world.calls(), ["three"]);
    assert_eq!(world.events().last().unwrap(), "task_completed");
}

#[tokio::test]
async fn a_resumed_run_goes_back_to_the_step_whose_file_is_damaged() {
    for (file, content, again) in [
        ("two.md", Some(""), &["two", "three"][..]),
        ("two.md", Some("written by XXX"), &["two", "three"]),
        ("two.md", None, &["two", "three"]),
        // No step that is left reads it; callers do.
        ("one.md", Some(""), &["one", "two", "three"]),
    ] {
        let world = World::new();
        world.die_in("three").await;
        world.calls();
        world.put(file, content);
        let world = world.forget();
        world.work().await;
        assert_eq!(world.calls(), again, "{file} {content:?}");
        let expected = ["task_started", "step_started one", "step_completed one", "step_started two"];
        assert_eq!(world.events()[..4], expected);
        let first = format!("step_started {}", again[0]);
        assert_eq!(world.events()[6..8], ["task_started".to_owned(), first]);
        assert_eq!(world.events().last().unwrap(), "task_completed");
        let path = format!("tasks/{}/files/{file}", world.task);
        assert!(world.memory.blobs.files.lock().unwrap()[&path].starts_with(b"written by "), "it is made again");
    }
}

#[tokio::test]
async fn what_was_damaged_since_this_process_wrote_it_is_noticed() {
    let world = World::new();
    world.die_in("two").await;
    world.put("one.md", Some("damaged"));
    world.work().await;
    assert_eq!(world.calls(), ["one", "two", "one", "two", "three"]);
}

#[tokio::test]
async fn a_storage_that_keeps_nothing_fails_the_task() {
    let world = World::new();
    world.die_in("three").await;
    for _ in 0..REMAKES_MAX {
        world.put("two.md", Some(""));
        world.die_in("three").await;
    }
    world.put("two.md", Some(""));
    world.work().await;
    assert_eq!(world.failure().as_deref(), Some("ARTIFACT_DAMAGED"));
    let started = world.events().iter().filter(|event| *event == "task_started").count();
    assert_eq!(started, 1 + REMAKES_MAX);
    assert_eq!(world.events()[world.events().len() - 2..], ["step_failed three", "task_failed three"]);
}

#[tokio::test]
async fn a_damaged_upload_fails_the_task_and_no_step_reads_it() {
    for content in ["", "abX", "abcd"] {
        let world = World::new();
        world.put("original.md", Some(content));
        world.work().await;
        assert_eq!(world.failure().as_deref(), Some("SOURCE_DAMAGED"), "{content}");
        assert!(world.calls().is_empty());
    }
}

#[tokio::test]
async fn an_upload_that_is_out_of_sight_is_waited_for() {
    let world = World::new();
    world.put("original.md", None);
    world.work().await;
    assert_eq!(world.failure(), None, "it may come into sight again");
    world.wait();
    world.put("original.md", Some(SOURCE));
    world.work().await;
    assert_eq!(world.events().last().unwrap(), "task_completed");

    let world = World::new();
    world.put("original.md", None);
    for _ in 0..morag_core::pipeline::PASSING_FAILURES_MAX {
        assert_eq!(world.failure(), None);
        world.work().await;
        world.wait();
    }
    assert_eq!(world.failure().as_deref(), Some("SOURCE_DAMAGED"));
    assert!(world.calls().is_empty());
}

#[tokio::test]
async fn a_mended_run_has_as_many_claims_as_any() {
    let world = World::new();
    world.die_in("three").await;
    world.put("two.md", Some(""));
    world.die_in("three").await;
    assert_eq!(world.events()[6], "task_started", "it was mended");
    world.put("original.md", None);
    let world = world.forget();
    for _ in 0..morag_core::pipeline::PASSING_FAILURES_MAX - 1 {
        assert_eq!(world.failure(), None);
        world.work().await;
        world.wait();
    }
    assert_eq!(world.failure().as_deref(), Some("SOURCE_DAMAGED"));
}
