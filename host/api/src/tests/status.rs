//! States of tasks, their lists and history, and cancelling.

use super::*;

#[tokio::test]
async fn status_lists_and_history_have_their_fields() {
    let server = server(&[]);
    let task = server.memory.store.add(record(), failed());
    server.memory.store.add(record(), vec![]);
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
    let queues = server.get("/api/v1/status/stats/queues").await.json();
    assert_eq!((&queues["active_tasks"], &queues["reserved_tasks"]), (&json!(2), &json!(3)));
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
