//! The shape of errors, whatever their cause.

use super::counting::Counting;
use super::*;
use crate::testing::app_on;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn every_error_has_the_contracts_shape() {
    let server = server(&[]);
    let unknown = TaskId::random();
    for (method, path, status) in [
        ("GET", "/nonsense".to_owned(), 404),
        ("GET", "/api/v1/status/nonsense".to_owned(), 404),
        ("GET", "/api/v1/status/%ff".to_owned(), 404),
        ("GET", format!("/api/v1/status/{unknown}"), 404),
        ("GET", format!("/api/v1/status/{unknown}/history"), 404),
        ("GET", format!("/api/files/temp/{unknown}"), 404),
        ("GET", format!("/api/v1/tasks/{unknown}/deliveries"), 404),
        ("DELETE", format!("/api/v1/cancel/{unknown}"), 404),
        ("DELETE", format!("/api/files/temp/{unknown}"), 404),
        ("GET", "/api/v1/ingest/file".to_owned(), 405),
        ("PUT", "/health".to_owned(), 405),
        ("GET", "/api/v1/status?limit=0".to_owned(), 422),
        ("GET", "/api/v1/status?limit=1001".to_owned(), 422),
        ("GET", "/api/v1/status?status=lost".to_owned(), 422),
        ("GET", "/api/v1/status/events/recent?hours=169".to_owned(), 422),
    ] {
        let answer = server.call(method, &path, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        answer.error();
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_503_without_its_secrets() {
    let server = server(&[]);
    *server.memory.store.down.lock().unwrap() = true;
    let answer = server.get(&format!("/api/v1/status/{}", TaskId::random())).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("/var"));
    let answer = server.get("/health/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["dependencies"], json!({"blobs": "up", "disk": "up", "tasks": "down"}));
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_stored_and_cannot_be_read_is_an_error_of_its_own() {
    let server = server(&[]);
    let task = server.completed_task();
    server.memory.store.unreadable.lock().unwrap().push(task);
    for path in ["", "/history", "/events"] {
        let answer = server.get(&format!("/api/v1/status/{task}{path}")).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "data_unreadable"));
        assert!(!answer.json().to_string().contains("secret"), "{path}");
    }
    // Its last event is the last of all, where a stream of all events begins.
    let request = Request::get("/api/v1/events").header("authorization", "Bearer test-api-key");
    let stream = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    assert_eq!(server.get(&format!("/api/v1/status/{}", server.completed_task())).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_stream_of_a_task_that_cannot_be_read_any_more_says_so() {
    let memory = Arc::new(Memory::default());
    let counting = Counting::new(&memory);
    let server = Arc::new(Server { router: router(app_on(&memory, counting.ports())), memory });
    let happened = |sequence| vec![event(sequence, 0.0, EventKind::TaskStarted { retry: None })];
    let task = server.memory.store.add(record(), happened(1));
    let stream = tokio::spawn({
        let server = server.clone();
        async move { server.get(&format!("/api/v1/status/{task}/events")).await }
    });
    counting.until_called("load", 1).await;
    counting.until_called("since", 1).await;
    // The feed leaves the second event out, and so the stream looks for it in the log.
    counting.loses_events.store(true, Ordering::SeqCst);
    server.memory.store.append(task, happened(2));
    counting.until_called("since", 1).await;
    counting.loses_events.store(false, Ordering::SeqCst);
    server.memory.store.unreadable.lock().unwrap().push(task);
    server.memory.store.append(task, happened(3));
    let text = String::from_utf8(stream.await.unwrap().body.to_vec()).unwrap();
    let last = ": what is stored of the task cannot be read: tell the server's operator\n\n";
    assert!(text.contains("id: 1\n") && !text.contains("id: 3\n") && text.ends_with(last), "{text}");
}

#[tokio::test]
async fn a_panic_is_500_in_the_contracts_shape() {
    let server = server(&[]);
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(|_| panic!("secret")));
    *server.memory.store.panics.lock().unwrap() = true;
    for answer in [server.ingest(&[], FILE).await, server.get("/api/v1/status").await] {
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"));
        assert!(!answer.json().to_string().contains("secret"));
    }
    server.nothing_is_left().await;
}

#[tokio::test]
async fn the_callers_request_id_comes_back() {
    let server = server(&[]);
    let answer = server.call("GET", "/health", &[("x-request-id", "abc-1")]).await;
    assert_eq!(answer.headers["x-request-id"], "abc-1");
}
