//! What a caller's quotas stop before it costs anything: uploads while they come, fetches, and tasks that are run again.

use super::*;
use crate::testing::{Document, app_of};
use futures::StreamExt as _;
use morag_core::caller::{OverQuota, Quota, next_day};
use morag_core::pipeline::RUNS_MAX;
use morag_core::ports::{BlobPath, Tasks as _};
use morag_core::task::Retry;
use morag_engine::config::digest_of;
use std::sync::atomic::{AtomicUsize, Ordering};

const FILE_URL: &str = "http://files.example/a.md";

/// A server whose caller's tenant may have so many bytes.
fn server_of(stored_bytes: u64) -> Server {
    let memory = Arc::new(Memory::default());
    let digest = hex::encode(digest_of(b"key"));
    let file = format!(
        "[[callers]]\nname = \"a\"\nkey_sha256 = \"{digest}\"\ntenant = \"a\"\nscopes = [\"submit\"]\nweight = 7\n\
         [callers.quotas]\nstored_bytes = {stored_bytes}\n"
    );
    Server { router: router(app_of(&memory, &[], &file)), memory }
}

fn request(path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder().method("POST").uri(path).header("x-api-key", "key");
    if headers.iter().all(|(name, _)| *name != "content-type") {
        request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

impl Server {
    async fn upload(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.send(request("/api/v1/ingest/file", headers, body.into())).await
    }

    /// A cancelled task of the caller's tenant, with its file.
    fn cancelled_task(&self, runs: u32) -> TaskId {
        let record = TaskRecord { tenant: "a".parse().unwrap(), ..record() };
        let path = BlobPath::file(record.id, &record.source.stored_as);
        self.memory.blobs.put(path.as_str(), Bytes::from_static(b"abc"));
        let again = || {
            let retry = Retry { from_step: "markdown_conversion".into(), claims_before: 0, damaged: None };
            [EventKind::TaskStarted { retry: Some(retry) }, EventKind::TaskCancelled { step: None, stage: None }]
        };
        let kinds = (1..runs).flat_map(|_| again());
        let kinds = std::iter::once(EventKind::TaskCancelled { step: None, stage: None }).chain(kinds);
        let events = (1..).zip(kinds).map(|(sequence, kind)| event(sequence, 0.0, kind)).collect();
        self.memory.store.add(record, events)
    }

    async fn retry(&self, task: TaskId) -> Answer {
        self.send(request(&format!("/api/v1/tasks/{task}/retry"), &[], Body::empty())).await
    }
}

fn over_of_day() -> AcceptError {
    OverQuota { quota: Quota::TasksPerDay, limit: 4, resets_at: Some(next_day(NOW)) }.into()
}

/// A form with a file of so many bytes.
fn form_of(bytes: usize) -> String {
    form(&[], Some(("a.md", &"a".repeat(bytes))))
}

/// A body in pieces, and how many of them were taken.
fn in_pieces(form: String, piece: usize) -> (Body, Arc<AtomicUsize>) {
    let taken = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&taken);
    let pieces: Vec<_> = form.as_bytes().chunks(piece).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces).map(move |piece| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(piece)
    });
    (Body::from_stream(pieces), taken)
}

#[tokio::test]
async fn a_retry_is_refused_where_a_new_task_would_be() {
    let server = server_of(3);
    let task = server.cancelled_task(1);
    for (error, code) in [(AcceptError::QueueFull, "queue_full"), (over_of_day(), "quota_tasks_per_day")] {
        *server.memory.store.enter_error.lock().unwrap() = Some(error);
        let refused = server.retry(task).await;
        assert_eq!((refused.status, refused.error().as_str()), (StatusCode::TOO_MANY_REQUESTS, code));
    }
    *server.memory.store.enter_error.lock().unwrap() = None;
    *server.memory.disk_misses.lock().unwrap() = 1;
    let refused = server.retry(task).await;
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "disk_full"));
    *server.memory.disk_misses.lock().unwrap() = 0;
    let more = server.cancelled_task(1);
    let refused = server.retry(task).await;
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::FORBIDDEN, "quota_stored_bytes"));
    assert_eq!(server.memory.store.files_deleted(more).await, Ok(true));
    let retried = server.retry(task).await;
    assert_eq!((retried.status, &retried.json()["attempt"]), (StatusCode::OK, &json!(2)), "{:?}", retried.body);
    assert_eq!(server.memory.store.flow.lock().unwrap().as_ref().unwrap().weight, 7, "in the flow of who asked");
}

#[tokio::test]
async fn a_retry_goes_on_without_its_caller() {
    let server = server_of(1 << 20);
    let task = server.cancelled_task(1);
    let mut request = Box::pin(server.retry(task));
    // Until it is at the store.
    while server.memory.store.flow.lock().unwrap().is_none() {
        assert!(futures::poll!(&mut request).is_pending(), "it was done before its caller could leave");
        tokio::task::yield_now().await;
    }
    drop(request);
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    let log = server.memory.store.logs()[0].clone();
    let last = log.events.last().map(|event| &event.kind);
    assert!(matches!(last, Some(EventKind::TaskStarted { retry: Some(_) })), "{last:?}");
}

#[tokio::test]
async fn a_task_whose_files_are_being_deleted_does_not_run_again() {
    let server = server_of(1 << 20);
    let task = server.cancelled_task(1);
    // The file is still there when it is looked at.
    assert_eq!(server.memory.store.files_deleted(task).await, Ok(true));
    let refused = server.retry(task).await;
    assert_eq!((refused.status, refused.fields()), (StatusCode::UNPROCESSABLE_ENTITY, vec!["from_step".to_owned()]));
    let text = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains("original.md, which is not kept any more"), "{text}");
}

#[tokio::test]
async fn a_task_that_has_run_often_enough_is_to_be_submitted_again() {
    let server = server_of(1 << 20);
    let [last, too_many] = [RUNS_MAX - 1, RUNS_MAX].map(|runs| server.cancelled_task(runs));
    assert_eq!(server.retry(last).await.json()["attempt"], json!(RUNS_MAX));
    let refused = server.retry(too_many).await;
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::CONFLICT, "too_many_runs"));
    let text = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(text.contains("submit the document again"), "{text}");
}

#[tokio::test]
async fn nothing_is_fetched_for_who_may_not_submit() {
    let server = server_of(1 << 20);
    let document = Document { pieces: vec![Ok(Bytes::from_static(b"# One"))], ..Default::default() };
    server.memory.network.web.lock().unwrap().insert(FILE_URL.into(), Ok(document));
    *server.memory.store.enter_error.lock().unwrap() = Some(over_of_day());
    let json_type = [("content-type", "application/json")];
    let one = json!({ "url": FILE_URL }).to_string();
    let single = server.send(request("/api/v1/ingest/url", &json_type, one.clone().into())).await;
    assert_eq!((single.status, single.error().as_str()), (StatusCode::TOO_MANY_REQUESTS, "quota_tasks_per_day"));
    let batch = json!({ "items": vec![FILE_URL; 50] }).to_string();
    let batch = server.send(request("/api/v1/ingest/batch", &json_type, batch.into())).await.json();
    let rejected = batch["rejected"].as_array().unwrap();
    assert_eq!(rejected.len(), 50, "{batch}");
    assert!(rejected.iter().all(|item| item["error_code"] == json!("quota_tasks_per_day")), "{batch}");
    assert_eq!(*server.memory.network.fetches.lock().unwrap(), 0);
    *server.memory.store.enter_error.lock().unwrap() = None;
    assert_eq!(server.send(request("/api/v1/ingest/url", &json_type, one.into())).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_upload_that_says_that_it_is_too_large_is_not_read() {
    let server = server_of(100 << 10);
    let (body, taken) = in_pieces(form_of(1 << 20), 1024);
    let length = (40 << 20).to_string();
    let refused = server.upload(&[("content-length", &length)], body).await;
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::FORBIDDEN, "quota_stored_bytes"));
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    server.nothing_is_left().await;
}

#[tokio::test]
async fn an_upload_ends_where_the_quota_does() {
    let server = server_of(10 << 10);
    let (body, taken) = in_pieces(form_of(1 << 20), 1024);
    let refused = server.upload(&[], body).await;
    assert_eq!((refused.status, refused.error().as_str()), (StatusCode::FORBIDDEN, "quota_stored_bytes"));
    let taken = taken.load(Ordering::Relaxed);
    assert!((10..200).contains(&taken), "{taken} KiB of 1024 were taken");
    server.nothing_is_left().await;
    assert_eq!(server.upload(&[], form_of(10 << 10)).await.status, StatusCode::OK, "as many as there may be");
}

#[tokio::test]
async fn uploads_at_the_same_time_are_counted_together() {
    let server = server_of(10 << 10);
    let (pieces, body) = futures::channel::mpsc::unbounded::<Result<Bytes, std::io::Error>>();
    let whole = form_of(6 << 10);
    let (begin, end) = whole.split_at(5 << 10);
    pieces.unbounded_send(Ok(Bytes::copy_from_slice(begin.as_bytes()))).unwrap();
    let first = server.upload(&[], Body::from_stream(body));
    let meanwhile = async {
        // The other one's pieces so far are taken before this begins.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        let second = server.upload(&[], form_of(6 << 10)).await;
        pieces.unbounded_send(Ok(Bytes::copy_from_slice(end.as_bytes()))).unwrap();
        drop(pieces);
        second
    };
    let (first, second) = futures::join!(first, meanwhile);
    assert_eq!((second.status, second.error().as_str()), (StatusCode::FORBIDDEN, "quota_stored_bytes"));
    assert_eq!(first.status, StatusCode::OK, "{:?}", first.body);
    assert_eq!(server.upload(&[], form_of(4 << 10)).await.status, StatusCode::OK, "what was refused counts no more");
}

#[tokio::test]
async fn what_was_accepted_before_is_answered_again_though_there_is_no_room() {
    let server = server_of(10 << 10);
    let key = [("idempotency-key", "k")];
    let first = server.upload(&key, form_of(9 << 10)).await;
    assert_eq!(first.status, StatusCode::OK, "{:?}", first.body);
    let files = server.memory.blobs.paths();
    let again = server.upload(&key, form_of(9 << 10)).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    let another = server.upload(&[("idempotency-key", "l")], form_of(9 << 10)).await;
    assert_eq!((another.status, another.error().as_str()), (StatusCode::FORBIDDEN, "quota_stored_bytes"));
    for _ in 0..1000 {
        if server.memory.blobs.paths() == files {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("left behind: {:?}", server.memory.blobs.paths());
}
