//! Answers that no Redis with valid data gives: each is an error, or is used as it is, and none stops a process. The fuzz target
//! `redis` has found them.

use super::*;
use crate::SystemClock;
use morag_core::Timestamp;
use morag_core::ports::{DueQueue as _, Knowledge as _, ListFilter, Queue, StoreError, Tasks as _};
use morag_core::task::TenantId;
use redis::Value;
use std::sync::Arc;
use std::time::Duration;

const TASK: &str = "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11";
const OTHER: &str = "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d12";
const MOST: &str = "18446744073709551615";

fn text(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

fn list<const N: usize>(items: [Value; N]) -> Value {
    Value::Array(items.into())
}

/// A store whose Redis gives these answers, each so many times.
async fn store<const N: usize>(answers: [(Value, usize); N]) -> Arc<RedisStore> {
    let opened = [text("PONG"), list([Value::Int(1), text(""), text("ok")])].map(|answer| (answer, 1));
    let redis = Redis::with_answers(opened.into_iter().chain(answers).collect(), false).unwrap();
    RedisStore::open(redis, Options::new(Arc::new(SystemClock))).await.unwrap()
}

#[tokio::test]
async fn an_event_before_the_first_is_refused() {
    for sequence in ["0", "-1", "-9223372036854775808"] {
        let found = list([text(&format!("{TASK}/{sequence}")), text("5")]);
        let store = store([(found, 1), (list([]), 255), (Value::Nil, 9)]).await;
        let recent = store.recent(&TenantId::default(), Timestamp::from_millis(0), 10, None).await;
        assert!(matches!(recent, Err(StoreError::Corrupt(_))), "{sequence}: {recent:?}");
    }
}

#[tokio::test]
async fn more_tasks_than_asked_for_are_leased() {
    let taken = list([text("5"), text("1"), text(""), list([text(TASK), text(OTHER)])]);
    let claim = store([(taken, 1000)]).await.claim(Queue::Tasks, 1, Duration::from_secs(30)).await.unwrap();
    assert_eq!(claim.leases.iter().map(|lease| lease.key.as_str()).collect::<Vec<_>>(), [TASK, OTHER]);
}

#[tokio::test]
async fn sums_saturate() {
    let counts =
        store([(list([MOST, MOST, MOST, "0"].map(text)), 256)]).await.queue_counts(Queue::Tasks).await.unwrap();
    assert_eq!((counts.due, counts.leased, counts.later), (u64::MAX, u64::MAX, u64::MAX));
    let tasks = store([(list([]), 1), (list([MOST; 5].map(text)), 256)]).await.counts().await.unwrap();
    assert!(tasks.iter().all(|(_, count)| *count == u64::MAX));
    let document = format!("00000000-0000-0000-0000-000000000000 {MOST} 0 {MOST} {MOST} 2");
    let documents = list([text("0"), list([text("d"), text(&document)])]);
    let knowledge = RedisKnowledge::open(Redis::with_answers(vec![(documents, 256)], false).unwrap(), String::new());
    let counts = knowledge.counts("c", None).await.unwrap();
    assert_eq!((counts.points, counts.edges, counts.facts), (u64::MAX, u64::MAX, u64::MAX));
}

#[tokio::test]
async fn an_impossible_time_stops_nothing() {
    for now in ["-1e300", "1e300"] {
        let time = list([text(now), text(""), text(""), list([])]);
        let store = store([(time, 1), (list([]), 300)]).await;
        // Some time has passed in the process.
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert_eq!(store.expire(Timestamp::from_millis(5), 3).await, Ok(Vec::new()), "{now}");
    }
}

#[tokio::test]
async fn steps_without_weights_are_shown() {
    let summary = r#"{"document_id":"d","file_name":"f","pipeline":"p","created_at":"2026-01-31T10:00:00.000Z",
                      "steps":[{"name":"a","weight":0},{"name":"b","weight":0}]}"#;
    let fields = list([summary, "in_progress", "0", "60", "a"].map(text));
    let store = store([(list([text(TASK), text("1")]), 1), (list([]), 255), (fields, 1)]).await;
    let page = store.list(&ListFilter { limit: 10, ..ListFilter::default() }).await.unwrap();
    assert_eq!(page.items[0].progress_percent, 50.0);
}
