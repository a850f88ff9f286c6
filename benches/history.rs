//! History at scale: 1,000,000 events of 60,000 tasks, on the embedded store and on a Redis of its own. Prints the latency of a task's
//! status and history, of recent events and of the task list as the store grows, and, as a baseline in the same run, that of a PING of the
//! same Redis.
//!
//! `cargo bench -p morag-benches --bench history` takes some minutes. `MORAG_BENCH_HISTORY_TASKS` sets another size.

use futures::stream::{self, StreamExt as _};
use morag_adapters::SystemClock;
use morag_adapters::store::redis::{Options, Redis, RedisStore};
use morag_adapters::store::sqlite::SqliteStore;
use morag_core::pipeline::Pipeline;
use morag_core::ports::{Clock, Commit, Guard, ListFilter, Next, Tasks};
use morag_core::task::{Event, EventKind, Resources, StatusWord, TaskId, TaskRecord};
use morag_core::{JsonObject, Timestamp};
use morag_testkit::{new_task, pdf_record};
use morag_tests::redis::{RedisOptions, RedisServer};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tasks at the end. Measured at several fractions of them.
const TASKS: usize = 60_000;
const SHARES: [f64; 3] = [0.1, 0.5, 1.0];

/// Concurrent submissions while the store is filled.
const AT_ONCE: usize = 128;

/// Measured reads of each kind.
const READS: usize = 500;

/// The 17 events of a successful task, of realistic size.
fn events(now: Timestamp) -> Vec<Event> {
    let pipeline = Pipeline::standard();
    let mut kinds = vec![EventKind::TaskStarted { retry: None }];
    for step in pipeline.steps() {
        let (name, stage) = (step.name.clone(), step.stage.clone());
        kinds.push(EventKind::StepStarted { step: name.clone(), stage: stage.clone() });
        let text = "the quick brown fox jumps over the lazy dog ".repeat(8);
        let data =
            serde_json::json!({ "file_url": "/api/files/temp/x/file.json", "size_bytes": 52_428, "preview": text });
        let data = data.as_object().cloned().expect("an object");
        let resources = Resources::default();
        kinds.push(EventKind::StepCompleted { step: name, stage, data, artifacts: vec![], resources });
    }
    for milestone in [25, 50, 75] {
        let (step, stage) = ("chunking".to_owned(), "chunking".to_owned());
        kinds.push(EventKind::TaskProgress { milestone, step, stage });
    }
    kinds.push(EventKind::TaskCompleted { result: JsonObject::new() });
    let event = |(sequence, kind): (u64, EventKind)| Event {
        sequence,
        timestamp: now,
        progress_percent: sequence as f64 * 5.0,
        message: kind.event_type().to_owned(),
        span: None,
        kind,
    };
    (1..).zip(kinds).map(event).collect()
}

async fn add(store: &dyn Tasks) -> TaskId {
    let now = SystemClock.now();
    let record = TaskRecord { created_at: now, ..pdf_record() };
    let task = record.id;
    store.accept(new_task(record)).await.expect("an accepted task");
    let commit = Commit {
        task,
        guard: Guard::Sequence(0),
        events: events(now),
        live_percent: 100.0,
        status: StatusWord::Completed,
        next: Next::Done,
    };
    store.commit(commit).await.expect("a committed task");
    task
}

fn shown(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    format!("{:6.2} / {:6.2}", at(0.5), at(0.99))
}

async fn timed<F: Future>(read: impl Fn(usize) -> F) -> String {
    let mut times = Vec::with_capacity(READS);
    for number in 0..READS {
        let started = Instant::now();
        read(number).await;
        times.push(started.elapsed());
    }
    shown(times)
}

async fn measure(name: &str, store: Arc<dyn Tasks>, tasks: usize, size: impl Fn() -> String) {
    println!("== {name}: p50 / p99 in ms of {READS} reads, one at a time");
    println!("   tasks     events   status+history   recent 100        list 20           counts            size");
    let (mut ids, started) = (Vec::with_capacity(tasks), Instant::now());
    let mut filling = Duration::ZERO;
    for share in SHARES {
        let goal = (tasks as f64 * share) as usize;
        let before = Instant::now();
        let more = stream::iter(ids.len()..goal).map(|_| add(store.as_ref())).buffer_unordered(AT_ONCE);
        ids.extend(more.collect::<Vec<_>>().await);
        filling += before.elapsed();
        // Spread over all tasks, oldest and newest alike.
        let load = timed(|number| {
            let id = ids[number * 7919 % ids.len()];
            let store = &store;
            async move { assert_eq!(store.load(id).await.expect("a store").expect("a task").events.len(), 17) }
        });
        let load = load.await;
        let recent = timed(|_| async {
            assert_eq!(
                store
                    .recent(&Default::default(), Timestamp::from_millis(0), 100, None)
                    .await
                    .expect("a page")
                    .items
                    .len(),
                100
            );
        });
        let recent = recent.await;
        let filter = ListFilter { limit: 20, ..ListFilter::default() };
        let list = timed(|_| async { assert_eq!(store.list(&filter).await.expect("a page").items.len(), 20) }).await;
        let counts = timed(|_| async { store.counts().await.expect("counts") }).await;
        println!("  {:6} {:10}  {load}  {recent}  {list}  {counts}  {}", ids.len(), ids.len() * 17, size());
    }
    let rate = tasks as f64 / filling.as_secs_f64();
    println!("   filled with {rate:.0} tasks/s, {AT_ONCE} at once; all in {:.0} s", started.elapsed().as_secs_f64());
}

fn info(server: &RedisServer, field: &str) -> u64 {
    let text = server.ask(&["info", "everything"]);
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}

fn main() {
    let given = std::env::var("MORAG_BENCH_HISTORY_TASKS").ok();
    let tasks = given.map_or(TASKS, |text| text.parse().expect("MORAG_BENCH_HISTORY_TASKS: a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tasks.db");
        let store = SqliteStore::open(&path, Arc::new(SystemClock)).expect("a store");
        let bytes = || std::fs::metadata(&path).map_or(0, |meta| meta.len());
        measure("SQLite", store, tasks, || format!("{} MiB", bytes() >> 20)).await;

        let server = RedisServer::start_with(RedisOptions { durable: false, ..RedisOptions::default() });
        let connect = Redis::connect(server.url().parse().expect("a URL"), None).await.expect("a connection");
        let store = RedisStore::open(connect, Options::new(Arc::new(SystemClock))).await.expect("a store");
        let (empty, commands) = (info(&server, "used_memory"), info(&server, "total_commands_processed"));
        let memory = || info(&server, "used_memory") - empty;
        measure("Redis", store, tasks, || format!("{} MiB", memory() >> 20)).await;
        println!("   {} bytes a task in all", memory() / tasks as u64);
        println!("   {} commands sent and within scripts", info(&server, "total_commands_processed") - commands);
        let client = redis::Client::open(server.url()).expect("a client");
        let mut ping = client.get_multiplexed_async_connection().await.expect("a connection");
        let mut times = Vec::with_capacity(READS);
        for _ in 0..READS {
            let started = Instant::now();
            let _: String = redis::cmd("PING").query_async(&mut ping).await.expect("PONG");
            times.push(started.elapsed());
        }
        println!("baseline: PING of the same Redis {} ms", shown(times));
    });
}
