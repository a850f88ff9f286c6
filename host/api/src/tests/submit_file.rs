//! Files as forms: what becomes a task, what is refused, and what stays behind.

use super::*;

#[tokio::test]
async fn a_file_becomes_a_task() {
    let server = server(&[]);
    let fields = [("chunk_size", "500"), ("metadata", r#"{"a": 1}"#), ("source_type", "document")];
    let answer = server.ingest(&fields, Some(("../../report.md", "# Hello\n"))).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["document_id", "estimated_time", "message", "status", "status_url", "task_id"]);
    assert_eq!(body["status"], "pending");
    let task = body["task_id"].as_str().unwrap();
    assert_eq!(server.memory.blobs.paths(), [format!("tasks/{task}/files/original.md")]);
    let log = server.memory.store.logs()[0].clone();
    assert_eq!((log.record.source.file_name.as_str(), log.record.source.size), ("report.md", 8));
    assert_eq!(log.record.source.media_type, "text/markdown");
    assert_eq!(log.record.options["chunk_size"], json!(500));
    assert_eq!(log.record.metadata.to_object()["a"], json!(1));
    let status = server.get(body["status_url"].as_str().unwrap()).await;
    assert_eq!((status.status, &status.json()["status"]), (StatusCode::OK, &json!("pending")));
}

#[tokio::test]
async fn a_list_may_be_several_fields_of_a_form() {
    let server = server(&[]);
    let fields = [
        ("webhook_url", "https://crm.example.com/hooks"),
        ("webhook_events", "task_completed"),
        ("webhook_events", "task_failed"),
        ("page_range", "2"),
        ("page_range", "5"),
        ("chunk_size", "400"),
        ("chunk_size", "500"),
    ];
    assert_eq!(server.ingest(&fields, FILE).await.status, StatusCode::OK);
    let record = server.memory.store.logs()[0].record.clone();
    let wants = |event: &str| record.endpoints[0].events.matches(event);
    assert!(wants("task_completed") && wants("task_failed") && !wants("task_started"), "{record:?}");
    assert_eq!(record.options["page_range"], json!([2, 5]));
    assert_eq!(record.options["chunk_size"], json!(500));
}

#[tokio::test]
async fn the_clients_trace_is_kept_with_the_task() {
    let (server, trace) = (server(&[]), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    for (given, kept) in [(trace, Some(trace)), ("00-nonsense", None), ("", None)] {
        let answer = server.post("/api/v1/ingest/file", &[("traceparent", given)], form(&[], FILE)).await;
        assert_eq!(answer.status, StatusCode::OK, "{given}");
        let task = answer.json()["task_id"].clone();
        let logs = server.memory.store.logs();
        let log = logs.iter().find(|log| json!(log.record.id) == task).unwrap();
        assert_eq!(log.record.trace.map(|trace| trace.to_string()).as_deref(), kept);
    }
}

#[tokio::test]
async fn unknown_names_are_refused_with_the_nearest() {
    let server = server(&[]);
    let data = r#"{"colection_name": "a", "processing_options": {"chunk_sise": 5}, "webhook_config": {"evnts": []}}"#;
    let answer = server.ingest(&[("request_data", data), ("webhok_url", "x"), ("mode", "convert")], FILE).await;
    let told = |item: &Value| (item["loc"].clone(), item["msg"].as_str().unwrap().to_owned());
    let told: Vec<_> = answer.json()["detail"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(
        told,
        [
            (
                json!(["body", "mode"]),
                "mode must be ingest on this route: POST /api/v1/process takes the others".to_owned()
            ),
            (
                json!(["body", "processing_options", "chunk_sise"]),
                "processing_options.chunk_sise is not known here: did you mean chunk_size?".to_owned()
            ),
            (
                json!(["body", "colection_name"]),
                "colection_name is not known here: did you mean collection_name?".to_owned()
            ),
            (json!(["body", "webhok_url"]), "webhok_url is not known here: did you mean webhook_url?".to_owned()),
            (
                json!(["body", "webhook_config", "evnts"]),
                "webhook_config.evnts is not known here: did you mean events?".to_owned()
            ),
        ]
    );
    server.nothing_is_left().await;

    let misnamed = form(&[], FILE).replace("name=\"file\"", "name=\"flie\"");
    let answer = server.post("/api/v1/ingest/file", &[], misnamed).await;
    assert_eq!(answer.fields(), ["flie"]);
}

#[tokio::test]
async fn values_that_look_like_none_are_not_ignored() {
    let server = server(&[]);
    let json = |body: &str| server.post("/api/v1/ingest/url", &[("content-type", "application/json")], body.to_owned());
    assert_eq!(json(r#"{"url": "https://example.com/a", "pipeline": 2024}"#).await.fields(), ["pipeline"]);
    let data = r#"{"webhook_url": "https://example.com/", "webhook_headers": {"X-Flag": ""}}"#;
    assert_eq!(server.ingest(&[("request_data", data)], FILE).await.status, StatusCode::OK);
    let data = r#"{"webhook_url": "https://example.com/", "webhook_headers": {"X-Flag": 1}}"#;
    assert_eq!(server.ingest(&[("request_data", data)], FILE).await.fields(), ["X-Flag"]);
    // What only a batch has: nothing, or too much.
    let post = |fields: Vec<(&'static str, &'static str)>| {
        server.post("/api/v1/process", &[], form(&fields, Some(("a.md", "# A"))))
    };
    let batch =
        vec![("mode", "ingest"), ("webhook_url", "https://example.com/"), ("items", "[]"), ("batch_metadata_0", "{}")];
    assert_eq!(post(batch.clone()).await.status, StatusCode::OK);
    let more = [batch, vec![("batch_urls", "https://example.com/b")]].concat();
    assert_eq!(post(more).await.fields(), ["batch_urls"]);
}

#[tokio::test]
async fn an_unknown_name_of_a_whole_batch_is_an_error_of_the_request() {
    let server = server(&[]);
    let json =
        |body: &str| server.post("/api/v1/ingest/batch", &[("content-type", "application/json")], body.to_owned());
    let items = r#""items": ["https://example.com/a"]"#;
    assert_eq!(json(&format!(r#"{{{items}, "colection_name": "x"}}"#)).await.fields(), ["colection_name"]);
    assert_eq!(json(&format!(r#"{{{items}, "mode": "convert"}}"#)).await.fields(), ["mode"]);
    let item = json(r#"{"items": [{"url": "https://example.com/a", "mode": "convert"}]}"#).await.json();
    assert_eq!(item["rejected"][0]["detail"][0]["loc"], json!(["body", "mode"]), "{item}");
    let item = json(r#"{"items": [{"url": "https://example.com/a", "mode": "ingest", "nonsense": 1}]}"#).await.json();
    assert_eq!(item["rejected"][0]["detail"][0]["loc"], json!(["body", "nonsense"]), "{item}");
}

#[tokio::test]
async fn names_of_older_clients_are_taken_without_effect() {
    let server = server(&[]);
    let data = r#"{"use_docling": true, "database_servers": [{"type": "qdrant"}],
                   "processing_options": {"include_thumbnails": false, "include_metadata": true}}"#;
    let fields =
        [("request_data", data), ("database_config", r#"{"a": 1}"#), ("use_docling", "true"), ("mode", "ingest")];
    let answer = server.ingest(&fields, FILE).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test]
async fn an_empty_file_is_a_task_and_no_file_is_not() {
    let server = server(&[]);
    assert_eq!(server.ingest(&[], Some(("empty.pdf", ""))).await.status, StatusCode::OK);
    for file in [None, Some(("", "content"))] {
        assert_eq!(server.ingest(&[], file).await.fields(), ["file"]);
    }
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let long = "x".repeat(10_000);
    let huge = "x".repeat(65 * 1024);
    for (name, value) in [
        ("document_id", "a<b"),
        ("document_id", long.as_str()),
        ("webhook_url", "http://127.0.0.1/hook"),
        ("webhook_url", "http://private.example/hook"),
        ("webhook_url", "https://u:p@example.com/"),
        ("chunk_size", "many"),
        ("pipeline", "nonsense"),
        ("metadata", huge.as_str()),
    ] {
        let server = server(&[]);
        assert_eq!(server.ingest(&[(name, value)], FILE).await.fields(), [name], "{value:.40}");
        server.nothing_is_left().await;
    }
}

#[tokio::test]
async fn a_body_that_is_no_whole_form_is_refused() {
    let server = server(&[]);
    let answer = server.post("/api/v1/ingest/file", &[("content-type", "application/json")], "{}").await;
    assert_eq!(answer.error(), "validation_error");
    let whole = form(&[], FILE);
    let answer = server.post("/api/v1/ingest/file", &[], whole[..whole.len() - 20].to_owned()).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_multipart"));
    server.nothing_is_left().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let server = server(&[]);
    let start = form(&[], FILE).split("--XBOUNDARYX--").next().unwrap().to_owned();
    let gone = stream::iter([Ok(start), Err(std::io::Error::other("connection reset"))]);
    assert_eq!(server.post("/api/v1/ingest/file", &[], Body::from_stream(gone)).await.status, StatusCode::BAD_REQUEST);
    server.nothing_is_left().await;

    // Dropping the request, as the server does when the connection breaks: here when the file is stored already.
    let whole = form(&[("language", "de")], FILE);
    let start = whole.split("de\r\n").next().unwrap().to_owned();
    let stuck = stream::StreamExt::chain(stream::iter([Ok::<_, std::io::Error>(start)]), stream::pending());
    let request = server.post("/api/v1/ingest/file", &[], Body::from_stream(stuck));
    let mut request = Box::pin(request);
    while server.memory.blobs.paths().is_empty() {
        assert!(futures::poll!(&mut request).is_pending());
        tokio::task::yield_now().await;
    }
    drop(request);
    server.nothing_is_left().await;
}

#[tokio::test]
async fn a_client_that_goes_away_while_its_file_is_completed_leaves_nothing_behind() {
    let server = server(&[]);
    let hold = Arc::new(Hold::default());
    *server.memory.blobs.hold.lock().unwrap() = Some(hold.clone());
    {
        let mut request = Box::pin(server.ingest(&[], FILE));
        tokio::select! {
            answer = &mut request => panic!("answered {} while the file was held", answer.status),
            () = hold.held.notified() => {}
        }
    }
    // Time for a deletion that does not wait for the file.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    hold.release.notify_one();
    hold.appeared.notified().await;
    server.nothing_is_left().await;
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_declared_or_not() {
    let server = server(&[("MORAG_MAX_UPLOAD_SIZE_BYTES", "100")]);
    let declared = [("content-length", "999999999")];
    let unread = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = server.post("/api/v1/ingest/file", &declared, unread).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"));
    let answer = server.ingest(&[], Some(("a.md", &"x".repeat(101)))).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"));
    assert_eq!(server.task_count(), 0);
    assert_eq!(server.ingest(&[], Some(("a.md", &"x".repeat(100)))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_stores_refusals_have_their_codes() {
    let holder = TaskId::random();
    for (error, status, code) in [
        (AcceptError::DuplicateDocument(holder), 409, "duplicate_document"),
        (AcceptError::QueueFull, 429, "queue_full"),
        (AcceptError::QueueShare, 429, "queue_full"),
        (AcceptError::Store(StoreError::Unavailable("secret".into())), 503, "unavailable"),
        (AcceptError::Store(StoreError::Full("secret".into())), 507, "storage_full"),
    ] {
        let server = server(&[]);
        *server.memory.store.accept_error.lock().unwrap() = Some(error);
        let answer = server.ingest(&[], FILE).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (status, code));
        assert!(!answer.json().to_string().contains("secret"));
        let retry_after =
            answer.headers.get("retry-after").map(|value| value.to_str().unwrap().parse::<u32>().unwrap());
        assert_eq!(retry_after.is_some_and(|seconds| seconds > 0), status != 409, "{retry_after:?}");
        if status == 409 {
            assert!(answer.json()["error"].as_str().unwrap().contains(&holder.to_string()));
            assert_eq!(answer.json()["task_id"], json!(holder));
        }
        match status {
            // Whether the task was stored is not known: its file stays, for the janitor to judge.
            503 => assert_eq!((server.memory.blobs.paths().len(), server.task_count()), (1, 0)),
            _ => server.nothing_is_left().await,
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_answers_once_more_and_refuses_another_request() {
    let server = server(&[]);
    let key = [("idempotency-key", "k1")];
    let first = server.post("/api/v1/ingest/file", &key, form(&[], FILE)).await;
    let again = server.post("/api/v1/ingest/file", &key, form(&[], FILE)).await;
    assert_eq!((first.status, first.json()), (again.status, again.json()));
    assert_eq!(server.task_count(), 1);
    let other = server.post("/api/v1/ingest/file", &key, form(&[("language", "de")], FILE)).await;
    assert_eq!((other.status, other.error().as_str()), (StatusCode::CONFLICT, "idempotency_conflict"));
    let other = server.post("/api/v1/ingest/file", &key, form(&[], Some(("a.md", "other")))).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    // The same key at another route is another key.
    let hook = [("webhook_url", "https://example.com/")];
    let elsewhere = server.post("/api/convert/process-ingest", &key, form(&hook, FILE)).await;
    assert_eq!(elsewhere.status, StatusCode::OK);
    assert_eq!(server.task_count(), 2);
}

#[tokio::test]
async fn below_the_room_that_is_kept_free_nothing_new_is_taken() {
    let server = server(&[]);
    *server.memory.disk_misses.lock().unwrap() = 5 << 20;
    let url = r#"{"url": "https://e.com/a"}"#;
    let batch = r#"{"items": [{"url": "https://e.com/a"}]}"#;
    let json = [("content-type", "application/json")];
    let hook = [("webhook_url", "https://example.com/hook")];
    for answer in [
        server.ingest(&[], FILE).await,
        server.post("/api/v1/process", &[], form(&[("mode", "ingest"), hook[0]], FILE)).await,
        server.post("/api/convert/process-ingest", &[], form(&hook, FILE)).await,
        server.post("/api/v1/ingest/url", &json, url).await,
        server.post("/api/v1/ingest/batch", &json, batch).await,
    ] {
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "disk_full"));
        let text = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(text.contains("251 MiB free") && text.contains("below 256 MiB"), "{text}");
    }
    assert_eq!(*server.memory.network.fetches.lock().unwrap(), 0, "nothing is fetched for it");
    server.nothing_is_left().await;
    let ready = server.get("/health/ready").await;
    assert_eq!((ready.status, &ready.json()["dependencies"]["disk"]), (StatusCode::OK, &json!("low")));
    let task = server.completed_task();
    assert_eq!(server.get(&format!("/api/v1/status/{task}")).await.status, StatusCode::OK, "all else works");
    *server.memory.disk_misses.lock().unwrap() = 0;
    assert_eq!(server.ingest(&[], FILE).await.status, StatusCode::OK);
    assert_eq!(server.get("/health/ready").await.json()["dependencies"]["disk"], "up");
}

#[tokio::test]
async fn process_ingest_requires_a_webhook() {
    let server = server(&[]);
    assert_eq!(server.post("/api/convert/process-ingest", &[], form(&[], FILE)).await.fields(), ["webhook_url"]);
    let fields = [("webhook_url", "https://example.com/hook"), ("webhook_auth_token", "t")];
    let body = server.post("/api/convert/process-ingest", &[], form(&fields, FILE)).await.json();
    assert_eq!(body["success"], json!(true));
    assert!(body["estimated_time_seconds"].is_u64());
    let log = server.memory.store.logs()[0].clone();
    assert!(log.record.endpoints[0].auth_token.is_none(), "kept beside the record");
    let kept = server.memory.store.credentials.lock().unwrap().clone();
    assert_eq!(kept.iter().map(|(task, _)| *task).collect::<Vec<_>>(), [log.record.id]);
    assert!(kept[0].1.contains("\"auth_token\":\"t\""), "not sealed, for the server of this test has no key: {kept:?}");
}

#[tokio::test]
async fn the_weight_of_the_callers_key_goes_with_the_task() {
    let server = server(&[("MORAG_API_KEYS", "other,test-api-key"), ("MORAG_API_KEY_WEIGHTS", "1,7")]);
    assert_eq!(server.ingest(&[], FILE).await.status, StatusCode::OK);
    let flow = server.memory.store.flow.lock().unwrap().clone().unwrap();
    assert_eq!(flow.weight, 7);
}
