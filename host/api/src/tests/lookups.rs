//! What a submission looks up: its idempotency key and its webhook's host once, whatever it submits.

use super::counting::Counting;
use super::*;
use crate::testing::{Document, app_on};
use std::sync::Mutex;

const JSON: (&str, &str) = ("content-type", "application/json");
const URL: &str = "https://docs.example/notes";
const HOOK: &str = "https://hook.example/a";

fn counted() -> (Server, Arc<Counting>) {
    let memory = Arc::new(Memory::default());
    let document = Document { pieces: vec![Ok(Bytes::from_static(b"# Hello\n"))], ..Document::default() };
    memory.network.web.lock().unwrap().insert(URL.into(), Ok(document));
    let counting = Counting::new(&memory);
    (Server { router: router(app_on(&memory, counting.ports())), memory }, counting)
}

async fn accepted(server: &Server, path: &str, key: Option<&str>, body: Value) {
    let mut headers = vec![JSON];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    let answer = server.post(path, &headers, body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    if let Some(rejected) = answer.json().get("rejected") {
        assert_eq!(rejected, &json!([]));
    }
}

#[tokio::test]
async fn one_document_is_one_look_up_of_its_key_and_one_of_its_webhook() {
    let (server, counting) = counted();
    accepted(&server, "/api/v1/ingest/url", Some("k"), json!({"url": URL, "webhook_url": HOOK})).await;
    assert_eq!((counting.take("replay"), counting.take("check"), counting.take("accept")), (1, 1, 1), "by its URL");

    let key = [("idempotency-key", "k")];
    for (path, fields) in [
        ("/api/v1/ingest/file", vec![("webhook_url", HOOK)]),
        ("/api/convert/process-ingest", vec![("webhook_url", HOOK)]),
        ("/api/v1/process", vec![("webhook_url", HOOK), ("mode", "ingest")]),
    ] {
        let answer = server.post(path, &key, form(&fields, FILE)).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        assert_eq!((counting.take("replay"), counting.take("check"), counting.take("accept")), (1, 1, 1), "{path}");
    }
    let fields = [("webhook_url", HOOK), ("mode", "ingest"), ("url", URL)];
    let answer = server.post("/api/v1/process", &[("idempotency-key", "k2")], form(&fields, None)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(
        (counting.take("replay"), counting.take("check"), counting.take("accept")),
        (1, 1, 1),
        "process, by URL"
    );
}

#[tokio::test]
async fn a_batch_looks_each_host_up_once_and_each_key_once_a_few_at_a_time() {
    let (server, counting) = counted();
    let mut items = vec![json!({"url": URL}); 20];
    items[3]["webhook_url"] = json!("https://own.example/b");
    items[9]["webhook_url"] = json!("https://own.example/c");
    let body = json!({"items": items, "webhook_url": HOOK});
    accepted(&server, "/api/v1/ingest/batch", None, body.clone()).await;
    assert_eq!((counting.take("replay"), counting.take("accept")), (0, 20), "there is no key to look up");
    let mut hosts = std::mem::take(&mut *counting.hosts.lock().unwrap());
    hosts.sort_unstable();
    assert_eq!(hosts, ["hook.example", "own.example"]);

    accepted(&server, "/api/v1/ingest/batch", Some("k"), body.clone()).await;
    // Every index that a batch with this key can have had.
    assert_eq!((counting.take("replay"), counting.take("accept")), (50, 20));
    assert!((2..=8).contains(&counting.replays_at_once()), "{} at once", counting.replays_at_once());
    counting.take("check");

    accepted(&server, "/api/v1/ingest/batch", Some("k"), body).await;
    assert_eq!(
        (counting.take("replay"), counting.take("check"), counting.take("accept")),
        (50, 0, 0),
        "what was answered before is answered again"
    );
}

#[tokio::test]
async fn a_refused_host_refuses_each_item_that_names_it() {
    let (server, counting) = counted();
    let mut items = vec![json!({"url": URL}); 6];
    items[5]["webhook_url"] = json!(HOOK);
    let body = json!({"items": items, "webhook_url": "https://private.example/"}).to_string();
    let answer = server.post("/api/v1/ingest/batch", &[JSON], body).await.json();
    let rejected: Vec<_> = answer["rejected"].as_array().unwrap().iter().map(|item| item["index"].clone()).collect();
    assert_eq!(
        (rejected, answer["task_ids"].as_array().unwrap().len()),
        ((0..5).map(|index| json!(index)).collect(), 1)
    );
    assert_eq!(answer["rejected"][4]["detail"][0]["loc"], json!(["body", "webhook_url"]));
    let mut hosts = std::mem::take(&mut *counting.hosts.lock().unwrap());
    hosts.sort_unstable();
    assert_eq!(hosts, ["hook.example", "private.example"]);
}

#[tokio::test]
async fn a_batch_gets_the_tasks_of_the_same_batch_that_overtakes_it() {
    let (server, counting) = counted();
    let server = Arc::new(server);
    let body = json!({"items": [{"url": URL, "document_id": "d"}]}).to_string();
    let first = Arc::new(Mutex::new(Value::Null));
    let overtake = {
        let (server, body, first) = (server.clone(), body.clone(), first.clone());
        async move {
            let answer = server.post("/api/v1/ingest/batch", &[JSON, ("idempotency-key", "k")], body).await;
            *first.lock().unwrap() = answer.json();
        }
    };
    // After the second has looked its keys up, and before it asks who has the document.
    *counting.on_may_enter.lock().unwrap() = Some(Box::new(move || Box::pin(overtake)));
    let second = server.post("/api/v1/ingest/batch", &[JSON, ("idempotency-key", "k")], body).await.json();
    let first = first.lock().unwrap().clone();
    assert_eq!((&first["rejected"], &second["rejected"]), (&json!([]), &json!([])));
    assert_eq!(first["task_ids"], second["task_ids"]);
    assert_eq!(server.task_count(), 1);
}
