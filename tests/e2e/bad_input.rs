//! Bad input: the contract's error, and no leftovers.

use morag_fixtures as fixtures;
use morag_tests::receiver::Receiver;
use morag_tests::server::{API_KEY, Server, client};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

/// Checks the contract's error format, and returns the body.
async fn error(response: Response, status: u16) -> Value {
    assert!(response.headers().contains_key("x-request-id"));
    let found = response.status().as_u16();
    let text = response.text().await.expect("a body");
    assert_eq!(found, status, "{text}");
    let body: Value = serde_json::from_str(&text).expect("a JSON body");
    for key in ["detail", "error", "type", "error_code", "request_id"] {
        assert!(body.get(key).is_some(), "{body} lacks {key}");
    }
    if status == 422 {
        let details = body["detail"].as_array().expect("FastAPI's array");
        assert!(!details.is_empty());
        for detail in details {
            assert!(detail["loc"].is_array() && detail["msg"].is_string() && detail["type"].is_string(), "{detail}");
        }
    }
    for secret in ["/work/", "/tmp/", "src/", ".rs:", API_KEY] {
        assert!(!text.contains(secret), "{text} shows {secret}");
    }
    body
}

/// There is no task, and no file of one. The file of a refused upload is deleted concurrently with the response, so this waits for it.
async fn nothing_is_left(server: &Server) {
    assert_eq!(server.get("/api/v1/status/").await["total_count"], 0);
    no_files(server, |_| true).await;
}

/// Waits until no file of a task for which `counts` is true exists.
async fn no_files(server: &Server, counts: impl Fn(&std::path::Path) -> bool) {
    let tasks = server.data_dir().join("files/tasks");
    let started = std::time::Instant::now();
    loop {
        let left: Vec<_> = walk(&tasks).into_iter().filter(|path| counts(path)).collect();
        if left.is_empty() {
            return;
        }
        assert!(started.elapsed() < morag_tests::server::PATIENCE, "{left:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_valid_key_are_refused() {
    let server = Server::start().await;
    let task = "00000000-0000-4000-8000-000000000000";
    for path in ["/api/v1/status/".to_owned(), format!("/api/v1/status/{task}"), format!("/api/files/temp/{task}")] {
        for key in [None, Some("wrong"), Some("")] {
            let mut request = client().get(format!("{}{path}", server.url));
            if let Some(key) = key {
                request = request.bearer_auth(key);
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.headers().get("www-authenticate").and_then(|v| v.to_str().ok()), Some("Bearer"));
            error(response, 401).await;
        }
    }
    let form = Form::new().part("file", Part::bytes(fixtures::markdown()).file_name("notes.md"));
    let request = client().post(format!("{}/api/v1/ingest/file", server.url)).multipart(form);
    error(request.send().await.expect("an answer"), 401).await;
    nothing_is_left(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_404() {
    let server = Server::start().await;
    let task = "00000000-0000-4000-8000-000000000000";
    for path in [
        format!("/api/v1/status/{task}"),
        format!("/api/v1/status/{task}/history"),
        format!("/api/files/temp/{task}/markdown.md"),
        format!("/api/v1/tasks/{task}/deliveries"),
        "/api/v1/status/not-a-uuid".to_owned(),
        "/api/v1/nothing".to_owned(),
    ] {
        error(server.request(Method::GET, &path).send().await.expect("an answer"), 404).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_uploads_are_refused() {
    let server = Server::start().await;
    let post = |path: &str| server.request(Method::POST, path);
    let not_multipart = post("/api/v1/ingest/file").json(&json!({ "file": "x" })).send().await.expect("an answer");
    let status = not_multipart.status().as_u16();
    assert!(matches!(status, 400 | 415 | 422), "{status}");
    error(not_multipart, status).await;
    let no_file = post("/api/v1/ingest/file").multipart(Form::new().text("source_type", "document"));
    error(no_file.send().await.expect("an answer"), 422).await;
    let text_file = post("/api/v1/ingest/file").multipart(Form::new().text("file", "no file name"));
    error(text_file.send().await.expect("an answer"), 422).await;
    let file = || Part::bytes(fixtures::markdown()).file_name("notes.md");
    let garbled = post("/api/v1/process").multipart(Form::new().part("file", file()).text("request_data", "{nonsense"));
    error(garbled.send().await.expect("an answer"), 422).await;
    let wrong_types = r#"{"mode": 7, "webhook_config": "x", "processing_options": {"chunk_size": []}}"#;
    let wrong = post("/api/v1/process").multipart(Form::new().part("file", file()).text("request_data", wrong_types));
    error(wrong.send().await.expect("an answer"), 422).await;
    let no_hook = post("/api/v1/process").multipart(Form::new().part("file", file()).text("mode", "ingest"));
    error(no_hook.send().await.expect("an answer"), 400).await;
    error(server.request(Method::PUT, "/api/v1/ingest/file").send().await.expect("an answer"), 405).await;
    nothing_is_left(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_field_is_named_and_nothing_is_kept() {
    let server = Server::start().await;
    let long = "x".repeat(10_000);
    for (field, value) in [
        ("document_id", "a<b"),
        ("document_id", long.as_str()),
        ("collection_name", long.as_str()),
        ("chunk_size", "many"),
        ("chunk_overlap", "-1"),
        ("chunking_strategy", "clever"),
        ("metadata", "not json"),
        ("metadata", "[1]"),
        ("source_type", "hologram"),
        ("replace_existing", "perhaps"),
        ("pipeline", "nonsense"),
        ("language", long.as_str()),
    ] {
        let response = server.ingest("notes.md", fixtures::markdown(), &[(field, value)]).await;
        let body = error(response, 422).await;
        let named = body["detail"].to_string().contains(field);
        assert!(named, "{field}: {body}");
    }
    nothing_is_left(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_url_that_deliveries_may_not_reach_is_refused() {
    let server = Server::start_with(&[("WEBHOOK_ALLOW_NETWORKS", "")]).await;
    for url in [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "nonsense",
        "http://user:password@example.com/",
        "http://127.0.0.1:8001/webhook",
        "http://localhost:8001/webhook",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
    ] {
        let response = server.ingest("notes.md", fixtures::markdown(), &[("webhook_url", url)]).await;
        let status = response.status().as_u16();
        assert!(matches!(status, 400 | 422), "{url}: {status}");
        let body = error(response, status).await;
        assert!(!body.to_string().contains("password@"), "{body}");
    }
    nothing_is_left(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_with_and_without_a_length() {
    let server = Server::start_with(&[("MORAG_MAX_UPLOAD_SIZE_BYTES", "100000")]).await;
    let large = vec![b'x'; 3_000_000];
    error(server.ingest("large.txt", large.clone(), &[]).await, 413).await;
    // A stream has no declared length.
    let pieces = large.chunks(10_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>();
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
    let form = Form::new().part("file", Part::stream(stream).file_name("large.txt"));
    let request = server.request(Method::POST, "/api/v1/ingest/file").multipart(form);
    error(request.send().await.expect("an answer"), 413).await;
    nothing_is_left(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_name_cannot_leave_the_tasks_folder() {
    let server = Server::start().await;
    let task = server.submit("../../x.md", fixtures::markdown(), &[]).await;
    assert_eq!(server.wait_for_end(&task).await["status"], "completed");
    assert!(!server.data_dir().join("../x.md").exists());
    let files = server.get(&format!("/api/files/temp/{task}")).await.to_string();
    assert!(files.contains("original.md") && !files.contains(".."), "{files}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_used_fails_with_its_own_code() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    for (name, bytes, code) in [
        ("empty.pdf", fixtures::pdf_empty(), "EMPTY_DOCUMENT"),
        ("cut.pdf", fixtures::pdf_cut(), "CORRUPT_DOCUMENT"),
        ("scan.pdf", fixtures::pdf_scanned(), "OCR_NOT_CONFIGURED"),
        ("secret.pdf", fixtures::pdf_encrypted(), "ENCRYPTED_DOCUMENT"),
        ("secret.docx", fixtures::docx_encrypted(), "ENCRYPTED_DOCUMENT"),
        ("bomb.docx", fixtures::docx_bomb(), "DOCUMENT_TOO_LARGE"),
        ("cut.docx", fixtures::docx_cut(), "CORRUPT_DOCUMENT"),
        ("silence.wav", fixtures::silence_wav(), "TRANSCRIPTION_NOT_CONFIGURED"),
        ("film.xyz", vec![0, 1, 2, 3, 0, 0, 255, 254, 0, 7], "UNSUPPORTED_FORMAT"),
    ] {
        let task = server.submit(name, bytes, &[("webhook_url", &receiver.url)]).await;
        let status = server.wait_for_end(&task).await;
        assert_eq!(status["status"], "failed", "{name}: {status}");
        assert_eq!(status["error_details"]["error_code"], code, "{name}: {status}");
        assert_eq!(status["error_details"]["step"], "markdown_conversion", "{name}");
        assert!(status["error"].as_str().is_some_and(|text| text.len() > 20), "{name}: {status}");
    }
    let received = receiver.wait_until(|received| received.len() >= 9 * 4).await;
    let bodies: Vec<_> = received.iter().map(morag_tests::receiver::Received::json).collect();
    crate::bodies::consume(&bodies);
    let unsupported = bodies
        .iter()
        .find(|body| body["event_type"] == "step_failed" && body["data"]["error_code"] == "UNSUPPORTED_FORMAT")
        .expect("the failed step");
    assert_eq!(unsupported["data"]["attempted_format"], "xyz");
    assert!(unsupported["data"]["supported_formats"].as_array().is_some_and(|list| list.contains(&json!("pdf"))));
    assert_eq!(unsupported["error_message"], unsupported["data"]["error_message"]);
    assert!(server.get("/api/v1/status/?status=in_progress").await["active_tasks"] == json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_encoding_makes_a_text_fail() {
    let server = Server::start().await;
    for (name, bytes) in [
        ("utf16.txt", fixtures::utf16_txt()),
        ("windows.txt", fixtures::german_txt_windows_1252()),
        ("invalid.txt", fixtures::text_invalid_utf8()),
    ] {
        let task = server.submit(name, bytes, &[]).await;
        let status = server.wait_for_end(&task).await;
        assert_eq!(status["status"], "completed", "{name}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_upload_leaves_nothing() {
    let server = Server::start().await;
    // A connection of its own: a client's library may still end the body in order when its request is dropped.
    let address = server.url.strip_prefix("http://").expect("a plain URL");
    let mut connection = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /api/v1/ingest/file HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {API_KEY}\r\n\
         content-type: multipart/form-data; boundary=B\r\ncontent-length: 1000000\r\n\r\n\
         --B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"half.md\"\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.expect("the server reads");
    connection.write_all(&[b'x'; 200_000]).await.expect("the server reads");
    drop(connection);
    // The server notices at its next read; a complete upload after it takes the same path.
    let task = server.submit("note.md", fixtures::one_page_markdown(1), &[]).await;
    server.wait_for_end(&task).await;
    no_files(&server, |path| !path.to_string_lossy().contains(task.as_str())).await;
    assert_eq!(server.get("/api/v1/status/").await["total_count"], 1);
}
