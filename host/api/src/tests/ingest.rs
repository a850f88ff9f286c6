//! Documents by URL, batches, and tasks run again.

use super::*;
use crate::testing::{Document, new_task};
use axum::body::Bytes;
use morag_core::ports::FetchError;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

impl Server {
    /// Puts a text document into the web.
    fn publish(&self, url: &str, text: &'static str) {
        let pieces = text.as_bytes().chunks(3).map(|piece| Ok(Bytes::from_static(piece))).collect();
        let document = Document { content_type: Some("text/markdown".into()), file_name: None, pieces };
        self.memory.network.web.lock().unwrap().insert(url.into(), Ok(document));
    }

    fn break_url(&self, url: &str, error: FetchError) {
        self.memory.network.web.lock().unwrap().insert(url.into(), Err(error));
    }

    fn fetches(&self) -> usize {
        *self.memory.network.fetches.lock().unwrap()
    }

    async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, &JSON, body.to_string()).await
    }

    async fn post_json_with_key(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.post(path, &[JSON[0], ("idempotency-key", key)], body.to_string()).await
    }

    fn last_record(&self) -> Arc<TaskRecord> {
        self.memory.store.logs().last().unwrap().record.clone()
    }
}

const URL: &str = "https://docs.example/notes";

#[tokio::test]
async fn a_url_is_fetched_stored_and_accepted() {
    let server = server(&[]);
    server.publish(URL, "# Hello, world\n");
    let body = json!({
        "url": URL, "document_id": "d-1", "chunk_size": 500, "metadata": {"a": 1}, "replace_existing": true,
        "source_type": "document", "webhook_config": {"url": "https://hook.example/", "auth_token": "t"}
    });
    let answer = server.post_json("/api/v1/ingest/url", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let answer = answer.json();
    let record = server.last_record();
    assert_eq!(answer["task_id"], record.id.to_string());
    assert_eq!((&answer["status"], &answer["document_id"]), (&json!("pending"), &json!("d-1")));
    assert_eq!((record.source.file_name.as_str(), record.source.media_type.as_str()), ("notes.md", "text/markdown"));
    assert_eq!((record.source.size, record.source.stored_as.as_str()), (15, "original.md"));
    assert_eq!((&record.options["chunk_size"], &record.metadata.to_object()["a"]), (&json!(500), &json!(1)));
    assert_eq!(record.endpoints.len(), 1);
    let path = format!("tasks/{}/files/original.md", record.id);
    assert_eq!(server.memory.blobs.files.lock().unwrap()[&path], "# Hello, world\n");
}

#[tokio::test]
async fn a_url_that_gives_nothing_says_why_and_leaves_nothing() {
    let server = server(&[("MORAG_MAX_UPLOAD_SIZE_BYTES", "10")]);
    for (error, status, code) in [
        (FetchError::NotGiven(404), 422, "validation_error"),
        (FetchError::Refused("no".into()), 422, "validation_error"),
        (FetchError::Unsupported("no".into()), 422, "validation_error"),
        (FetchError::TooLarge(10), 413, "file_too_large"),
        (FetchError::Unavailable("away".into()), 502, "source_unavailable"),
        (FetchError::Timeout(std::time::Duration::from_secs(60)), 504, "source_timeout"),
        (FetchError::Busy, 503, "too_many_fetches"),
    ] {
        for late in [false, true] {
            server.break_url(URL, error.clone());
            if late {
                let pieces = vec![Ok(Bytes::from_static(b"begun")), Err(error.clone())];
                server
                    .memory
                    .network
                    .web
                    .lock()
                    .unwrap()
                    .insert(URL.into(), Ok(Document { pieces, ..Document::default() }));
            }
            let answer = server.post_json("/api/v1/ingest/url", &json!({ "url": URL })).await;
            assert_eq!((answer.status.as_u16(), answer.error().as_str()), (status, code), "{error}");
            if status == 422 {
                assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", "url"]));
            }
        }
    }
    server.publish(URL, "longer than ten bytes");
    let answer = server.post_json("/api/v1/ingest/url", &json!({ "url": URL })).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    server.nothing_is_left().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_fetched() {
    let server = server(&[]);
    server.publish(URL, "text");
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": ""}), "url"),
        (json!({"url": 5}), "url"),
        (json!({"url": "nonsense"}), "url"),
        (json!({"url": "ftp://e.com/x"}), "url"),
        (json!({"url": "file:///etc/passwd"}), "url"),
        (json!({"url": "https://user:secret@e.com/x"}), "url"),
        (json!({"url": "http://e.com:25/x"}), "url"),
        (json!({"url": URL, "webhook_url": "http://127.0.0.1/"}), "webhook_url"),
        (json!({"url": URL, "webhook_url": "https://private.example/"}), "webhook_url"),
        (json!({"url": URL, "chunk_size": 1}), "chunk_size"),
        (json!({"url": URL, "metadata": [1]}), "metadata"),
        (json!({"url": URL, "pipeline": "none"}), "pipeline"),
        (json!([URL]), "body"),
    ] {
        let answer = server.post_json("/api/v1/ingest/url", &body).await;
        assert_eq!(answer.fields(), [field], "{body}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
    }
    let mut holds = new_task(TaskRecord { document_id: "d".to_owned().try_into().unwrap(), ..record() });
    holds.claims_document = true;
    let holder = server.memory.store.add_new(holds, vec![]);
    let answer = server.post_json("/api/v1/ingest/url", &json!({"url": URL, "document_id": "d"})).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "duplicate_document"));
    assert_eq!(answer.json()["task_id"], holder.to_string());
    let long = format!("{{\"url\": \"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(server.post("/api/v1/ingest/url", &JSON, long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!((server.fetches(), server.task_count()), (0, 1), "there is the holder alone");
}

#[tokio::test]
async fn a_repeated_key_answers_without_fetching() {
    let server = server(&[]);
    server.publish(URL, "text");
    let send = |body: Value| {
        let server = &server;
        async move { server.post_json_with_key("/api/v1/ingest/url", "k", &body).await }
    };
    let first = send(json!({ "url": URL })).await.json();
    assert_eq!(send(json!({ "url": URL })).await.json(), first);
    assert_eq!((server.fetches(), server.task_count()), (1, 1));
    let other = send(json!({"url": URL, "language": "de"})).await;
    assert_eq!((other.status, other.error().as_str()), (StatusCode::CONFLICT, "idempotency_conflict"));
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn a_batch_accepts_what_it_can_and_lists_the_rest() {
    let server = server(&[]);
    server.publish("https://e.com/a", "a");
    server.publish("https://e.com/b", "b");
    server.break_url("https://e.com/down", FetchError::Unavailable("away".into()));
    let body = json!({
        "webhook_url": "https://hook.example/shared", "webhook_auth_token": "shared", "collection_name": "c",
        "items": [
            {"url": "https://e.com/a", "document_id": "d-a"},
            {"url": "https://e.com/missing?token=secret"},
            7,
            {"url": "https://e.com/b", "webhook_url": "https://own.example/", "collection_name": "own"},
            {"url": "https://e.com/down"},
            {"document_id": "no-url"}
        ]
    });
    let answer = server.post_json("/api/v1/ingest/batch", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
    let answer = answer.json();
    assert_eq!(answer["total_items"], 6);
    assert_eq!(answer["batch_id"].as_str().unwrap().len(), 36);
    let rejected: Vec<_> = answer["rejected"].as_array().unwrap().iter().collect();
    let said = |key: &str| rejected.iter().map(|item| item[key].clone()).collect::<Vec<_>>();
    assert_eq!(said("index"), [1, 2, 4, 5]);
    assert_eq!(said("status"), [422, 422, 502, 422]);
    assert_eq!(rejected[0]["source"], "https://e.com/missing?redacted");
    assert_eq!(rejected[3]["detail"][0]["loc"], json!(["body", "url"]));

    let logs = server.memory.store.logs();
    let of = |id: &Value| logs.iter().find(|log| json!(log.record.id) == *id).unwrap().record.clone();
    let ids = answer["task_ids"].as_array().unwrap();
    let (first, second) = (of(&ids[0]), of(&ids[1]));
    assert_eq!((ids.len(), first.document_id.as_str()), (2, "d-a"), "in the items' order");
    assert_eq!((first.collection.as_str(), second.collection.as_str()), ("c", "own"));
    let kept = server.memory.store.credentials.lock().unwrap();
    assert_eq!(
        kept.iter().map(|(task, _)| *task).collect::<Vec<_>>(),
        [first.id],
        "another's token is not for the second's webhook"
    );
    assert!(kept[0].1.contains("\"auth_token\":\"shared\""), "{kept:?}");
    assert_eq!(second.endpoints[0].url.as_url().as_str(), "https://own.example/");
}

#[tokio::test]
async fn a_batch_has_1_to_50_items() {
    let server = server(&[]);
    let items = |count: usize| json!({"items": vec![json!({"url": "https://e.com/a"}); count]});
    for body in [json!({}), json!({"items": "x"}), json!({"items": {}}), items(0), items(51)] {
        assert_eq!(server.post_json("/api/v1/ingest/batch", &body).await.fields(), ["items"], "{body}");
    }
    server.publish("https://e.com/a", "a");
    let answer = server.post_json("/api/v1/ingest/batch", &items(50)).await.json();
    assert_eq!(answer["task_ids"].as_array().unwrap().len(), 50, "{answer}");
}

#[tokio::test]
async fn a_batch_with_a_key_meets_its_tasks_again_and_tries_the_rest() {
    let server = server(&[]);
    server.publish("https://e.com/a", "a");
    server.break_url("https://e.com/b", FetchError::Unavailable("away".into()));
    let body = json!({"items": [{"url": "https://e.com/b"}, {"url": "https://e.com/a"}]});
    let path = "/api/v1/ingest/batch";
    let first = server.post_json_with_key(path, "k", &body).await.json();
    assert_eq!(first["rejected"].as_array().unwrap().len(), 1);
    server.publish("https://e.com/b", "b");
    let second = server.post_json_with_key(path, "k", &body).await.json();
    assert_eq!(second["batch_id"], first["batch_id"]);
    assert_eq!((&second["rejected"], &second["task_ids"][1]), (&json!([]), &first["task_ids"][0]));
    assert_eq!(server.post_json_with_key(path, "k", &body).await.json(), second, "word for word");
    assert_eq!((server.task_count(), server.fetches()), (2, 3));
    // Shorter than the place of the item that holds the key.
    let other = json!({"items": [{"url": "https://e.com/other"}]});
    let conflict = server.post_json_with_key(path, "k", &other).await;
    assert_eq!((conflict.status, conflict.error().as_str()), (StatusCode::CONFLICT, "idempotency_conflict"));
}

#[tokio::test]
async fn a_batch_that_the_store_cannot_take_is_unavailable() {
    let server = server(&[]);
    server.publish("https://e.com/a", "a");
    *server.memory.store.down.lock().unwrap() = true;
    let body = json!({"items": [{"url": "https://e.com/a"}]});
    let answer = server.post_json("/api/v1/ingest/batch", &body).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
}

#[tokio::test]
async fn a_batch_that_a_full_store_cannot_take_is_507() {
    let server = server(&[]);
    server.publish("https://e.com/a", "a");
    let full = || Some(AcceptError::Store(StoreError::Full("secret".into())));
    let items = |count: usize| json!({"items": vec![json!({"url": "https://e.com/a"}); count]});
    // Full for every item, before it is fetched.
    *server.memory.store.enter_error.lock().unwrap() = full();
    let answer = server.post_json("/api/v1/ingest/batch", &items(3)).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "storage_full"));
    assert!(answer.headers.contains_key("retry-after") && !String::from_utf8_lossy(&answer.body).contains("secret"));
    let form = form(&[("mode", "convert"), ("batch_urls", "https://e.com/a")], None);
    let answer = server.post("/api/v1/process", &[], form).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "storage_full"));
    *server.memory.store.enter_error.lock().unwrap() = None;
    server.nothing_is_left().await;
    // Full for one of them, when it is accepted: the others are answered for.
    *server.memory.store.accept_error.lock().unwrap() = full();
    let answer = server.post_json("/api/v1/ingest/batch", &items(3)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json();
    assert_eq!((answer["task_ids"].as_array().unwrap().len(), &answer["rejected"][0]["status"]), (2, &json!(507)));
}

fn file_part(name: &str, file: &str, content: &str) -> String {
    format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\r\n{content}\r\n")
}

#[tokio::test]
async fn process_takes_a_url_and_answers_when_done() {
    let server = server(&[]);
    server.publish(URL, "text");
    let files = server.memory.blobs.files.clone();
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(move |record| {
        files.lock().unwrap().insert(format!("tasks/{}/files/markdown.md", record.id), MARKDOWN.into());
        completed(record.id)
    }));
    for fields in [
        &[("mode", "convert"), ("source_type", "url"), ("url", URL)][..],
        &[("mode", "convert"), ("url", URL)],
        &[("request_data", r#"{"mode": "convert", "source_type": "url", "url": "https://docs.example/notes"}"#)],
    ] {
        let answer = server.post("/api/v1/process", &[], form(fields, None)).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        assert_eq!(answer.json()["success"], true);
        assert_eq!(server.last_record().pipeline.name(), "convert");
    }
    let no_webhook = form(&[("mode", "ingest"), ("url", URL)], None);
    assert_eq!(server.post("/api/v1/process", &[], no_webhook).await.error(), "webhook_required");
    let no_url = form(&[("mode", "convert"), ("source_type", "url")], None);
    assert_eq!(server.post("/api/v1/process", &[], no_url).await.fields(), ["url"]);
}

#[tokio::test]
async fn process_takes_a_batch_of_urls_and_files_with_their_metadata() {
    let server = server(&[]);
    server.publish("https://e.com/a,b", "a");
    let fields = [
        ("mode", "ingest"),
        ("source_type", "batch"),
        ("webhook_config", r#"{"url": "https://hook.example/", "format": "morag-ui"}"#),
        ("processing_options", r#"{"chunk_size": 500}"#),
        ("batch_urls", "https://e.com/a,b\nhttps://e.com/missing"),
        ("batch_metadata_0", r#"{"n": 0}"#),
        ("batch_metadata_2", r#"{"n": 2}"#),
        ("collection_name", "c"),
    ];
    let body = file_part("batch_files", "one.md", "# One") + &file_part("batch_files", "two.md", "# Two");
    let answer = server.post("/api/v1/process", &[], body + &form(&fields, None)).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let answer = answer.json();
    assert_eq!((&answer["success"], &answer["mode"]), (&json!(false), &json!("ingest")));
    assert_eq!(answer["metadata"]["total_items"], 4);
    assert_eq!(answer["metadata"]["rejected"][0]["index"], 1);
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 1);
    let ids = answer["metadata"]["task_ids"].as_array().unwrap();
    assert_eq!((ids.len(), &answer["task_id"]), (3, &ids[0]));
    let logs = server.memory.store.logs();
    let records: Vec<_> =
        ids.iter().map(|id| logs.iter().find(|log| json!(log.record.id) == *id).unwrap().record.clone()).collect();
    let names: Vec<_> = records.iter().map(|record| record.source.file_name.as_str()).collect();
    assert_eq!(names, ["a,b.md", "one.md", "two.md"]);
    let metadata: Vec<_> = records.iter().map(|record| record.metadata.to_object().get("n").cloned()).collect();
    assert_eq!(metadata, [Some(json!(0)), Some(json!(2)), None]);
    for record in records {
        assert_eq!((record.collection.as_str(), &record.options["chunk_size"]), ("c", &json!(500)));
        assert_eq!(record.endpoints[0].format, morag_core::webhook::BodyFormat::MoragUi);
    }
}

#[tokio::test]
async fn a_refused_batch_leaves_no_files() {
    let server = server(&[]);
    let body = file_part("batch_files", "one.md", "# One");
    for fields in [&[("mode", "nonsense")][..], &[("mode", "convert"), ("batch_urls", "[1]")]] {
        let answer = server.post("/api/v1/process", &[], body.clone() + &form(fields, None)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        server.nothing_is_left().await;
    }
    let empty = form(&[("mode", "convert"), ("source_type", "batch")], None);
    assert_eq!(server.post("/api/v1/process", &[], empty).await.fields(), ["items"]);
}

#[tokio::test]
async fn a_task_that_cannot_run_again_says_why() {
    let server = server(&[]);
    let retry = |task: String| {
        let server = &server;
        async move { server.call("POST", &format!("/api/v1/tasks/{task}"), &[]).await }
    };
    let unknown = retry(format!("{}/retry", TaskId::random())).await;
    assert_eq!((unknown.status, unknown.error().as_str()), (StatusCode::NOT_FOUND, "task_not_found"));
    let done = retry(format!("{}/retry", server.completed_task())).await;
    assert_eq!((done.status, done.error().as_str()), (StatusCode::CONFLICT, "task_completed"));
    let running = server.memory.store.add(record(), vec![event(1, 0.0, EventKind::TaskStarted { retry: None })]);
    let running = retry(format!("{running}/retry")).await;
    assert_eq!((running.status, running.error().as_str()), (StatusCode::CONFLICT, "task_not_ended"));
    let cancelled = EventKind::TaskCancelled { step: None, stage: None };
    let ended = server.memory.store.add(record(), vec![event(1, 0.0, cancelled)]);
    for query in ["?from_step=nonsense", "?from_step=chunking", ""] {
        let answer = retry(format!("{ended}/retry{query}")).await;
        assert_eq!(answer.fields(), ["from_step"], "{query}");
        let text = answer.json()["error"].as_str().unwrap().to_owned();
        let said = match query {
            "?from_step=nonsense" => "choose one of markdown_conversion",
            "?from_step=chunking" => "before markdown_conversion has completed",
            _ => "original.md, which is not kept any more",
        };
        assert!(text.contains(said), "{text}");
    }
}
