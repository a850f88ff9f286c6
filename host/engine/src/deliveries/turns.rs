//! Turns of the tasks of one document, for endpoints that take its events in order.
//!
//! The task that has the turn says when it has finished. Where it cannot (its process was killed in between, or its log was deleted),
//! those that wait find out: they look again after [`LOOK_AGAIN`].

use super::events;
use crate::App;
use morag_core::ports::{Chain, Link, PendingDelivery, Queue, StoreError, Turn};
use morag_core::task::TaskId;
use morag_core::webhook::{CursorName, EndpointId};
use std::time::Duration;

/// How long a task waits for the one before it, unless that one wakes it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Tasks found gone or finished at once; the next time goes on.
const SKIPPED_MAX: usize = 16;

fn chain(pending: &PendingDelivery) -> Chain {
    Chain { endpoint: pending.cursor.name.endpoint().clone(), document: pending.record.document_id.clone() }
}

/// Deliveries of the document before the task's first, where it is its turn; else how long to wait.
pub(super) async fn turn(app: &App, pending: &PendingDelivery) -> Result<Result<u64, Duration>, StoreError> {
    let (chain, task) = (chain(pending), pending.record.id);
    if pending.cursor.name.resend().is_some() {
        // It was delivered before: its number is known.
        let links = app.chains.links(&chain).await?;
        let at = pending.cursor.next_delivery;
        let has = |link: &&Link| link.task == task && link.delivered.is_none_or(|last| at <= last);
        return Ok(Ok(links.iter().find(has).and_then(|link| link.base).unwrap_or(0)));
    }
    for _ in 0..SKIPPED_MAX {
        match app.chains.turn(&chain, task, pending.cursor.next_delivery - 1).await? {
            Turn::Yes { base } => return Ok(Ok(base)),
            Turn::After(other) => match rest_of(app, other, &chain.endpoint).await? {
                Rest::Something => return Ok(Err(LOOK_AGAIN)),
                Rest::Nothing(delivered) => {
                    app.chains.finish(&chain, other, delivered).await?;
                }
            },
        }
    }
    Ok(Err(Duration::ZERO))
}

/// What a task has left to deliver.
enum Rest {
    Something,
    /// Nothing, with so many delivered; not known of one that is gone.
    Nothing(Option<u64>),
}

async fn rest_of(app: &App, task: TaskId, endpoint: &EndpointId) -> Result<Rest, StoreError> {
    let name = CursorName::of_named(endpoint.clone());
    Ok(match events::peek(app, task, &name).await? {
        None => Rest::Nothing(None),
        Some(pending) if pending.events.is_empty() && pending.is_end => {
            Rest::Nothing(Some(pending.cursor.next_delivery - 1))
        }
        Some(_) => Rest::Something,
    })
}

/// The task has made all its deliveries to the endpoint: the next task's turn begins.
pub(super) async fn finish(app: &App, pending: &PendingDelivery, delivered: u64) -> Result<(), StoreError> {
    if let Some(next) = app.chains.finish(&chain(pending), pending.record.id, Some(delivered)).await? {
        let key = CursorName::of_named(pending.cursor.name.endpoint().clone()).key(next);
        app.queue.hasten(Queue::Deliveries, &key).await?;
    }
    Ok(())
}
