//! Live events, and clients that lose the connection, stop reading or lose the server.

use morag_tests::receiver::Receiver;
use morag_tests::redis::{ACCEPT_LOSS, RedisOptions, RedisServer};
use morag_tests::server::{PATIENCE, Server};
use morag_tests::sse::{Block, EventSource, SseEvent, request};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

fn of_task(task: &str) -> String {
    format!("/api/v1/status/{task}/events")
}

/// Task and sequence of an event in the stream of all tasks.
fn place(event: &SseEvent) -> (String, u64) {
    let mut parts = event.id.split('.').skip(1);
    let task = parts.next().expect("a task").to_owned();
    (task, parts.next().expect("a sequence").parse().expect("a number"))
}

fn ends_task(event: &SseEvent) -> bool {
    matches!(event.event.as_str(), "task_completed" | "task_failed" | "task_cancelled")
}

/// Sequence and type of each event in a task's history.
async fn history(server: &Server, task: &str) -> Vec<(u64, String)> {
    let body = server.get(&format!("/api/v1/status/{task}/history?order=asc")).await;
    let event = |item: &Value| {
        (item["sequence"].as_u64().expect("a number"), item["event_type"].as_str().expect("a type").to_owned())
    };
    body["history"].as_array().expect("events").iter().map(event).collect()
}

/// Asserts that these events are the histories of these tasks: each event once, and those of a task in order.
async fn assert_histories(server: &Server, events: &[SseEvent], tasks: &BTreeSet<String>) {
    let mut streamed: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for event in events {
        assert_ne!(event.event, "gap");
        let (task, sequence) = place(event);
        streamed.entry(task).or_default().push((sequence, event.event.clone()));
    }
    assert_eq!(streamed.keys().cloned().collect::<BTreeSet<_>>(), *tasks);
    for (task, events) in streamed {
        assert_eq!(events, history(server, &task).await, "{task}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_the_bodies_that_are_delivered() {
    let server = Server::start().await;
    let receiver = Receiver::start().await;
    let mut all = EventSource::connect(&server, "/api/v1/events", None).await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[("webhook_url", &receiver.url)]).await;
    let mut one = EventSource::connect(&server, &of_task(&task), None).await;
    let mut streamed = Vec::new();
    while let Some(event) = one.event().await {
        assert_eq!(event.id, (streamed.len() + 1).to_string());
        streamed.push(event);
    }
    assert_eq!((streamed.len(), one.retry), (17, Some(3000)));
    let delivered: Vec<_> = receiver.wait_for_end().await.iter().map(|one| (one.event_type(), one.json())).collect();
    let bodies: Vec<_> = streamed.into_iter().map(|event| (event.event, event.data)).collect();
    assert_eq!(bodies, delivered);
    for (event_type, body) in bodies {
        let event = all.event().await.expect("an event");
        assert_eq!((event.event, event.data), (event_type, body));
    }
    // A client that has all events of an ended task is told not to reconnect.
    assert_eq!(
        request(&server.client, &server.url, &of_task(&task), Some("17")).await.status(),
        StatusCode::NO_CONTENT
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_resumes_after_its_last_id() {
    let server = Server::start().await;
    let path = "/api/v1/events?events=step.*,task_completed";
    let mut reader = EventSource::connect(&server, path, None).await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    // Cut after each event, so that live events and stored ones meet anywhere.
    let mut streamed = Vec::new();
    while streamed.last().is_none_or(|event| !ends_task(event)) {
        streamed.push(reader.event().await.expect("an event"));
        reader = EventSource::connect(&server, path, Some(&reader.last_id)).await;
    }
    let sequences: Vec<_> = streamed.iter().map(|event| (place(event).1, event.event.clone())).collect();
    let mut expected = history(&server, &task).await;
    expected.retain(|(_, kind)| kind.starts_with("step_") || kind == "task_completed");
    assert_eq!(sequences, expected);

    let path = of_task(&task);
    for sequence in 0..17_u64 {
        // As a client does that cannot set the header.
        let with_query = format!("{path}?last_event_id={sequence}");
        let mut reader = EventSource::connect(&server, &with_query, None).await;
        for next in sequence + 1..=17 {
            assert_eq!(reader.event().await.expect("an event").id, next.to_string());
        }
        assert_eq!(reader.next().await, Block::Comment("the task has ended".into()));
        assert_eq!(reader.next().await, Block::End(true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_streams_at_once_and_the_next_process_resumes_them() {
    // A stream that delayed the stop would delay it for longer than the test waits.
    let server = Server::start_with(&[("MORAG_DRAIN_TIMEOUT", "1h")]).await;
    let mut reader = EventSource::connect(&server, "/api/v1/events", None).await;
    let first = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    let mut events = Vec::new();
    while events.last().is_none_or(|event| !ends_task(event)) {
        events.push(reader.event().await.expect("an event"));
    }
    let waits = server.submit("note.md", morag_fixtures::one_page_markdown(2), &[]).await;
    server.wait_for_end(&waits).await;
    let server = server.terminate_and_restart().await;
    let last = loop {
        match reader.next().await {
            Block::Event(event) => events.push(event),
            Block::Comment(text) => assert!(text.contains("stops") || text == "heartbeat", "{text}"),
            Block::End(whole) => break whole,
        }
    };
    assert!(last, "the stream was ended, not cut");
    let second = server.submit("note.md", morag_fixtures::one_page_markdown(3), &[]).await;
    let tasks = BTreeSet::from([first, waits, second]);
    let mut reader = EventSource::connect(&server, "/api/v1/events", Some(&reader.last_id)).await;
    while events.iter().filter(|event| ends_task(event)).count() < tasks.len() {
        events.push(reader.event().await.expect("an event"));
    }
    assert_histories(&server, &events, &tasks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_dropped_and_resumes() {
    /// Each has five events that are larger than the limit below: more than readers' buffers and the sockets hold.
    const TASKS: usize = 110;
    const METADATA_BYTES: usize = 60_000;
    let server = Server::start().await;
    let mut slow = EventSource::connect(&server, "/api/v1/events", None).await;
    let mut fast = EventSource::connect(&server, "/api/v1/events?events=task_completed", None).await;
    let metadata = serde_json::json!({ "note": "x".repeat(METADATA_BYTES) }).to_string();
    let mut tasks = BTreeSet::new();
    for _ in 0..TASKS {
        tasks.insert(server.submit("note.md", b"# Note\n\nShort.".to_vec(), &[("metadata", &metadata)]).await);
    }
    for _ in 0..TASKS {
        assert!(fast.event().await.is_some(), "an active reader is not dropped");
    }
    let mut events = Vec::new();
    while let Some(event) = slow.event().await {
        events.push(event);
    }
    let all = TASKS * 17;
    assert!(events.len() < all, "the slow reader was dropped");
    let mut again = EventSource::connect(&server, "/api/v1/events", Some(&slow.last_id)).await;
    while events.len() < all {
        events.push(again.event().await.expect("an event"));
    }
    assert_histories(&server, &events, &tasks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_has_heartbeats() {
    let server = Server::start().await;
    let mut reader = EventSource::connect(&server, "/api/v1/events", None).await;
    assert_eq!(reader.next().await, Block::Comment("heartbeat".into()));
    // The client has a resume position before the first event.
    assert!(!reader.last_id.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_answers_at_the_next_change() {
    let redis = RedisServer::start();
    let url = redis.url();
    // No worker runs: the task changes only when it is cancelled.
    let server = Server::start_with(&[("REDIS_URL", &url), ("MORAG_ROLE", "api"), ACCEPT_LOSS]).await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    let path = format!("/api/v1/status/{task}?wait=60");
    let asked = tokio::spawn(server.request(Method::GET, &path).send());
    let asked_briefly = server.get(&format!("/api/v1/status/{task}?wait=1")).await;
    assert_eq!(asked_briefly["status"], "pending");
    assert!(!asked.is_finished(), "nothing has changed yet");
    let cancelled = server.request(Method::POST, &format!("/api/v1/cancel/{task}")).send().await.expect("an answer");
    assert_eq!(cancelled.status(), StatusCode::OK);
    let answer: Value = asked.await.expect("it ends").expect("an answer").json().await.expect("a JSON body");
    assert_eq!(answer["status"], "cancelled");
    // Nothing can change any more, so it responds at once.
    assert_eq!(server.get(&path).await["status"], "cancelled");
    for wait in ["61", "-1", "soon"] {
        let path = format!("/api/v1/status/{task}?wait={wait}");
        let refused = server.request(Method::GET, &path).send().await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wait}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_answers_at_a_change_that_another_process_commits() {
    /// Well below the time after which a waiting process reads the store without an event, 5 s after the wait began: a faster response came
    /// by the feed.
    const PROMPT: Duration = Duration::from_secs(2);
    let redis = RedisServer::start();
    let url = redis.url();
    let settings = [("REDIS_URL", url.as_str()), ("MORAG_ROLE", "api"), ACCEPT_LOSS];
    let (server, other) = (Server::start_with(&settings).await, Server::start_with(&settings).await);
    let mut quickest = Duration::MAX;
    // The fastest of a few: on a busy machine one may take longer.
    for _ in 0..5 {
        let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
        let path = format!("/api/v1/status/{task}?wait=60");
        let asked = tokio::spawn(server.request(Method::GET, &path).send());
        // When a second wait has ended, the first one is subscribed.
        server.get(&format!("/api/v1/status/{task}?wait=1")).await;
        assert!(!asked.is_finished(), "nothing has changed yet");
        let began = Instant::now();
        let cancel = other.request(Method::POST, &format!("/api/v1/cancel/{task}")).send().await.expect("an answer");
        assert_eq!(cancel.status(), StatusCode::OK);
        let answer: Value = asked.await.expect("it ends").expect("an answer").json().await.expect("a JSON body");
        assert_eq!(answer["status"], "cancelled");
        quickest = quickest.min(began.elapsed());
        if quickest < PROMPT {
            return;
        }
    }
    panic!("no change of the other process came by the feed: the quickest took {quickest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_across_kills_match_the_histories() {
    streamed_over_kills(Server::start_with(&[("MORAG_LEASE_SECONDS", "1")]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_across_kills_match_the_histories_in_redis() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let settings = [("REDIS_URL", redis.url()), ("MORAG_LEASE_SECONDS", "1".into())];
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    streamed_over_kills(Server::start_with(&settings).await).await;
}

async fn streamed_over_kills(mut server: Server) {
    const TASKS: u32 = 30;
    const KILLS: usize = 4;
    let mut reader = EventSource::connect(&server, "/api/v1/events", None).await;
    let mut tasks = BTreeSet::new();
    for number in 0..TASKS {
        tasks.insert(server.submit("note.md", morag_fixtures::one_page_markdown(number as _), &[]).await);
    }
    let (mut events, mut kills, began): (Vec<SseEvent>, _, _) = (Vec::new(), 0, Instant::now());
    while events.iter().filter(|event| ends_task(event)).count() < tasks.len() {
        match reader.next().await {
            Block::Event(event) => events.push(event),
            Block::Comment(_) => {}
            Block::End(_) => reader = EventSource::connect(&server, "/api/v1/events", Some(&reader.last_id)).await,
        }
        assert!(began.elapsed() < PATIENCE, "{} events", events.len());
        // Spread over the tasks' events.
        if kills < KILLS && events.len() > (kills + 1) * 17 * tasks.len() / (KILLS + 2) {
            server = server.kill_and_restart().await;
            kills += 1;
        }
    }
    assert_eq!(kills, KILLS);
    assert_histories(&server, &events, &tasks).await;
}
