//! Files of tasks: serving and deleting them.

use super::*;
use morag_core::task::Artifact;
use sha2::{Digest as _, Sha256};

#[tokio::test]
async fn files_are_served_whole_and_in_parts() {
    let server = server(&[]);
    let task = server.completed_task();
    put(&server, task, "markdown.md", MARKDOWN);
    // Not announced, and not yet: a step's files are there before its end is told.
    put(&server, task, "document.json", "{}");
    put(&server, task, "chunks.json", "[]");
    let list = server.get(&format!("/api/files/temp/{task}")).await.json();
    assert_eq!((&list["session_id"], &list["total_size_bytes"]), (&json!(task), &json!(10)));
    assert_eq!(list["files"][0]["filename"], "markdown.md");
    assert_eq!(list["expires_at"].as_str().unwrap(), NOW.plus(std::time::Duration::from_secs(168 * 3600)).to_string());
    for base in [format!("/api/files/temp/{task}"), format!("/api/v1/files/{task}")] {
        let path = format!("{base}/markdown.md");
        let whole = server.get(&path).await;
        assert_eq!((whole.status, &whole.body[..]), (StatusCode::OK, &b"0123456789"[..]));
        assert_eq!(whole.headers["accept-ranges"], "bytes");
        let etag = whole.headers["etag"].to_str().unwrap();
        let part = server.call("GET", &path, &[("range", "bytes=2-4")]).await;
        assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &b"234"[..]));
        assert_eq!(part.headers["content-range"], "bytes 2-4/10");
        let beyond = server.call("GET", &path, &[("range", "bytes=10-")]).await;
        assert_eq!(
            (beyond.status, beyond.error().as_str()),
            (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable")
        );
        assert_eq!(beyond.headers["content-range"], "bytes */10");
        let same = server.call("GET", &path, &[("if-none-match", etag)]).await;
        assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
        let changed = server.call("GET", &path, &[("range", "bytes=2-4"), ("if-range", "\"old\"")]).await;
        assert_eq!(changed.status, StatusCode::OK);
        let head = server.call("HEAD", &path, &[]).await;
        assert_eq!(
            (head.status, head.body.len(), &head.headers["content-length"]),
            (StatusCode::OK, 0, &"10".parse().unwrap())
        );
        for hidden in ["document.json", "chunks.json", "nonsense.md", "..%2f..%2fx", ".x"] {
            assert_eq!(server.get(&format!("{base}/{hidden}")).await.error(), "file_not_found", "{hidden}");
        }
    }
}

/// The end of a step that wrote these files, those with a `*` behind their name by a pattern; the content of each is [`MARKDOWN`].
fn wrote(sequence: u64, step: &str, names: &[&str]) -> Event {
    let artifact = |name: &&str| Artifact {
        name: name.trim_end_matches('*').parse().unwrap(),
        media_type: "image/png".into(),
        size: MARKDOWN.len() as u64,
        sha256: hex::encode(Sha256::digest(MARKDOWN)),
        listed: name.ends_with('*'),
    };
    let kind = EventKind::StepCompleted {
        step: step.into(),
        stage: step.into(),
        data: JsonObject::new(),
        artifacts: names.iter().map(artifact).collect(),
        resources: Default::default(),
    };
    event(sequence, 50.0, kind)
}

#[tokio::test]
async fn files_of_a_pattern_are_those_of_the_last_run_of_their_step() {
    let server = server(&[]);
    let events = vec![
        event(1, 0.0, EventKind::TaskStarted { retry: None }),
        wrote(2, "one", &["page-1.png*", "page-2.png*", "hidden.json"]),
        wrote(3, "two", &["image-1.jpg*"]),
        event(4, 50.0, EventKind::TaskStarted { retry: None }),
        wrote(5, "one", &["page-1.png*"]),
    ];
    let task = server.memory.store.add(record(), events);
    for name in ["original.md", "page-1.png", "page-2.png", "hidden.json", "image-1.jpg"] {
        put(&server, task, name, MARKDOWN);
    }
    let list = server.get(&format!("/api/files/temp/{task}")).await.json();
    let names: Vec<_> = list["files"].as_array().unwrap().iter().map(|file| &file["filename"]).collect();
    assert_eq!(names, ["image-1.jpg", "original.md", "page-1.png"]);
    assert_eq!((&list["files"][2]["content_type"], &list["total_size_bytes"]), (&json!("image/png"), &json!(30)));
    for (name, status) in [("page-1.png", 200), ("image-1.jpg", 200), ("page-2.png", 404), ("hidden.json", 404)] {
        let answer = server.get(&format!("/api/files/temp/{task}/{name}")).await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
    }
}

#[tokio::test]
async fn files_of_an_ended_task_alone_can_be_deleted() {
    let server = server(&[]);
    let running = server.memory.store.add(record(), vec![event(1, 0.0, EventKind::TaskStarted { retry: None })]);
    put(&server, running, "markdown.md", "x");
    let answer = server.call("DELETE", &format!("/api/files/temp/{running}"), &[]).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "task_running"));
    let ended = server.completed_task();
    put(&server, ended, "markdown.md", "x");
    let body = server.call("DELETE", &format!("/api/v1/files/{ended}/"), &[]).await.json();
    assert_eq!(body["success"], json!(true));
    assert_eq!(server.memory.blobs.paths(), [format!("tasks/{running}/files/markdown.md")]);
}

#[tokio::test]
async fn files_of_a_task_that_runs_again_meanwhile_are_not_deleted() {
    let server = server(&[]);
    let task = server.memory.store.add(record(), failed());
    put(&server, task, "markdown.md", "x");
    *server.memory.store.runs_meanwhile.lock().unwrap() = Some(task);
    let answer = server.call("DELETE", &format!("/api/files/temp/{task}"), &[]).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "task_running"));
    assert_eq!(server.memory.blobs.paths(), [format!("tasks/{task}/files/markdown.md")]);
}

#[tokio::test]
async fn deleting_files_gives_their_bytes_back_first_and_goes_on_without_its_caller() {
    for stays in [true, false] {
        let server = server(&[]);
        let task = server.completed_task();
        server.memory.blobs.put(format!("tasks/{task}/files/original.md"), "x");
        let path = format!("/api/files/temp/{task}");
        let mut request = Box::pin(server.call("DELETE", &path, &[]));
        match stays {
            true => assert_eq!(request.await.status, StatusCode::OK),
            false => {
                assert!(futures::poll!(&mut request).is_pending(), "it was done before its caller could leave");
                drop(request);
            }
        }
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.memory.blobs.paths(), [""; 0], "whether its caller stays: {stays}");
        assert_eq!(*server.memory.store.uncounted.lock().unwrap(), [(task, 1)]);
    }
}
