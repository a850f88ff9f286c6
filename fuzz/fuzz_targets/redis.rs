//! Answers of a Redis: whatever they are, the store makes results or errors of them, and nothing that is larger than they are.
//!
//! The input chooses a call of the store, then writes the answers that it gets, in a short form: a byte for the kind, then what
//! that needs. What a store would really hold can be chosen as a whole, so that an answer comes through to where it is used.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_adapters::SystemClock;
use morag_adapters::fuzzing::{Value, read_node, read_slots, read_wake};
use morag_adapters::store::redis::{Options, Redis, RedisKnowledge, RedisSetup, RedisStore};
use morag_core::pipeline::Pipeline;
use morag_core::ports::{
    AcceptError, AttemptRecord, Chain, Chains as _, Clock, Commit, CursorMove, Deliveries as _, DeliveryFilter,
    DeliveryMove, DueQueue as _, EndpointLimits, Endpoints as _, Feed as _, FeedPosition, Flow, Guard, Idempotency,
    KeyValues as _, Knowledge as _, Lease, ListFilter, NewResend, NewTask, Next, Point, PutEndpointError, Queue,
    Revision, StagedBatch, TaskLimits, Tasks as _,
};
use morag_core::redis_demands::{AcceptedLosses, judge};
use morag_core::task::{
    DocumentId, Event, EventKind, RecordSummary, Source, SourceType, StatusWord, TaskId, TaskRecord, TaskStatus,
    TenantId,
};
use morag_core::webhook::{EndpointId, NamedEndpoint};
use morag_core::{JsonObject, Timestamp};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Answers to one call at most, and parts of all that the input writes: each value is one, and one more for every so many bytes of it.
const ANSWERS_MAX: usize = 4096;
const PARTS_MAX: usize = 4096;
const PART_BYTES: usize = 64;

const TASK: &str = "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11";
const NOW: i64 = 1_769_853_600_000;
/// Quotas, so that their answers are asked for.
const LIMITS: TaskLimits = TaskLimits { waiting_max: Some(3), per_day_max: Some(3) };

fuzz_target!(|input: &[u8]| {
    let Some((call, input)) = input.split_first() else { return };
    let mut script = Script { rest: input, parts: PARTS_MAX };
    let flags = script.byte();
    let mut answers = Vec::new();
    // What the store asks first, when it is opened: half of the inputs get through there.
    if flags & 1 == 0 {
        answers.push((Value::SimpleString("PONG".into()), 1));
        answers.push((Value::Array(vec![Value::Int(1), text(""), text("ok")]), 1));
    }
    let mut left = ANSWERS_MAX;
    while !script.rest.is_empty() && left > 0 {
        // Some calls ask 256 buckets the same.
        let times = (1 << (script.byte() % 10)).min(left);
        left -= times;
        answers.push((script.value(0), times));
    }
    run(async move { calls(*call, flags, answers).await });
});

async fn calls(call: u8, flags: u8, answers: Vec<(Value, usize)>) {
    match call {
        200 => {
            if let Ok(facts) = read_node(answers).await {
                let verdict = judge(&[facts], AcceptedLosses::default());
                let _ = (verdict.texts(false), verdict.texts(true));
            }
            return;
        }
        201 => {
            let ranges: Vec<Vec<Value>> = answers
                .into_iter()
                .filter_map(|(value, _)| match value {
                    Value::Array(parts) => Some(parts),
                    _ => None,
                })
                .collect();
            assert!(read_slots(&ranges) <= ranges.len());
            return;
        }
        202 => {
            for (value, _) in answers {
                if let Value::BulkString(bytes) = value {
                    let _ = read_wake(&String::from_utf8_lossy(&bytes));
                }
            }
            return;
        }
        _ => {}
    }
    let Ok(redis) = Redis::with_answers(answers, flags & 2 != 0) else { return };
    match call {
        203 => _ = RedisSetup::open(redis, AcceptedLosses::default()).await.is_ok(),
        204.. => knowledge(&RedisKnowledge::open(redis, String::new()), call - 204).await,
        _ => {
            let options = Options { clock: Arc::new(Fixed), ..Options::new(Arc::new(SystemClock::default())) };
            if let Ok(store) = RedisStore::open(redis, options).await {
                // Twice: the second call uses what the first has read.
                store_call(&store, call, flags).await;
                store_call(&store, call, flags).await;
            }
        }
    }
}

async fn store_call(store: &RedisStore, call: u8, flags: u8) {
    let (task, now, endpoint) = (task(), Timestamp::from_millis(NOW), EndpointId::of_task());
    let named: EndpointId = EndpointId::of_tenant(&TenantId::default(), "ep_a");
    let tenant = TenantId::default();
    let limit = usize::from(flags >> 2) + 1;
    let lease = |queue, key: String| Lease { queue, key, fence: 7 };
    let cursor = || lease(Queue::Deliveries, format!("{TASK}/task"));
    let queue = if flags & 4 == 0 { Queue::Tasks } else { Queue::Deliveries };
    let chain = Chain { endpoint: named.clone(), document: document() };
    match call % 35 {
        0 => _ = store.accept(new_task()).await,
        1 => _ = store.replay("key", "digest").await,
        2 => _ = store.document_holder(&tenant, &document()).await,
        3 => {
            if let Ok(Some(log)) = store.load(task).await {
                let _ = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent);
            }
        }
        4 => _ = store.mark(task).await,
        5 => _ = store.outline(task).await,
        6 => _ = store.commit(commit(flags)).await,
        7 => {
            let statuses = if flags & 4 == 0 { vec![] } else { vec![StatusWord::Pending] };
            let filter = ListFilter { statuses, tenant, limit, cursor: (flags & 8 != 0).then(|| "5".to_owned()) };
            if let Ok(page) = store.list(&filter).await {
                assert!(page.items.len() <= limit);
            }
        }
        8 => _ = store.counts().await,
        9 => _ = store.tenant_of(task).await,
        10 => {
            let before = format!("{NOW}.{TASK}/3");
            let cursor = (flags & 8 != 0).then_some(before.as_str());
            if let Ok(page) = store.recent(&tenant, Timestamp::from_millis(0), limit, cursor).await {
                assert!(page.items.len() <= limit);
            }
        }
        11 => {
            if let Ok(gone) = store.expire(now, limit).await {
                assert!(gone.len() <= limit);
            }
        }
        12 => _ = store.stored_bytes(&tenant).await,
        13 => _ = store.files_deleted(task).await,
        14 | 15 => {
            if let Ok(claim) = store.claim(queue, limit, Duration::from_secs(30)).await {
                assert!(claim.leases.len() <= limit || queue == Queue::Tasks, "{} of {limit}", claim.leases.len());
            }
        }
        16 => _ = store.renew(&cursor(), Duration::from_secs(30)).await,
        17 => _ = store.release(&cursor(), now).await,
        18 => _ = store.queue_counts(queue).await,
        19 => {
            if let Ok(Some(pending)) = store.pending(&cursor(), limit).await {
                assert_eq!(pending.cursor.task, task);
            }
        }
        20 => {
            let attempt: Option<AttemptRecord> = serde_json::from_str(ATTEMPT).ok();
            let moves = vec![DeliveryMove { movement: CursorMove::Retry(now), attempt }];
            let _ = store.advance_all(&cursor(), moves).await;
        }
        21 => _ = store.credentials(task).await,
        22 => _ = store.deliveries(task).await,
        23 => {
            let cursor = (flags & 8 != 0).then(|| format!("{NOW}.{TASK}/000001.000"));
            let filter = DeliveryFilter { endpoint: named, state: None, since: Some(now), limit, cursor };
            if let Ok(page) = store.endpoint_deliveries(&filter).await {
                assert!(page.items.len() <= limit);
            }
        }
        24 => _ = store.resend(&NewResend { task, endpoint, delivery: 1, url: None, due: now }).await,
        25 => _ = store.unpark(&named).await,
        26 => {
            let position = FeedPosition::after(NOW as u64, task, 3);
            if let Ok(page) = store.since(position, limit).await {
                assert!(page.items.len() <= limit);
            }
        }
        27 => _ = store.tail().await,
        28 => {
            let _ = store.endpoints(Some(3)).await;
            let _ = store.seal_proof().await;
            let _ = store.remove_endpoint(&named).await;
        }
        29 => {
            let _ = store.turn(&chain, task, 3).await;
            let _ = store.finish(&chain, task, Some(3)).await;
            let _ = store.links(&chain).await;
        }
        30 => {
            let _ = store.get("plugin", "key").await;
            let _ = store.keys("plugin", "k", None, limit).await;
        }
        31 => _ = store.counts_of(&tenant).await,
        // The first commit of a new run.
        32 => _ = store.run_again(commit(flags | 0b1100), &Flow::of("f"), LIMITS).await,
        33 => {
            if let Err(refused) = store.may_enter(&Flow::of("f"), LIMITS).await {
                let is_of_queue =
                    !matches!(refused, AcceptError::DuplicateDocument(_) | AcceptError::IdempotencyConflict);
                assert!(is_of_queue, "{refused}: there is neither a document nor a key");
            }
        }
        _ => {
            let tenant_max = (flags & 8 != 0).then_some(3);
            let created = store.create_endpoint(&new_endpoint(), EndpointLimits { creator_max: 3, tenant_max }).await;
            if let Err(PutEndpointError::Quota { limit }) = created {
                assert_eq!(limit, tenant_max.unwrap_or_default());
            }
        }
    }
}

async fn knowledge(store: &RedisKnowledge, call: u8) {
    let revision = Revision { id: uuid::Uuid::nil(), task: task(), collection: "c".into(), document: document() };
    let point = Point { id: "1".into(), text: "t".into(), vector: vec![1.0, 0.5], payload: JsonObject::new() };
    match call % 6 {
        0 => _ = store.stage(&revision, StagedBatch::Points { model: "m".into(), points: vec![point] }).await,
        1 => _ = store.publish(&revision).await,
        2 => _ = store.discard(&revision).await,
        3 => _ = store.counts("c", Some(&document())).await,
        4 => _ = store.counts("c", None).await,
        _ => {
            if let Ok(hits) = store.search("c", &[1.0, 0.5], 3).await {
                assert!(hits.len() <= 3);
            }
        }
    }
}

/// A process's clock: it stands.
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW)
    }
}

/// Runs on a clock that goes on by itself where everything waits: no time is lost on pauses.
fn run(work: impl Future<Output = ()>) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(work));
}

/// Answers as the input writes them.
struct Script<'a> {
    rest: &'a [u8],
    parts: usize,
}

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *byte
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let (bytes, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        bytes.to_vec()
    }

    fn number(&mut self) -> i64 {
        let mut number = [0; 8];
        let bytes = self.bytes(8);
        number[..bytes.len()].copy_from_slice(&bytes);
        i64::from_le_bytes(number)
    }

    fn known(&mut self) -> &'static str {
        let text = &KNOWN[usize::from(self.byte()) % KNOWN.len()];
        self.parts = self.parts.saturating_sub(text.len() / PART_BYTES);
        text
    }

    fn value(&mut self, depth: usize) -> Value {
        self.parts = self.parts.saturating_sub(1);
        if self.parts == 0 {
            return Value::Nil;
        }
        match self.byte() % 18 {
            0 => Value::Nil,
            1 => Value::Int(i64::from(self.byte() as i8)),
            2 => Value::Int(self.number()),
            3 => {
                let count = usize::from(self.byte());
                Value::BulkString(self.bytes(count))
            }
            4 | 5 => text(self.known()),
            // Two that are known, as the store joins them.
            6 | 7 => {
                let between = char::from(b" /.-#\n:"[usize::from(self.byte()) % 7]);
                text(&format!("{}{between}{}", self.known(), self.known()))
            }
            8 => text(&self.number().to_string()),
            9 => text(&f64::from_bits(self.number() as u64).to_string()),
            10 => text(&i32::from(self.byte() as i8).to_string()),
            11 => Value::Okay,
            12 => Value::Double(f64::from_bits(self.number() as u64)),
            13 => Value::Boolean(self.byte() & 1 == 1),
            14 => Value::SimpleString(self.known().to_owned()),
            _ if depth > 4 => Value::Nil,
            15 => {
                let count = usize::from(self.byte() % 9);
                Value::Array((0..count).map(|_| self.value(depth + 1)).collect())
            }
            // Long lists of one thing. Not longer: each tenant of a store is counted by 1,280 keys, and no set has one twice.
            16 => {
                let count = 1 << (self.byte() % 10);
                let before = self.parts;
                let item = self.value(depth + 4);
                let each = (before - self.parts).max(1);
                let count = (self.parts / each).min(count);
                self.parts -= count * each;
                Value::Array(vec![item; count])
            }
            _ => {
                let count = usize::from(self.byte() % 9);
                Value::Map((0..count).map(|_| (self.value(depth + 1), self.value(depth + 1))).collect())
            }
        }
    }
}

fn text(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

const ATTEMPT: &str =
    r#"{"attempt":1,"at":"2026-01-31T10:00:00.000Z","outcome":{"status":200,"excerpt":"","duration_ms":1}}"#;
const SUMMARY: &str = r#"{"document_id":"d","file_name":"f","pipeline":"p","created_at":"2026-01-31T10:00:00.000Z","steps":
    [{"name":"chunking","weight":4294967295},{"name":"m","weight":4294967295}]}"#;
const RETRY: &str = r#"{"from_step":"chunking","claims_before":1}"#;
const ENDPOINT: &str = r#"{"id":"ep_a","settings":{"url":"https://example.com/h"},"sealed":"",
    "created_at":"2026-01-31T10:00:00.000Z","updated_at":"2026-01-31T10:00:00.000Z","version":1,"created_by":"k"}"#;
const INFO: &str = "redis_version:7.2.0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nconnected_slaves:1\r\n";

/// What scripts say that decide whether a task or an endpoint may be added.
const ANSWERS: [&str; 7] = ["may", "share", "share 3 6", "share 6", "share -1 6", "quota", "gone"];

/// What a store holds, and what its scripts say.
static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let record = record();
    let words = [
        "",
        "-",
        "0",
        "1",
        "3",
        "6.5",
        "inf",
        "nan",
        "-1e300",
        "1e300",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "yes",
        "after",
        "done",
        "stale",
        "full",
        "unknown",
        "pending",
        "too many",
        "more",
        "idle",
        "parked",
        "vetoed",
        "lost",
        "changed",
        "waiting",
        "day",
        "running",
        "in_progress",
        "completed",
        "failed",
        "cancelled",
        "chunking",
        "delivered",
        "dead",
        "resent",
        "task",
        "ep_a",
        "acme",
        "documents",
        "m",
        "2",
        "r 5.5",
        "d 9",
        "u",
        "d7f",
        "t7f",
        "k 5",
        "1769853600000",
        "1769853600000-0",
        "000001.000",
        "appendonly",
        "appendfsync",
        "always",
        "maxmemory-policy",
        "noeviction",
        "127.0.0.1",
        "16383",
        "https://example.com/h",
        "{}",
        "[]",
        r#"["1","t","{}"]"#,
        TASK,
        "00000000-0000-0000-0000-000000000000",
        "00000000-0000-0000-0000-000000000000 1 1 1 1 2",
        ATTEMPT,
        INFO,
        "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11/task",
        "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11/ep_a",
        "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11/3",
        "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11/000001.000",
        "ep_a/1",
        "task/1",
        "1 pending 1769853600000 -",
        "1 1 0 retry x y -",
        "1 1 0",
        "0 1 1769853600000",
    ];
    let mut known: Vec<_> = words.map(str::to_owned).into();
    let stored = [
        serde_json::to_string(&record),
        serde_json::to_string(&RecordSummary::of(&record)),
        serde_json::to_string(&event()),
    ];
    // What is read without the checks of a whole record.
    known.push(SUMMARY.to_owned());
    known.push(SUMMARY.replace("4294967295", "0"));
    known.extend(stored.map(|text| text.expect("what is stored is JSON")));
    // At the end: seeds name the others by their places.
    let endpoint = serde_json::to_string(&new_endpoint()).expect("an endpoint is JSON");
    known.extend(ANSWERS.map(str::to_owned));
    known.extend([format!("1 token {endpoint}"), endpoint]);
    known
});

fn task() -> TaskId {
    TASK.parse().expect("a task's id")
}

fn event() -> Event {
    Event {
        sequence: 3,
        timestamp: Timestamp::from_millis(NOW),
        progress_percent: 25.0,
        message: "m".into(),
        span: None,
        kind: EventKind::StepStarted { step: "chunking".into(), stage: "chunking".into() },
    }
}

fn document() -> DocumentId {
    DocumentId::try_from("d".to_owned()).expect("a document's id")
}

fn record() -> TaskRecord {
    TaskRecord {
        id: task(),
        document_id: document(),
        pipeline: Pipeline::standard(),
        source: Source {
            stored_as: "original.md".parse().expect("an artifact's name"),
            file_name: "a.md".into(),
            media_type: "text/markdown".into(),
            size: 5,
            sha256: "00".repeat(32),
            source_type: SourceType::Document,
        },
        collection: "documents".into(),
        language: None,
        replace_existing: false,
        options: JsonObject::new(),
        metadata: JsonObject::new().into(),
        endpoints: serde_json::from_str("[]").expect("no endpoints"),
        subscribers: vec![EndpointId::of_tenant(&TenantId::default(), "ep_a")],
        created_at: Timestamp::from_millis(NOW),
        tenant: TenantId::default(),
        trace: None,
    }
}

/// A worker's, a cancellation, or the first of a new run.
fn commit(flags: u8) -> Commit {
    let again = Event { kind: EventKind::TaskStarted { retry: serde_json::from_str(RETRY).ok() }, ..event() };
    let (guard, events, status) = match flags >> 2 & 3 {
        0 => (Guard::Lease(7), vec![event()], StatusWord::InProgress),
        1 => (Guard::Sequence(2), vec![event()], StatusWord::Cancelled),
        2 => (Guard::Lease(7), vec![event()], StatusWord::Completed),
        _ => (Guard::Sequence(2), vec![again], StatusWord::Pending),
    };
    Commit { task: task(), guard, events, live_percent: 25.0, status, next: Next::Keep }
}

fn new_endpoint() -> NamedEndpoint {
    serde_json::from_str(ENDPOINT).expect("an endpoint")
}

fn new_task() -> NewTask {
    NewTask {
        record: record(),
        idempotency: Some(Idempotency {
            key: "k".into(),
            request_digest: "digest".into(),
            response: JsonObject::new(),
        }),
        claims_document: true,
        flow: Flow::of("f"),
        credentials: None,
        limits: LIMITS,
    }
}
