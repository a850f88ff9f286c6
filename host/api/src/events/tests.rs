//! Streams of events over stores in memory.

use super::of_all::AllStream;
use crate::Api;
use crate::router;
use crate::testing::{Memory, app, event, record};
use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use futures::StreamExt as _;
use morag_core::ports::FeedPosition;
use morag_core::task::{Event, EventKind, TaskId, TaskRecord};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

fn step(sequence: u64) -> Event {
    event(sequence, EventKind::StepStarted { step: "chunking".into(), stage: "chunking".into() })
}

fn end(sequence: u64) -> Event {
    event(sequence, EventKind::TaskCancelled { step: None, stage: None })
}

fn append(memory: &Memory, task: TaskId, event: Event) {
    memory.store.append(task, vec![event]);
}

async fn ask(app: &Arc<Api>, path: &str, last: Option<&str>) -> Response {
    let mut request = Request::get(path).header(header::AUTHORIZATION, "Bearer test-api-key");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    router(app.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn listen(app: &Arc<Api>, path: &str, last: Option<&str>) -> Blocks {
    let response = ask(app, path, last).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    Blocks { body: response.into_body().into_data_stream(), text: String::new() }
}

/// Blocks of a stream.
struct Blocks {
    body: BodyDataStream,
    text: String,
}

impl Blocks {
    /// The next block; none at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let bytes = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// Id and type of the next event; comments are passed over. None at the end.
    async fn event(&mut self) -> Option<(String, String)> {
        loop {
            let block = self.next().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(kind)) = (field("id: "), field("event: ")) {
                let body: serde_json::Value = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                assert_eq!(body["event_type"], kind.as_str());
                return Some((id, kind));
            }
        }
    }
}

fn shown(event: Option<(String, String)>) -> String {
    event.map_or_else(|| "end".into(), |(id, kind)| format!("{id} {kind}"))
}

#[tokio::test]
async fn a_task_is_told_from_its_first_event_to_its_last() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let task = memory.store.add(record(), vec![step(1), step(2)]);
    let other = memory.store.add(record(), vec![]);
    let mut stream = listen(&app, &format!("/api/v1/status/{task}/events"), None).await;
    assert_eq!(stream.next().await.unwrap(), "retry: 3000");
    assert_eq!(shown(stream.event().await), "1 step_started");
    assert_eq!(shown(stream.event().await), "2 step_started");
    append(&memory, other, step(1));
    append(&memory, task, step(3));
    append(&memory, task, end(4));
    assert_eq!(shown(stream.event().await), "3 step_started");
    assert_eq!(shown(stream.event().await), "4 task_cancelled");
    assert_eq!(stream.next().await.unwrap(), ": the task has ended");
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn an_ended_task_is_told_from_any_event_on_and_who_has_it_all_is_told_to_stop() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let task = memory.store.add(record(), vec![step(1), step(2), end(3)]);
    let path = format!("/api/v1/status/{task}/events");
    for after in 0..3 {
        let mut stream = listen(&app, &path, Some(&after.to_string())).await;
        for sequence in after + 1..=3 {
            assert_eq!(stream.event().await.unwrap().0, sequence.to_string());
        }
        assert_eq!(stream.event().await, None);
    }
    assert_eq!(ask(&app, &path, Some("3")).await.status(), StatusCode::NO_CONTENT);
    let filtered = format!("{path}?events=step.*");
    assert_eq!(ask(&app, &filtered, Some("2")).await.status(), StatusCode::NO_CONTENT);
    // The second name is that of libraries for browsers, whose own `EventSource` sends no header of ours.
    for name in ["last_event_id", "lastEventId"] {
        let mut stream = listen(&app, &format!("{path}?events=task_*&{name}=1"), None).await;
        assert_eq!(shown(stream.event().await), "3 task_cancelled", "{name}");
    }
    let mut stream = listen(&app, &filtered, None).await;
    assert_eq!((stream.event().await.unwrap().0, stream.event().await.unwrap().0), ("1".into(), "2".into()));
    // What the filter passed over is behind the reader too.
    assert_eq!(stream.next().await.unwrap(), ": the task has ended\nid: 3");
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let task = memory.store.add(record(), vec![step(1)]);
    let of_task = format!("/api/v1/status/{task}/events");
    let long = "1".repeat(129);
    for (path, last) in [
        (of_task.as_str(), "2"),
        (&of_task, "-1"),
        (&of_task, "x"),
        (&of_task, &long),
        ("/api/v1/events", "x"),
        ("/api/v1/events", "1.2"),
        ("/api/v1/events", &long),
    ] {
        assert_eq!(ask(&app, path, Some(last)).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path} {last}");
    }
    for path in [&of_task, "/api/v1/events"] {
        let path = format!("{path}?events=task_*,nonsense");
        assert_eq!(ask(&app, &path, None).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let unknown = format!("/api/v1/status/{}/events", TaskId::random());
    assert_eq!(ask(&app, &unknown, None).await.status(), StatusCode::NOT_FOUND);
    let open = Request::get("/api/v1/events").body(Body::empty()).unwrap();
    assert_eq!(router(app).oneshot(open).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn all_events_go_on_after_every_id_without_gap_or_repetition() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let mut first = listen(&app, "/api/v1/events", None).await;
    let start = first.next().await.unwrap().strip_prefix("retry: 3000\nid: ").unwrap().to_owned();
    let tasks = [memory.store.add(record(), vec![]), memory.store.add(record(), vec![])];
    let mut ids = vec![start];
    for number in 0..120 {
        append(&memory, tasks[number % 2], step(number as u64 / 2 + 1));
        ids.push(first.event().await.unwrap().0);
    }
    for (seen, id) in ids.iter().enumerate() {
        let mut again = listen(&app, "/api/v1/events", Some(id)).await;
        // One more happens at the seam, between the answer and the first read.
        if seen == 7 {
            append(&memory, tasks[0], step(61));
            ids_of(&mut again, &ids[seen + 1..]).await;
            assert_eq!(again.event().await.unwrap().0, first.event().await.unwrap().0);
        } else {
            ids_of(&mut again, &ids[seen + 1..]).await;
        }
    }
}

async fn ids_of(stream: &mut Blocks, expected: &[String]) {
    for id in expected {
        assert_eq!(&stream.event().await.unwrap().0, id);
    }
}

#[tokio::test]
async fn a_place_that_is_not_known_is_said_to_be_a_gap() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let task = memory.store.add(record(), vec![step(1), step(2)]);
    let mut stream = listen(&app, "/api/v1/events", Some(&format!("9.{task}.9"))).await;
    assert_eq!(stream.event().await.unwrap().1, "gap");
    assert_eq!(shown(stream.event().await), format!("1.{task}.1 step_started"));
    assert_eq!(shown(stream.event().await), format!("2.{task}.2 step_started"));
    append(&memory, task, end(3));
    assert_eq!(shown(stream.event().await), format!("3.{task}.3 task_cancelled"));
}

#[tokio::test]
async fn a_heartbeat_has_the_id_to_go_on_from_where_that_has_changed() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let task = memory.store.add(record(), vec![]);
    let news = app.live.subscribe().await.unwrap();
    let often = tokio::time::interval(Duration::from_millis(5));
    let (tenant, own) = (Default::default(), Some(news.start()));
    let mut stream = AllStream::new(app, tenant, own, "task_*".parse().unwrap(), None, news, often);
    let mut next = async || String::from_utf8(Bytes::from(stream.next().await.unwrap()).into()).unwrap();
    assert_eq!(next().await, "retry: 3000\nid: 0\n\n");
    assert_eq!(next().await, ": heartbeat\n\n");
    // The filter passes it over: it is not to be read again.
    append(&memory, task, step(1));
    let moved = loop {
        let text = next().await;
        if text != ": heartbeat\n\n" {
            break text;
        }
    };
    assert_eq!(moved, format!(": heartbeat\nid: 1.{task}.1\n\n"));
    assert_eq!(next().await, ": heartbeat\n\n");
}

#[tokio::test]
async fn a_stream_has_nothing_of_another_tenant_not_even_in_its_ids() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let tenant: morag_core::task::TenantId = "acme".parse().unwrap();
    let own = memory.store.add(TaskRecord { tenant: tenant.clone(), ..record() }, vec![]);
    let other = memory.store.add(record(), vec![step(1)]);
    let read = async |after: Option<FeedPosition>, wanted: &str| {
        let news = app.live.subscribe().await.unwrap();
        let often = tokio::time::interval(Duration::from_millis(5));
        let start = super::own_start(&app, &tenant, after, news.start()).await.unwrap();
        let all = "*".parse().unwrap();
        let mut stream = AllStream::new(app.clone(), tenant.clone(), start, all, after, news, often);
        let mut texts = Vec::<String>::new();
        // The last is a heartbeat after what is waited for, with an id that is gone on from.
        while !texts.concat().contains(wanted) || !texts.last().is_some_and(|text| text.contains("heartbeat")) {
            if texts.is_empty() && after.is_none() {
                append(&memory, other, step(2));
                append(&memory, own, step(1));
                append(&memory, other, step(3));
            }
            texts.push(String::from_utf8(Bytes::from(stream.next().await.unwrap()).into()).unwrap());
        }
        let text = texts.concat();
        let id = text.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap().to_owned();
        (text, id.parse::<FeedPosition>().unwrap())
    };
    let (text, id) = read(None, "event: step_started").await;
    assert_eq!(text.matches("event: step_started").count(), 1, "{text}");
    assert!(text.contains(&own.to_string()) && !text.contains(&other.to_string()), "{text}");
    append(&memory, other, step(4));
    append(&memory, own, step(2));
    let (text, _) = read(Some(id), "event: step_started").await;
    assert_eq!(text.matches("event: step_started").count(), 1, "what was seen does not come again: {text}");
    assert!(text.contains(&format!(".{own}.2")) && !text.contains(&other.to_string()), "{text}");
}

#[tokio::test]
async fn a_reader_that_is_slow_is_ended_and_goes_on_by_its_last_id() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let task = memory.store.add(record(), vec![]);
    let mut slow = listen(&app, "/api/v1/events", None).await;
    let mut fast = listen(&app, "/api/v1/events", None).await;
    let start = slow.next().await.unwrap().strip_prefix("retry: 3000\nid: ").unwrap().to_owned();
    // As many as are kept for listeners, and one.
    for sequence in 1..=1025 {
        append(&memory, task, step(sequence));
        assert_eq!(fast.event().await.unwrap().0, format!("{sequence}.{task}.{sequence}"));
    }
    // On a slow machine, a heartbeat comes before them.
    let last_words = loop {
        match slow.next().await.unwrap() {
            heartbeat if heartbeat.starts_with(": heartbeat") => {}
            words => break words,
        }
    };
    assert!(last_words.contains("faster") && !last_words.contains("\nid:"), "{last_words}");
    assert_eq!(slow.next().await, None);
    let mut again = listen(&app, "/api/v1/events", Some(&start)).await;
    for sequence in 1..=1025 {
        assert_eq!(again.event().await.unwrap().0, format!("{sequence}.{task}.{sequence}"));
    }
}

#[tokio::test]
async fn every_stream_ends_when_the_process_stops() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let task = memory.store.add(record(), vec![step(1)]);
    let mut streams = vec![
        listen(&app, &format!("/api/v1/status/{task}/events"), None).await,
        listen(&app, "/api/v1/events", None).await,
        listen(&app, "/api/v1/events", Some("0")).await,
    ];
    memory.stop.cancel();
    for stream in &mut streams {
        while stream.next().await.is_some() {}
    }
}

#[tokio::test]
async fn one_reader_too_many_is_asked_to_come_later() {
    let memory = Arc::new(Memory::default());
    let app = app(&memory, &[]);
    let mut streams = Vec::new();
    for _ in 0..256 {
        streams.push(listen(&app, "/api/v1/events", None).await);
    }
    let refused = ask(&app, "/api/v1/events", None).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "5");
    streams.pop();
    assert_eq!(ask(&app, "/api/v1/events", None).await.status(), StatusCode::OK);
}
