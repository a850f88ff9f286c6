//! The promises of [`morag_core::ports::Deliveries`] about the credentials of a task's own endpoint: stored until the last delivery.

use crate::backends::{Backend, Store, promises};
use crate::samples::{accept, append, attempt, claim_one, end, task};
use morag_core::ports::{CursorMove, KeptCredentials, Lease, NewResend, NewTask, Queue};
use morag_core::task::{StatusWord, TaskId};
use morag_core::webhook::EndpointId;

promises!(
    credentials_are_handed_out_until_the_last_delivery,
    credentials_are_deleted_when_the_last_delivery_is_given_up,
    credentials_are_deleted_with_a_gone_endpoint,
    a_resend_keeps_the_credentials,
    a_replay_to_another_url_keeps_no_credentials,
    another_endpoints_end_leaves_the_credentials,
    a_task_without_credentials_has_none,
);

const SEALED: &str = "v1:c2VhbGVk \"x\"";

fn with_credentials(backend: &impl Backend, endpoints: &[&str]) -> NewTask {
    NewTask { credentials: Some(SEALED.into()), ..task(backend, endpoints) }
}

fn kept() -> KeptCredentials {
    KeptCredentials::Kept(SEALED.into())
}

async fn deliver(store: &dyn Store, held: &Lease) {
    store.advance(held, CursorMove::Delivered, None).await.unwrap();
}

/// The credentials that the holder of a lease gets, and those that `credentials` returns.
async fn told(store: &dyn Store, held: &Lease, task: TaskId) -> (KeptCredentials, KeptCredentials) {
    let pending = store.pending(held, 1).await.unwrap().unwrap();
    (pending.credentials, store.credentials(task).await.unwrap())
}

/// An ended task with two events, and the lease of its cursor, which has delivered none.
async fn ended(backend: &impl Backend) -> (TaskId, Lease) {
    let store = backend.store();
    let id = accept(&*store, with_credentials(backend, &["task"])).await;
    append(backend, id, 1).await.unwrap();
    end(backend, id, StatusWord::Completed).await;
    (id, claim_one(&*store, Queue::Deliveries).await)
}

async fn credentials_are_handed_out_until_the_last_delivery(mut backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, with_credentials(&backend, &["task"])).await;
    append(&backend, id, 1).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(told(&*store, &held, id).await, (kept(), kept()));
    deliver(&*store, &held).await;
    assert_eq!(store.credentials(id).await, Ok(kept()), "idle, but more events may come");
    drop(store);
    backend.reopen().await;
    let store = backend.store();
    end(&backend, id, StatusWord::Completed).await;
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(told(&*store, &held, id).await, (kept(), kept()), "as it was stored");
    deliver(&*store, &held).await;
    assert_eq!(store.credentials(id).await, Ok(KeptCredentials::Gone));
    let record = store.load(id).await.unwrap().unwrap().record;
    assert_eq!(record.endpoints.len(), 1, "the record is as it was");
}

async fn credentials_are_deleted_when_the_last_delivery_is_given_up(backend: impl Backend) {
    let (store, (id, held)) = (backend.store(), ended(&backend).await);
    store.advance(&held, CursorMove::Skip, None).await.unwrap();
    assert_eq!(store.credentials(id).await, Ok(kept()));
    let failed = attempt(1, backend.now(), 500);
    store.advance(&held, CursorMove::Retry(backend.now()), Some(failed.clone())).await.unwrap();
    assert_eq!(store.credentials(id).await, Ok(kept()), "it is tried again");
    let held = claim_one(&*store, Queue::Deliveries).await;
    store.advance(&held, CursorMove::Dead, Some(failed)).await.unwrap();
    assert_eq!(store.credentials(id).await, Ok(KeptCredentials::Gone));
}

async fn credentials_are_deleted_with_a_gone_endpoint(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, with_credentials(&backend, &["task"])).await;
    append(&backend, id, 2).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    store.advance(&held, CursorMove::Disable, Some(attempt(1, backend.now(), 410))).await.unwrap();
    assert_eq!(store.credentials(id).await, Ok(KeptCredentials::Gone), "whatever happens to the task later");
}

async fn a_resend_keeps_the_credentials(backend: impl Backend) {
    let (store, (id, held)) = (backend.store(), ended(&backend).await);
    deliver(&*store, &held).await;
    let new = NewResend { task: id, endpoint: EndpointId::of_task(), delivery: 1, url: None, due: backend.now() };
    assert_eq!(store.resend(&new).await, Ok(1));
    deliver(&*store, &held).await;
    assert_eq!(store.credentials(id).await, Ok(kept()), "one is still to be made");
    let again = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(told(&*store, &again, id).await, (kept(), kept()));
    deliver(&*store, &again).await;
    assert_eq!(store.credentials(id).await, Ok(KeptCredentials::Gone));
    assert_eq!(store.resend(&new).await, Ok(2));
    let again = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(told(&*store, &again, id).await, (KeptCredentials::Gone, KeptCredentials::Gone));
}

async fn a_replay_to_another_url_keeps_no_credentials(backend: impl Backend) {
    let (store, (id, held)) = (backend.store(), ended(&backend).await);
    deliver(&*store, &held).await;
    let url = Some("http://127.0.0.1:8010/elsewhere".parse().unwrap());
    let new = NewResend { task: id, endpoint: EndpointId::of_task(), delivery: 1, url, due: backend.now() };
    assert_eq!(store.resend(&new).await, Ok(1));
    deliver(&*store, &held).await;
    assert_eq!(store.credentials(id).await, Ok(KeptCredentials::Gone), "none is sent there");
}

async fn another_endpoints_end_leaves_the_credentials(backend: impl Backend) {
    let store = backend.store();
    let mut new = with_credentials(&backend, &["task"]);
    new.record.subscribers = vec![EndpointId::from("task-force".to_owned())];
    let id = accept(&*store, new).await;
    end(&backend, id, StatusWord::Completed).await;
    let leases = store.claim(Queue::Deliveries, 10, crate::samples::LEASE).await.unwrap().leases;
    let (named, own): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.key.contains("task-force"));
    deliver(&*store, &named[0]).await;
    assert_eq!(store.credentials(id).await, Ok(kept()));
    deliver(&*store, &own[0]).await;
    assert_eq!(store.credentials(id).await, Ok(KeptCredentials::Gone));
}

async fn a_task_without_credentials_has_none(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &["task"])).await;
    end(&backend, id, StatusWord::Completed).await;
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(told(&*store, &held, id).await, (KeptCredentials::None, KeptCredentials::None));
    deliver(&*store, &held).await;
    assert_eq!(store.credentials(id).await, Ok(KeptCredentials::None));
    assert_eq!(store.credentials(TaskId::random()).await, Ok(KeptCredentials::None));
}
