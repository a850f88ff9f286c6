//! [`Deliveries`]: webhook cursors and the log of attempts.

use super::store::SqliteStore;
use super::{advance, endpoint_deliveries, resend};
use crate::store::sqlite::database::columns::stored;
use crate::store::sqlite::database::writer::Durability;
use crate::store::sqlite::tables::{credentials, cursors, deliveries, due, events, records, tasks};
use async_trait::async_trait;
use morag_core::PageBudget;
use morag_core::ports::{
    CommitError, Deliveries, DeliveryFilter, DeliveryMove, DeliveryRecord, EndpointDelivery, KeptCredentials, Lease,
    NewResend, PENDING_BYTES_MAX, Page, PendingDelivery, Queue, Recorded, ResendError, StoreError,
};
use morag_core::task::TaskId;
use morag_core::webhook::{Cursor, CursorName, EndpointId};
use rusqlite::Connection;
use std::sync::Arc;

fn pending(connection: &Connection, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError> {
    let Some((task, name)) = CursorName::parse_key(&held.key) else { return Ok(None) };
    let Some(row) = cursors::find(connection, task, &name)? else { return Ok(None) };
    let position = row.position;
    let range = (stored(position.next_event), stored(position.last_event));
    let mut budget = PageBudget::new(PENDING_BYTES_MAX);
    let events = events::part(connection, row.task, range, events_max.max(1), |bytes| budget.takes(bytes))?;
    let resent_at = match name.resend() {
        None => None,
        Some(resend) => {
            let (delivery, resend) = (position.next_delivery, resend.number);
            let key = deliveries::DeliveryKey { task: row.task, endpoint: name.endpoint(), delivery, resend };
            deliveries::moved_at(connection, key)?
        }
    };
    let next_unread = position.next_event.saturating_add(events.len() as u64);
    Ok(Some(PendingDelivery {
        record: Arc::new(records::record(connection, row.task)?),
        cursor: Cursor {
            task,
            name,
            next_event: position.next_event,
            next_delivery: position.next_delivery,
            attempts: position.attempts,
            url: row.url()?,
        },
        events,
        is_end: row.task_has_ended && next_unread > position.last_event,
        credentials: credentials::of_number(connection, row.task)?,
        resent_at,
    }))
}

#[async_trait]
impl Deliveries for SqliteStore {
    async fn pending(&self, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError> {
        let held = held.clone();
        self.readers.read(move |connection| pending(connection, &held, events_max)).await
    }

    async fn advance_all(&self, held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError> {
        let (context, held) = (self.context(), held.clone());
        let job = move |connection: &Connection| advance::advance(connection, &context, &held, &moves);
        self.writer.run(Durability::Normal, job).await
    }

    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError> {
        self.readers.read(move |connection| credentials::of_task(connection, task)).await
    }

    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let read = move |connection: &Connection| match tasks::number(connection, task)? {
            Some(number) => deliveries::of_task(connection, number),
            None => Ok(Vec::new()),
        };
        self.readers.read(read).await
    }

    async fn endpoint_deliveries(&self, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| endpoint_deliveries::page(connection, &filter)).await
    }

    async fn resend(&self, new: &NewResend) -> Result<u32, ResendError> {
        let (context, new) = (self.context(), new.clone());
        let job = move |connection: &Connection| resend::resend(connection, &context, &new);
        self.writer.run(Durability::Full, job).await
    }

    async fn unpark(&self, endpoint: &EndpointId) -> Result<u64, StoreError> {
        let (context, lane) = (self.context(), endpoint.as_str().to_owned());
        let job = move |connection: &Connection| {
            let unparked = due::unpark(connection, &lane, context.steady())?;
            if unparked > 0 {
                context.wakes.mark(Queue::Deliveries);
            }
            Ok::<_, StoreError>(unparked as u64)
        };
        self.writer.run(Durability::Normal, job).await
    }
}
