//! Turns of the tasks of one document, for endpoints that want its events in order.
//!
//! The task that has the turn says when it has finished. Where it cannot (it was killed in between, or its log is no longer
//! kept), those who wait see it: they look again after [`LOOK_AGAIN`].

use crate::App;
use morag_core::ports::{Chain, DeliveryState, PendingDelivery, Queue, StoreError, Turn};
use morag_core::task::{TaskId, TaskStatus};
use morag_core::webhook::{EndpointId, Order};
use std::time::Duration;

/// How long a task waits for the one before it, unless that one wakes it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

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
    let Some(log) = app.tasks.load(task).await? else { return Ok(Left::Nothing(None)) };
    let status = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent);
    if !status.word.is_ended() {
        return Ok(Left::Something);
    }
    let known = app.endpoints.recent().await?;
    let Some(opened) = known.get(endpoint) else { return Ok(Left::Nothing(None)) };
    let takes = opened.endpoint.endpoint(&morag_core::webhook::Credentials::default());
    let records = app.deliveries.deliveries(task).await?;
    let mine = records.iter().filter(|record| record.endpoint == *endpoint && record.resend == 0);
    let (mut last, mut delivered, mut is_pending) = (0, 0, false);
    for record in mine {
        (last, delivered) = (record.event.max(last), record.delivery.max(delivered));
        is_pending |= record.state == DeliveryState::Pending;
    }
    let more = log.events.iter().any(|event| event.sequence > last && takes.takes(event));
    Ok(if is_pending || more { Left::Something } else { Left::Nothing(Some(delivered)) })
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
        let key = morag_core::webhook::CursorName::of_named(id.clone()).key(next);
        app.queue.hasten(Queue::Deliveries, &key).await?;
    }
    Ok(())
}
