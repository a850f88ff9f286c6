//! Waiting for a task: `?wait=` and `POST /api/v1/process`.

use super::counting::{Counting, Tail};
use super::*;
use crate::testing::app_on;
use morag_core::ports::{Commit, Guard, Next, Tasks as _};
use morag_core::task::StatusWord;
use morag_engine::News;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Well below the time after which the store is read without an event (2 s and more): what takes less came by the feed.
const PROMPT: Duration = Duration::from_millis(1500);

fn counted() -> (Arc<Server>, Arc<Counting>) {
    let memory = Arc::new(Memory::default());
    let counting = Counting::new(&memory);
    (Arc::new(Server { router: router(app_on(&memory, counting.ports())), memory }), counting)
}

fn started() -> Vec<Event> {
    vec![event(1, 0.0, EventKind::TaskStarted { retry: None })]
}

fn cancelled() -> Vec<Event> {
    cancelled_at(1)
}

fn cancelled_at(sequence: u64) -> Vec<Event> {
    vec![event(sequence, 0.0, EventKind::TaskCancelled { step: None, stage: None })]
}

/// Begins a wait, and returns when it listens: after its second read.
async fn waiting(
    server: &Arc<Server>,
    counting: &Counting,
    path: String,
) -> tokio::task::JoinHandle<(Answer, Duration)> {
    counting.take("mark");
    let (server, start) = (server.clone(), Instant::now());
    let waiting = tokio::spawn(async move { (server.get(&path).await, start.elapsed()) });
    counting.until_called("mark", 2).await;
    assert!(!waiting.is_finished());
    waiting
}

#[tokio::test]
async fn a_long_poll_ends_with_the_next_change_or_its_time() {
    let (server, counting) = counted();
    let task = server.memory.store.add(record(), vec![]);
    assert_eq!(server.get(&format!("/api/v1/status/{task}?wait=1")).await.json()["status"], "pending");
    let waiting = waiting(&server, &counting, format!("/api/v1/status/{task}?wait=60")).await;
    server.memory.store.append(task, cancelled());
    let (answer, elapsed) = waiting.await.unwrap();
    assert_eq!(answer.json()["status"], "cancelled");
    assert!(elapsed < PROMPT, "{elapsed:?}");
    assert_eq!(server.get(&format!("/api/v1/status/{task}?wait=61")).await.fields(), ["wait"]);
}

#[tokio::test]
async fn a_task_that_has_ended_is_answered_at_once_without_the_feed() {
    let (server, counting) = counted();
    let task = server.memory.store.add(record(), failed());
    assert_eq!(server.get(&format!("/api/v1/status/{task}?wait=60")).await.json()["status"], "failed");
    assert_eq!((counting.take("mark"), counting.take("load"), counting.take("tail")), (1, 1, 0));
}

#[tokio::test]
async fn a_wait_on_an_idle_task_reads_the_store_a_few_times() {
    let (server, counting) = counted();
    for (events, most) in [(vec![], 2), (started(), 3)] {
        let task = server.memory.store.add(record(), events);
        let other = server.memory.store.add(record(), vec![]);
        let path = format!("/api/v1/status/{task}?wait=3");
        let noise = async {
            for sequence in 1..20 {
                server.memory.store.append(other, vec![event(sequence, 0.0, EventKind::TaskStarted { retry: None })]);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let (answer, ()) = tokio::join!(server.get(&path), noise);
        assert_eq!(answer.status, StatusCode::OK);
        let marks = counting.take("mark");
        assert!(marks <= most, "{marks} reads of how far the task is, in 3 seconds");
        assert_eq!(counting.take("load"), 1);
    }
}

#[tokio::test]
async fn a_change_between_the_first_read_and_the_subscription_ends_the_wait() {
    let (server, counting) = counted();
    let task = server.memory.store.add(record(), vec![]);
    *counting.on_tail.lock().unwrap() = Some(Box::new(move |memory| memory.store.append(task, cancelled())));
    let start = Instant::now();
    let answer = server.get(&format!("/api/v1/status/{task}?wait=60")).await;
    assert_eq!(answer.json()["status"], "cancelled");
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    assert!(counting.on_tail.lock().unwrap().is_none(), "it came in between");
}

#[tokio::test]
async fn saved_progress_and_a_lost_event_end_a_wait_a_little_later() {
    let (server, counting) = counted();
    let (step, stage) = ("markdown_conversion".to_owned(), "content_processing".to_owned());
    let mut events = started();
    events.push(event(2, 0.0, EventKind::StepStarted { step, stage }));
    let task = server.memory.store.add(record(), events);
    let path = format!("/api/v1/status/{task}?wait=60");
    let store = &server.memory.store;

    let saved = waiting(&server, &counting, path.clone()).await;
    // Progress of a running step is saved without an event.
    let commit = Commit {
        task,
        guard: Guard::Sequence(2),
        events: vec![],
        live_percent: 12.5,
        status: StatusWord::InProgress,
        next: Next::Keep,
    };
    store.commit(commit).await.unwrap();
    let (answer, elapsed) = saved.await.unwrap();
    assert_eq!((&answer.json()["status"], &answer.json()["progress_percent"]), (&json!("in_progress"), &json!(12.5)));
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");

    let lost = waiting(&server, &counting, path).await;
    counting.loses_events.store(true, Ordering::SeqCst);
    store.append(task, cancelled_at(3));
    let (answer, elapsed) = lost.await.unwrap();
    assert_eq!(answer.json()["status"], "cancelled");
    assert!((PROMPT..Duration::from_secs(30)).contains(&elapsed), "{elapsed:?}");
}

#[tokio::test]
async fn a_wait_reads_the_store_where_the_feed_s_end_cannot_be_read() {
    for tail in [Tail::Fails, Tail::Hangs] {
        let (server, counting) = counted();
        *counting.tail.lock().unwrap() = tail;
        let task = server.memory.store.add(record(), vec![]);
        let waiting = tokio::spawn({
            let server = server.clone();
            async move { server.get(&format!("/api/v1/status/{task}?wait=60")).await }
        });
        counting.until_called("tail", 1).await;
        let start = Instant::now();
        server.memory.store.append(task, cancelled());
        let answer = waiting.await.unwrap();
        assert_eq!((answer.status, &answer.json()["status"]), (StatusCode::OK, &json!("cancelled")), "{tail:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{tail:?}: {:?}", start.elapsed());
        let start = Instant::now();
        let other = server.memory.store.add(record(), vec![]);
        assert_eq!(server.get(&format!("/api/v1/status/{other}?wait=1")).await.status, StatusCode::OK, "{tail:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{tail:?}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_wait_goes_on_through_many_events_of_others() {
    let (server, counting) = counted();
    let task = server.memory.store.add(record(), vec![]);
    let other = server.memory.store.add(record(), vec![]);
    let waiting = waiting(&server, &counting, format!("/api/v1/status/{task}?wait=60")).await;
    let many = (1..=5000).map(|sequence| event(sequence, 0.0, EventKind::TaskStarted { retry: None })).collect();
    server.memory.store.append(other, many);
    server.memory.store.append(task, cancelled());
    let (answer, elapsed) = waiting.await.unwrap();
    assert_eq!(answer.json()["status"], "cancelled");
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[tokio::test]
async fn a_wait_makes_the_body_of_no_event() {
    let memory = Arc::new(Memory::default());
    let counting = Counting::new(&memory);
    let app = app_on(&memory, counting.ports());
    let mut observer = app.live.subscribe().await.unwrap();
    let server = Arc::new(Server { router: router(app), memory });
    let (task, other) = (server.memory.store.add(record(), vec![]), server.memory.store.add(record(), vec![]));
    let waiting = waiting(&server, &counting, format!("/api/v1/status/{task}?wait=60")).await;
    let many = (1..=500).map(|sequence| event(sequence, 0.0, EventKind::TaskStarted { retry: None })).collect();
    server.memory.store.append(other, many);
    server.memory.store.append(task, cancelled());
    assert_eq!(waiting.await.unwrap().0.json()["status"], "cancelled");
    let (mut events, mut bodies) = (0, 0);
    while events < 501 {
        if let News::Event(event) = &*observer.next().await.unwrap() {
            events += 1;
            bodies += u32::from(event.has_body());
        }
    }
    // It was one for each of the 501.
    assert_eq!(bodies, 0);
}

#[tokio::test]
async fn process_waits_for_the_end_alone() {
    let (server, counting) = counted();
    let answer = tokio::spawn({
        let server = server.clone();
        async move { server.post("/api/v1/process", &[], form(&[("mode", "convert")], FILE)).await }
    });
    counting.until_called("since", 1).await;
    let task = server.memory.store.logs()[0].record.id;
    let mut events = completed(task);
    let end = events.split_off(2);
    server.memory.store.append(task, events);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!answer.is_finished(), "the task has not ended");
    put(&server, task, "markdown.md", MARKDOWN);
    let start = Instant::now();
    server.memory.store.append(task, end);
    let answer = answer.await.unwrap();
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    assert_eq!((answer.status, &answer.json()["content"]), (StatusCode::OK, &json!(MARKDOWN)));
    assert_eq!(counting.take("mark"), 2);
}

#[tokio::test]
async fn while_the_process_stops_the_store_is_read_instead_of_the_feed() {
    let (server, counting) = counted();
    let task = server.memory.store.add(record(), vec![]);
    let waiting = waiting(&server, &counting, format!("/api/v1/status/{task}?wait=60")).await;
    server.memory.stop.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished(), "nothing has changed");
    server.memory.store.append(task, cancelled());
    let (answer, elapsed) = waiting.await.unwrap();
    assert_eq!(answer.json()["status"], "cancelled");
    assert!(elapsed < PROMPT, "{elapsed:?}");
}
