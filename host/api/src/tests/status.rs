//! States of tasks, their lists and history, and cancelling.

use super::*;
use crate::testing::{attempt, endpoint};
use morag_core::ports::{CursorMove, Deliveries as _, DueQueue as _, Queue};

/// How long a lease lasts where a test does not care.
const LEASE: std::time::Duration = std::time::Duration::from_secs(30);

#[tokio::test]
async fn status_lists_and_history_have_their_fields() {
    let server = server(&[]);
    let store = &server.memory.store;
    let task = store.add(TaskRecord { endpoints: vec![endpoint("task")], ..record() }, failed());
    store.add(record(), vec![]);
    for path in ["/api/v1/status", "/api/v1/status/"] {
        let list = server.get(path).await.json();
        assert_eq!((&list["count"], &list["total_count"], &list["next_cursor"]), (&json!(2), &json!(2), &Value::Null));
    }
    let list = server.get("/api/v1/status/?status=failed").await.json();
    assert_eq!(list["active_tasks"][0]["task_id"], json!(task));
    let order = |history: Value| -> Vec<u64> {
        history["history"].as_array().unwrap().iter().map(|item| item["sequence"].as_u64().unwrap()).collect()
    };
    let path = format!("/api/v1/status/{task}/history");
    assert_eq!(order(server.get(&path).await.json()), [2, 1]);
    assert_eq!(order(server.get(&format!("{path}/?order=asc")).await.json()), [1, 2]);
    assert_eq!(server.get(&format!("{path}?order=up")).await.fields(), ["order"]);
    let recent = server.get("/api/v1/status/events/recent?limit=1").await.json();
    assert_eq!((&recent["count"], &recent["hours"]), (&json!(1), &json!(24)));
    assert_eq!(recent["events"][0]["task_id"], json!(task));
    assert_eq!(recent["events"][0]["event_type"], "task_failed");
    for _ in 0..4 {
        store.add(record(), vec![]);
    }
    store.claim(Queue::Tasks, 2, LEASE).await.unwrap();
    let queues = server.get("/api/v1/status/stats/queues").await.json();
    assert_eq!((&queues["active_tasks"], &queues["reserved_tasks"]), (&json!(2), &json!(3)));
    let held = store.claim(Queue::Deliveries, 1, LEASE).await.unwrap().leases.remove(0);
    store.advance(&held, CursorMove::Delivered, Some(attempt(1, NOW, 200))).await.unwrap();
    let deliveries = server.get(&format!("/api/v1/tasks/{task}/deliveries")).await.json();
    assert_eq!(deliveries["deliveries"][0]["event_type"], "task_started");
    assert_eq!(deliveries["deliveries"][0]["attempts"][0]["http_status"], 200);
}

#[tokio::test]
async fn an_ended_task_cannot_be_cancelled() {
    let server = server(&[]);
    let task = server.memory.store.add(record(), failed());
    for (method, path) in [("DELETE", "ingest"), ("DELETE", "status"), ("POST", "cancel"), ("DELETE", "cancel")] {
        let answer = server.call(method, &format!("/api/v1/{path}/{task}"), &[]).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "task_already_ended"), "{path}");
    }
}
