//! The promises of [`morag_core::ports::Feed`].

use crate::backends::{Backend, Damaging, Part, Store, promises};
use crate::samples::{accept, append, end, task};
use futures::future::join_all;
use morag_core::ports::{FeedItem, FeedNext, FeedPage, FeedPosition, StoreError};
use morag_core::task::{StatusWord, TaskId};
use morag_tests::server::PATIENCE;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

promises!(
    an_empty_feed_ends_where_it_begins,
    what_is_committed_after_the_tail_comes_after_it,
    events_come_once_and_in_order_while_tasks_commit_at_once,
    reading_resumes_at_every_position,
    positions_are_valid_in_a_new_process,
    a_reader_of_small_pages_gets_what_one_of_large_pages_gets,
    trimmed_events_are_a_gap,
    a_position_of_another_store_is_a_gap,
    unreadable_events_are_a_gap,
    a_watch_notices_each_commit,
);

/// An event in the form that these tests compare.
pub type Seen = (TaskId, u64);

fn seen(item: &FeedItem) -> Seen {
    (item.record.id, item.event.sequence)
}

/// Reads until `count` events have come; fails if one is missing for long, or a gap is reported.
pub async fn read(store: &dyn Store, mut from: FeedPosition, count: usize, limit: usize) -> Vec<FeedItem> {
    let (mut items, began) = (Vec::new(), Instant::now());
    while items.len() < count {
        let page = store.since(from, limit).await.unwrap();
        assert!(!page.gap && page.items.len() <= limit && page.position >= from, "{page:?}");
        from = page.position;
        items.extend(page.items);
        assert!(began.elapsed() < PATIENCE, "{} of {count} events after {from}", items.len());
        match page.next {
            FeedNext::Now => {}
            FeedNext::After(time) => tokio::time::sleep(time).await,
            // Lets another task of this test commit.
            FeedNext::OnChange => tokio::task::yield_now().await,
        }
    }
    assert!(items.is_sorted_by(|one, other| one.position < other.position));
    items
}

/// Reads all events, until none is held back.
pub async fn rest(store: &dyn Store, mut from: FeedPosition, limit: usize) -> (Vec<Seen>, FeedPosition) {
    let mut events = Vec::new();
    loop {
        let page = store.since(from, limit).await.unwrap();
        assert!(!page.gap, "{page:?}");
        from = page.position;
        events.extend(page.items.iter().map(seen));
        match page.next {
            FeedNext::Now => {}
            FeedNext::After(time) => tokio::time::sleep(time).await,
            FeedNext::OnChange => return (events, from),
        }
    }
}

/// Fails unless these are exactly the events of these tasks, each once, and those of a task in order.
#[track_caller]
pub fn assert_complete(events: &[Seen], tasks: &[TaskId], each: u64) {
    let mut of_task: BTreeMap<TaskId, Vec<u64>> = BTreeMap::new();
    for (task, sequence) in events {
        of_task.entry(*task).or_default().push(*sequence);
    }
    let expected: Vec<u64> = (1..=each).collect();
    assert_eq!(of_task.len(), tasks.len());
    for task in tasks {
        assert_eq!(of_task[task], expected, "{task}");
    }
}

/// New tasks without events.
pub async fn tasks(backend: &impl Backend, count: usize) -> Vec<TaskId> {
    let store = backend.store();
    join_all((0..count).map(|_| accept(&*store, task(backend, &[])))).await
}

/// Adds this many events to each task concurrently, in commits of one to three.
pub async fn fill(backend: &impl Backend, tasks: &[TaskId], each: u64) {
    join_all(tasks.iter().map(|task| async move {
        let mut there = 0;
        while there < each {
            let count = (there % 3 + 1).min(each - there);
            append(backend, *task, count).await.unwrap();
            there += count;
        }
    }))
    .await;
}

async fn an_empty_feed_ends_where_it_begins(backend: impl Backend) {
    let store = backend.store();
    let tail = store.tail().await.unwrap();
    let page = store.since(tail, 10).await.unwrap();
    assert!(page.items.is_empty() && !page.gap && page.next == FeedNext::OnChange && page.position >= tail, "{page:?}");
}

async fn what_is_committed_after_the_tail_comes_after_it(backend: impl Backend) {
    let store = backend.store();
    let task = tasks(&backend, 1).await[0];
    for sequence in 1..=20 {
        let tail = store.tail().await.unwrap();
        append(&backend, task, 1).await.unwrap();
        let items = read(&*store, tail, 1, 10).await;
        assert_eq!(seen(items.last().unwrap()), (task, sequence));
        let log = store.load(task).await.unwrap().unwrap();
        let item = items.last().unwrap();
        assert_eq!((&item.record, Some(&item.event)), (&log.record, log.events.last()));
    }
}

async fn events_come_once_and_in_order_while_tasks_commit_at_once(backend: impl Backend) {
    let store = backend.store();
    let from = store.tail().await.unwrap();
    let tasks = tasks(&backend, 12).await;
    let (items, ()) = tokio::join!(read(&*store, from, 12 * 20, 7), fill(&backend, &tasks, 20));
    let events: Vec<_> = items.iter().map(seen).collect();
    assert_complete(&events, &tasks, 20);
    // Reading again gives the same.
    assert_eq!(rest(&*store, from, 100).await.0, events);
}

async fn reading_resumes_at_every_position(backend: impl Backend) {
    let store = backend.store();
    let from = store.tail().await.unwrap();
    let tasks = tasks(&backend, 5).await;
    let (items, ()) = tokio::join!(read(&*store, from, 5 * 9, 4), fill(&backend, &tasks, 9));
    let events: Vec<_> = items.iter().map(seen).collect();
    for (index, item) in items.iter().enumerate() {
        // In the form in which clients send it.
        let position = item.position.to_string().parse().unwrap();
        assert_eq!(rest(&*store, position, 3).await.0, events[index + 1..], "{position}");
    }
    // Positions between events work too.
    let mut from = from;
    for _ in 0..items.len() {
        let page = store.since(from, 2).await.unwrap();
        let before = events.len() - rest(&*store, from, 50).await.0.len();
        assert_eq!(page.items.iter().map(seen).collect::<Vec<_>>(), events[before..][..page.items.len()]);
        from = page.position;
    }
}

async fn positions_are_valid_in_a_new_process(mut backend: impl Backend) {
    let from = backend.store().tail().await.unwrap();
    let tasks = tasks(&backend, 3).await;
    fill(&backend, &tasks, 4).await;
    let items = read(&*backend.store(), from, 12, 5).await;
    backend.reopen().await;
    let position = items[4].position;
    let expected: Vec<_> = items[5..].iter().map(seen).collect();
    assert_eq!(rest(&*backend.store(), position, 5).await.0, expected);
    fill(&backend, &tasks[..1], 1).await;
    let (after, _) = rest(&*backend.store(), position, 5).await;
    assert_eq!(after.len(), expected.len() + 1);
}

async fn a_reader_of_small_pages_gets_what_one_of_large_pages_gets(backend: impl Backend) {
    let store = backend.store();
    let from = store.tail().await.unwrap();
    let tasks = tasks(&backend, 3).await;
    // One commit, and so one time, has more events than a page.
    for task in &tasks {
        append(&backend, *task, 40).await.unwrap();
    }
    let (large, _) = rest(&*store, from, 1000).await;
    assert_complete(&large, &tasks, 40);
    for limit in [1, 2, 7, 41] {
        assert_eq!(rest(&*store, from, limit).await.0, large, "{limit}");
    }
}

async fn trimmed_events_are_a_gap(backend: impl Backend) {
    let store = backend.store();
    let tasks = tasks(&backend, 2).await;
    fill(&backend, &tasks[..1], 2).await;
    end(&backend, tasks[0], StatusWord::Cancelled).await;
    fill(&backend, &tasks[1..], 2).await;
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 10).await, Ok(vec![tasks[0]]));
    // The earliest position of either kind: the first event, or a time before all kept events.
    let page = until_read(&*store, FeedPosition::after_all_of(1), 2).await;
    assert!(page.gap, "{page:?}");
    assert_eq!(page.items.iter().map(seen).collect::<Vec<_>>(), [(tasks[1], 1), (tasks[1], 2)]);
    assert_eq!(rest(&*store, page.items[0].position, 10).await.0, [(tasks[1], 2)]);
}

/// Reads one page, once it has this many events.
async fn until_read(store: &dyn Store, from: FeedPosition, count: usize) -> FeedPage {
    let began = Instant::now();
    loop {
        let page = store.since(from, 100).await.unwrap();
        if page.items.len() >= count {
            return page;
        }
        assert!(began.elapsed() < PATIENCE, "{page:?}");
    }
}

async fn a_position_of_another_store_is_a_gap(backend: impl Backend) {
    let store = backend.store();
    let task = tasks(&backend, 1).await[0];
    append(&backend, task, 3).await.unwrap();
    let page = store.since(FeedPosition::after(u64::MAX - 1, task, 1), 10).await.unwrap();
    assert!(page.gap && page.position < FeedPosition::after_all_of(u64::MAX - 1), "{page:?}");
    // From its next position on, no event is missed.
    append(&backend, task, 1).await.unwrap();
    let last = read(&*store, page.position, 1, 10).await;
    assert!(last.iter().all(|item| item.record.id == task));
}

async fn unreadable_events_are_a_gap(mut backend: impl Damaging) {
    let from = backend.store().tail().await.unwrap();
    let later = tasks(&backend, 1).await[0];
    let tasks = tasks(&backend, 3).await;
    fill(&backend, &tasks, 3).await;
    backend.damage(tasks[0], Part::Record);
    backend.damage(tasks[1], Part::Event(2));
    // A process that has read none of them.
    backend.reopen().await;
    let store = backend.store();
    for limit in [1, 2, 100] {
        let (events, gaps, _) = rest_with_gaps(&*store, from, limit).await;
        let of = |task: TaskId| events.iter().filter(|one| one.0 == task).map(|one| one.1).collect::<Vec<_>>();
        assert_eq!([of(tasks[0]), of(tasks[1]), of(tasks[2])], [vec![], vec![1, 3], vec![1, 2, 3]], "{limit}");
        // With one event a page, each of the four has a page for itself.
        assert!((if limit == 1 { 4..=4 } else { 1..=4 }).contains(&gaps), "{limit}: {gaps}");
    }
    for task in &tasks[..2] {
        let log = store.load(*task).await;
        assert!(matches!(log, Err(StoreError::Corrupt(_))), "{log:?}");
    }
    drop(store);
    // Where it is the last of all, what comes next is not waited for in vain.
    backend.damage(tasks[2], Part::Event(3));
    backend.reopen().await;
    let (_, _, end) = rest_with_gaps(&*backend.store(), from, 100).await;
    append(&backend, later, 1).await.unwrap();
    let next = read(&*backend.store(), end, 1, 10).await;
    assert_eq!(next.iter().map(seen).collect::<Vec<_>>(), [(later, 1)]);
}

/// Reads everything that is there. Gives the events, how many pages had a gap, and the end.
async fn rest_with_gaps(store: &dyn Store, mut from: FeedPosition, limit: usize) -> (Vec<Seen>, usize, FeedPosition) {
    let (mut events, mut gaps) = (Vec::new(), 0);
    loop {
        let page = store.since(from, limit).await.unwrap();
        (gaps, from) = (gaps + usize::from(page.gap), page.position);
        events.extend(page.items.iter().map(seen));
        match page.next {
            FeedNext::Now => {}
            FeedNext::After(time) => tokio::time::sleep(time).await,
            FeedNext::OnChange => return (events, gaps, from),
        }
    }
}

async fn a_watch_notices_each_commit(backend: impl Backend) {
    /// Not reached by waits of this test.
    const FOREVER: Duration = Duration::from_secs(3600);
    let store = backend.store();
    let task = tasks(&backend, 1).await[0];
    let mut watch = store.watch();
    // The first notification may have another reason: that the subscription has begun.
    for _ in 0..5 {
        append(&backend, task, 1).await.unwrap();
        tokio::time::timeout(PATIENCE, watch.changed(FOREVER)).await.unwrap();
    }
    // A change before the wait ends it at once.
    append(&backend, task, 1).await.unwrap();
    drop(store);
    tokio::time::timeout(PATIENCE, watch.changed(FOREVER)).await.unwrap();
    // A wait without changes ends at its timeout.
    watch.changed(Duration::from_millis(1)).await;
}
