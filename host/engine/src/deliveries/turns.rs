//! Turns of the tasks of one document, for endpoints that want its events in order.
//!
//! The task that has the turn says when it has finished. Where it cannot (it was killed in between, or its log is no longer
//! kept), those who wait see it: they look again after [`LOOK_AGAIN`].

use crate::App;
use morag_core::ports::{Chain, Lease, PendingDelivery, Queue, StoreError, Turn};
use morag_core::task::TaskId;
use morag_core::webhook::{CursorName, EndpointId, Order};
use std::time::Duration;

/// How long a task waits for the one before it, unless that one wakes it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Tasks found gone or finished in one look; the next look goes on.
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
        let has = |link: &&morag_core::ports::Link| link.task == task && link.delivered.is_none_or(|last| at <= last);
        return Ok(Ok(links.iter().find(has).and_then(|link| link.base).unwrap_or(0)));
    }
    for _ in 0..SKIPPED_MAX {
        match app.chains.turn(&chain, task, pending.cursor.next_delivery - 1).await? {
            Turn::Yes { base } => return Ok(Ok(base)),
            Turn::After(other) => match left_of(app, other, &chain.endpoint).await? {
                Left::Something => return Ok(Err(LOOK_AGAIN)),
                Left::Nothing(delivered) => {
                    app.chains.finish(&chain, other, delivered).await?;
                }
            },
        }
    }
    Ok(Err(Duration::ZERO))
}

/// What a task has left to deliver.
enum Left {
    Something,
    /// Nothing, with so many delivered; not known of one that is gone.
    Nothing(Option<u64>),
}

async fn left_of(app: &App, task: TaskId, endpoint: &EndpointId) -> Result<Left, StoreError> {
    // Looked at without a lease: where its cursor stands says all.
    let key = CursorName::of_named(endpoint.clone()).key(task);
    let pending = app.deliveries.pending(&Lease { queue: Queue::Deliveries, key, fence: 0 }, 1).await?;
    Ok(match pending {
        None => Left::Nothing(None),
        Some(pending) if pending.events.is_empty() && pending.is_end => {
            Left::Nothing(Some(pending.cursor.next_delivery - 1))
        }
        Some(_) => Left::Something,
    })
}

/// Where the task has ended and everything of it is delivered, the next task's turn begins.
pub(super) async fn finish_if_done(app: &App, pending: &PendingDelivery, delivered: u64) -> Result<(), StoreError> {
    let id = pending.cursor.name.endpoint();
    if !pending.is_end || pending.cursor.name.resend().is_some() {
        return Ok(());
    }
    let known = app.endpoints.last_known();
    if !known.get(id).is_some_and(|opened| opened.endpoint.settings.order == Order::Document) {
        return Ok(());
    }
    if let Some(next) = app.chains.finish(&chain(pending), pending.record.id, Some(delivered)).await? {
        let key = CursorName::of_named(id.clone()).key(next);
        app.queue.hasten(Queue::Deliveries, &key).await?;
    }
    Ok(())
}
