//! Isolation of tenants, and quotas: names chosen by one tenant never collide with another's.

use crate::backends::{Backend, Store, promises};
use crate::samples::{accept, claiming, document, end, event, task};
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota, next_day};
use morag_core::ports::{AcceptError, Accepted, Commit, Flow, Guard, ListFilter, NewTask, Next, Queue, TaskLimits};
use morag_core::task::{Artifact, EventKind, StatusWord, TaskId, TenantId};
use std::time::Duration;

promises!(
    a_tenant_sees_its_own_tasks_and_events_alone,
    two_tenants_use_the_same_document_id,
    a_tenants_lists_forget_what_is_expired,
    waiting_tasks_of_a_flow_are_limited,
    tasks_per_day_of_a_flow_are_limited,
    a_refused_task_does_not_count_for_the_day,
    the_bytes_of_a_tenants_files_are_counted_until_they_are_deleted,
);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

fn of(mut new: NewTask, owner: &str) -> NewTask {
    new.record.tenant = tenant(owner);
    new
}

async fn listed(store: &dyn Store, owner: &str, statuses: &[StatusWord]) -> usize {
    let mut filter = ListFilter { limit: 1, tenant: tenant(owner), ..ListFilter::default() };
    filter.statuses = statuses.to_vec();
    let mut count = 0;
    loop {
        let page = store.list(&filter).await.unwrap();
        count += page.items.len();
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            return count;
        }
    }
}

async fn counted(store: &dyn Store, owner: &str) -> Vec<u64> {
    store.counts_of(&tenant(owner)).await.unwrap().into_iter().map(|(_, count)| count).collect()
}

async fn recent(store: &dyn Store, owner: &str) -> Vec<TaskId> {
    let page = store.recent(&tenant(owner), Timestamp::from_millis(0), 100, None).await.unwrap();
    page.items.into_iter().map(|item| item.task).collect()
}

async fn a_tenant_sees_its_own_tasks_and_events_alone(backend: impl Backend) {
    let store = backend.store();
    let mut tasks = Vec::new();
    for owner in ["default", "acme", "default", "other", "acme", "acme"] {
        tasks.push((owner, accept(&*store, of(task(&backend, &[]), owner)).await));
    }
    for (_, task) in &tasks[..2] {
        end(&backend, *task, StatusWord::Cancelled).await;
    }
    let of_owner = |owner: &str| tasks.iter().filter(|(of, _)| *of == owner).count();
    for owner in ["default", "acme", "other", "nobody"] {
        assert_eq!(listed(&*store, owner, &[]).await, of_owner(owner), "{owner}");
    }
    assert_eq!(listed(&*store, "acme", &[StatusWord::Cancelled]).await, 1);
    assert_eq!(listed(&*store, "other", &[StatusWord::Cancelled]).await, 0);
    assert_eq!(counted(&*store, "acme").await, [2, 0, 0, 0, 1]);
    assert_eq!(counted(&*store, "default").await, [1, 0, 0, 0, 1]);
    assert_eq!(counted(&*store, "nobody").await, [0; 5]);
    let all: Vec<_> = store.counts().await.unwrap().into_iter().map(|(_, count)| count).collect();
    assert_eq!(all, [4, 0, 0, 0, 2], "of all tenants");
    assert_eq!(recent(&*store, "default").await, [tasks[0].1]);
    assert_eq!(recent(&*store, "acme").await, [tasks[1].1]);
    assert_eq!(recent(&*store, "other").await, []);
}

async fn two_tenants_use_the_same_document_id(backend: impl Backend) {
    let store = backend.store();
    let first = accept(&*store, claiming(&backend, "d", false)).await;
    let second = accept(&*store, of(claiming(&backend, "d", false), "acme")).await;
    let holder = async |owner: &str| store.document_holder(&tenant(owner), &document("d")).await;
    assert_eq!((holder("default").await, holder("acme").await), (Ok(Some(first)), Ok(Some(second))));
    assert_eq!(holder("other").await, Ok(None));
    let again = store.accept(of(claiming(&backend, "d", false), "acme")).await;
    assert_eq!(again, Err(AcceptError::DuplicateDocument(second)), "only its own tenant's document conflicts");
    end(&backend, second, StatusWord::Completed).await;
    let replacing = accept(&*store, of(claiming(&backend, "d", true), "acme")).await;
    end(&backend, replacing, StatusWord::Completed).await;
    assert_eq!((holder("default").await, holder("acme").await), (Ok(Some(first)), Ok(Some(replacing))));
    end(&backend, first, StatusWord::Failed).await;
    assert_eq!((holder("default").await, holder("acme").await), (Ok(None), Ok(Some(replacing))));
}

async fn a_tenants_lists_forget_what_is_expired(backend: impl Backend) {
    let store = backend.store();
    let gone = accept(&*store, of(task(&backend, &[]), "acme")).await;
    let stays = accept(&*store, of(task(&backend, &[]), "acme")).await;
    end(&backend, gone, StatusWord::Failed).await;
    backend.advance(DAY);
    assert_eq!(store.expire(backend.now(), 10).await, Ok(vec![gone]));
    assert_eq!(listed(&*store, "acme", &[]).await, 1);
    assert_eq!(counted(&*store, "acme").await, [1, 0, 0, 0, 0]);
    assert_eq!(recent(&*store, "acme").await, []);
    assert!(store.load(stays).await.unwrap().is_some());
}

fn limited(backend: &impl Backend, waiting_max: Option<u64>, per_day_max: Option<u64>) -> NewTask {
    NewTask { limits: TaskLimits { waiting_max, per_day_max }, ..task(backend, &[]) }
}

async fn waiting_tasks_of_a_flow_are_limited(backend: impl Backend) {
    let store = backend.store();
    let first = accept(&*store, limited(&backend, Some(2), None)).await;
    accept(&*store, limited(&backend, Some(2), None)).await;
    let over = AcceptError::OverQuota(OverQuota { quota: Quota::WaitingTasks, limit: 2, resets_at: None });
    assert_eq!(store.accept(limited(&backend, Some(2), None)).await, Err(over.clone()));
    let other = NewTask { flow: Flow::of("another"), ..limited(&backend, Some(2), None) };
    assert_eq!(store.accept(other).await, Ok(Accepted::New), "limits are per flow");
    end(&backend, first, StatusWord::Cancelled).await;
    assert_eq!(store.accept(limited(&backend, Some(2), None)).await, Ok(Accepted::New));
    assert_eq!(store.accept(limited(&backend, Some(2), None)).await, Err(over.clone()));
    // A started task does not count as waiting.
    let held = store.claim(Queue::Tasks, 1, DAY).await.unwrap().leases.remove(0);
    let task: TaskId = held.key.parse().unwrap();
    let begun = Commit {
        task,
        guard: Guard::Lease(held.fence),
        events: vec![event(1, backend.now())],
        live_percent: 0.0,
        status: StatusWord::InProgress,
        next: Next::Keep,
    };
    store.commit(begun).await.unwrap();
    let racing: Vec<_> = (0..8).map(|_| limited(&backend, Some(3), None)).collect();
    let taken = futures::future::join_all(racing.into_iter().map(|new| store.accept(new))).await;
    let accepted = taken.iter().filter(|taken| **taken == Ok(Accepted::New)).count();
    assert!((1..=2).contains(&accepted), "as many as are left of three: {taken:?}");
}

async fn tasks_per_day_of_a_flow_are_limited(backend: impl Backend) {
    let store = backend.store();
    for _ in 0..2 {
        let task = accept(&*store, limited(&backend, None, Some(2))).await;
        end(&backend, task, StatusWord::Cancelled).await;
    }
    let midnight = next_day(backend.now());
    let over = OverQuota { quota: Quota::TasksPerDay, limit: 2, resets_at: Some(midnight) };
    assert_eq!(store.accept(limited(&backend, None, Some(2))).await, Err(over.into()));
    backend.advance(midnight.since(backend.now()));
    assert_eq!(store.accept(limited(&backend, None, Some(2))).await, Ok(Accepted::New), "another day");
    assert_eq!(store.accept(limited(&backend, None, Some(2))).await, Ok(Accepted::New));
    assert!(matches!(store.accept(limited(&backend, None, Some(2))).await, Err(AcceptError::OverQuota(_))));
    let racing = (0..8).map(|_| NewTask { flow: Flow::of("racing"), ..limited(&backend, None, Some(3)) });
    let taken = futures::future::join_all(racing.map(|new| store.accept(new))).await;
    assert_eq!(taken.iter().filter(|taken| **taken == Ok(Accepted::New)).count(), 3, "{taken:?}");
}

async fn a_refused_task_does_not_count_for_the_day(backend: impl Backend) {
    let store = backend.store();
    let day = TaskLimits { per_day_max: Some(2), waiting_max: None };
    let new = || NewTask { limits: day, ..claiming(&backend, "d", false) };
    let holder = accept(&*store, new()).await;
    assert_eq!(store.accept(new()).await, Err(AcceptError::DuplicateDocument(holder)));
    assert_eq!(store.accept(new()).await, Err(AcceptError::DuplicateDocument(holder)));
    let other = NewTask { limits: day, ..task(&backend, &[]) };
    assert_eq!(store.accept(other).await, Ok(Accepted::New), "the second of the day");
    let third = NewTask { limits: day, ..task(&backend, &[]) };
    assert!(matches!(store.accept(third).await, Err(AcceptError::OverQuota(_))));
}

/// Ends a step that wrote a file of this size.
async fn write(backend: &impl Backend, task: TaskId, size: u64) {
    let store = backend.store();
    let sequence = store.load(task).await.unwrap().unwrap().last_sequence();
    let artifact = |name: &str, size| Artifact {
        name: name.parse().unwrap(),
        media_type: "text/plain".into(),
        size,
        sha256: "0".repeat(64),
        listed: false,
    };
    let kind = EventKind::StepCompleted {
        step: "chunking".into(),
        stage: "chunking".into(),
        data: Default::default(),
        artifacts: vec![artifact("a.md", size - 1), artifact("b.md", 1)],
        resources: Default::default(),
    };
    let mut event = event(sequence + 1, backend.now());
    event.kind = kind;
    let commit = Commit {
        task,
        guard: Guard::Sequence(sequence),
        events: vec![event],
        live_percent: 0.0,
        status: StatusWord::InProgress,
        next: Next::At(backend.now()),
    };
    store.commit(commit).await.unwrap();
}

async fn the_bytes_of_a_tenants_files_are_counted_until_they_are_deleted(backend: impl Backend) {
    let store = backend.store();
    let bytes = async |owner: &str| store.stored_bytes(&tenant(owner)).await.unwrap();
    // The submitted files have 42 bytes each.
    let one = accept(&*store, of(task(&backend, &[]), "acme")).await;
    let two = accept(&*store, of(task(&backend, &[]), "acme")).await;
    accept(&*store, task(&backend, &[])).await;
    assert_eq!((bytes("acme").await, bytes("default").await, bytes("other").await), (84, 42, 0));
    write(&backend, one, 1000).await;
    write(&backend, two, 500).await;
    assert_eq!((bytes("acme").await, bytes("default").await), (1584, 42));
    assert_eq!(store.files_deleted(one).await, Ok(false), "its files are still needed");
    assert_eq!(bytes("acme").await, 1584);
    for task in [one, two] {
        end(&backend, task, StatusWord::Failed).await;
    }
    for task in [one, one, TaskId::random()] {
        assert_eq!(store.files_deleted(task).await, Ok(true));
    }
    assert_eq!(bytes("acme").await, 542);
    backend.advance(DAY);
    assert_eq!(store.expire(backend.now(), 10).await.unwrap().len(), 2);
    assert_eq!((bytes("acme").await, bytes("default").await), (0, 42), "deleted files do not count");
}
