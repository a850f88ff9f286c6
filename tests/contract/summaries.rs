//! Lists, feeds and delivery logs read no more of a task than they show, however large records and events are.

use crate::backends::{Backend, promises};
use crate::samples::{accept, append, claim_one, commit, object, task};
use morag_core::ports::{
    FEED_BYTES_MAX, Guard, ListFilter, NewTask, PENDING_BYTES_MAX, Queue, StoreError, TaskMark, TaskOutline,
};
use morag_core::task::{Event, EventKind, RecordSummary, Resources, StatusWord, TaskId};
use morag_core::{PAGE_BYTES_MAX, tree_bytes};
use serde_json::json;

promises!(
    a_list_shows_what_was_accepted_and_not_the_metadata,
    a_mark_tells_how_far_a_task_is,
    an_outline_has_the_types_of_all_events,
    a_page_of_recent_events_ends_where_they_are_large,
    a_page_of_the_feed_ends_where_its_events_are_large,
    a_page_of_the_feed_ends_where_its_records_are_large,
    a_cursor_reads_few_events_if_they_are_large,
);

/// Values with the largest memory use per byte of JSON: objects with one entry.
fn worst(count: usize) -> serde_json::Value {
    json!(vec![json!({"": 0}); count])
}

fn with_metadata(backend: &impl Backend, endpoints: &[&str]) -> NewTask {
    let mut new = task(backend, endpoints);
    new.record.metadata = object(json!({"worst": worst(8_000)})).into();
    new
}

/// The end of a step whose data takes about 3 MB of memory.
fn large(sequence: u64, at: morag_core::Timestamp) -> Event {
    let kind = EventKind::StepCompleted {
        step: "chunking".into(),
        stage: "chunking".into(),
        data: object(json!({"worst": worst(10_000)})),
        artifacts: vec![],
        resources: Resources::default(),
    };
    Event { sequence, timestamp: at, progress_percent: 50.0, message: format!("event {sequence}"), span: None, kind }
}

async fn append_large(backend: &impl Backend, id: TaskId, count: u64) {
    let store = backend.store();
    for _ in 0..count {
        let last = store.load(id).await.unwrap().unwrap().last_sequence();
        let mut next = commit(backend, id, Guard::Sequence(last), last + 1..=last + 1);
        next.events = vec![large(last + 1, backend.now())];
        store.commit(next).await.unwrap();
    }
}

fn bytes(event: &Event) -> usize {
    tree_bytes(&serde_json::to_string(event).unwrap())
}

async fn a_list_shows_what_was_accepted_and_not_the_metadata(backend: impl Backend) {
    let store = backend.store();
    let mut expected = Vec::new();
    for _ in 0..3 {
        let mut new = with_metadata(&backend, &["task"]);
        new.record.endpoints[0].url = "http://127.0.0.1:8009/webhook?token=s3cret".parse().unwrap();
        expected.push((new.record.id, RecordSummary::of(&new.record)));
        accept(&*store, new).await;
    }
    expected.reverse();
    let page = store.list(&ListFilter { limit: 10, ..ListFilter::default() }).await.unwrap();
    let found: Vec<_> = page.items.iter().map(|item| (item.task, item.accepted.clone())).collect();
    assert_eq!(found, expected);
    let shown = format!("{page:?}");
    assert!(shown.len() < 3 * 4096 && !shown.contains("s3cret"), "{} bytes: {shown:.4000}", shown.len());
}

async fn a_mark_tells_how_far_a_task_is(backend: impl Backend) {
    let store = backend.store();
    assert_eq!(store.mark(TaskId::random()).await, Ok(None));
    let id = accept(&*store, task(&backend, &[])).await;
    let mark = |status, last_sequence, live_percent| Ok(Some(TaskMark { status, last_sequence, live_percent }));
    assert_eq!(store.mark(id).await, mark(StatusWord::Pending, 0, 0.0));
    append(&backend, id, 3).await.unwrap();
    let report = morag_core::ports::Commit {
        events: vec![],
        live_percent: 12.5,
        ..commit(&backend, id, Guard::Sequence(3), 4..=4)
    };
    store.commit(report).await.unwrap();
    assert_eq!(store.mark(id).await, mark(StatusWord::InProgress, 3, 12.5));
}

async fn an_outline_has_the_types_of_all_events(backend: impl Backend) {
    let store = backend.store();
    assert_eq!(store.outline(TaskId::random()).await, Ok(None));
    let new = with_metadata(&backend, &["task"]);
    let (id, accepted) = (new.record.id, RecordSummary::of(&new.record));
    accept(&*store, new).await;
    for (more, count) in [(0, 0), (1, 1), (15, 16), (1, 17), (40, 57)] {
        if more > 0 {
            append(&backend, id, more).await.unwrap();
        }
        let types = (1..=count).map(|n: u64| if n == 1 { "task_started" } else { "task_progress" }.to_owned());
        let expected = TaskOutline { accepted: accepted.clone(), event_types: types.collect() };
        assert_eq!(store.outline(id).await, Ok(Some(expected)));
    }
}

async fn a_page_of_recent_events_ends_where_they_are_large(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    append_large(&backend, id, 20).await;
    let (mut cursor, mut seen) = (None::<String>, Vec::new());
    loop {
        let page = store.recent(&Default::default(), backend.now(), 1000, cursor.as_deref()).await.unwrap();
        let size: usize = page.items.iter().map(|item| bytes(&item.event)).sum();
        assert!((1..=PAGE_BYTES_MAX).contains(&size), "{size} bytes in {} events", page.items.len());
        seen.extend(page.items.iter().map(|item| item.event.sequence));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=20).rev().collect::<Vec<_>>());
}

/// Reads the feed to its end. Returns the sequences of each page, and the size of the largest page without its last event.
async fn feed(backend: &impl Backend, from: morag_core::ports::FeedPosition) -> (Vec<u64>, usize) {
    let (store, mut position, mut seen, mut largest) = (backend.store(), from, Vec::new(), 0);
    loop {
        let page = store.since(position, 1000).await.unwrap();
        assert!(!page.gap);
        position = page.position;
        let size = |item: &morag_core::ports::FeedItem| {
            bytes(&item.event) + serde_json::to_string(&*item.record).unwrap().len()
        };
        largest = largest.max(page.items.iter().skip(1).map(size).sum::<usize>());
        seen.extend(page.items.iter().map(|item| item.event.sequence));
        match page.next {
            morag_core::ports::FeedNext::Now => {}
            morag_core::ports::FeedNext::After(time) => tokio::time::sleep(time).await,
            morag_core::ports::FeedNext::OnChange => return (seen, largest),
        }
    }
}

async fn a_page_of_the_feed_ends_where_its_events_are_large(backend: impl Backend) {
    let store = backend.store();
    let tail = store.tail().await.unwrap();
    let id = accept(&*store, task(&backend, &[])).await;
    append_large(&backend, id, 4).await;
    append(&backend, id, 100).await.unwrap();
    let (seen, largest) = feed(&backend, tail).await;
    assert_eq!(seen, (1..=104).collect::<Vec<_>>());
    assert!(largest <= FEED_BYTES_MAX, "{largest}");
}

async fn a_page_of_the_feed_ends_where_its_records_are_large(backend: impl Backend) {
    let store = backend.store();
    let tail = store.tail().await.unwrap();
    for _ in 0..30 {
        let id = accept(&*store, with_metadata(&backend, &[])).await;
        append(&backend, id, 2).await.unwrap();
    }
    let (seen, largest) = feed(&backend, tail).await;
    assert_eq!(seen.len(), 60);
    assert!(largest <= FEED_BYTES_MAX, "{largest}");
}

async fn a_cursor_reads_few_events_if_they_are_large(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &["task"])).await;
    append(&backend, id, 2).await.unwrap();
    append_large(&backend, id, 3).await;
    crate::samples::end(&backend, id, StatusWord::Completed).await;
    let lease = claim_one(&*store, Queue::Deliveries).await;
    let mut seen = Vec::new();
    while seen.len() < 6 {
        let pending = store.pending(&lease, 16).await.unwrap().unwrap();
        assert_eq!(pending.is_end, pending.events.last().is_some_and(|event| event.sequence == 6));
        let size: usize = pending.events.iter().skip(1).map(bytes).sum();
        assert!(size <= PENDING_BYTES_MAX, "{size}");
        for event in pending.events {
            seen.push(event.sequence);
            let moved = store.advance(&lease, morag_core::ports::CursorMove::Skip, None).await;
            moved.map_err(|error| StoreError::Corrupt(error.to_string())).unwrap();
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
}
