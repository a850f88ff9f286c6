//! Making a settled delivery again: a cursor of one event.

use super::context::Context;
use crate::store::sqlite::tables::{cursors, deliveries, due, records};
use morag_core::ports::{NewResend, Queue, ResendError};
use morag_core::store_policy::next_resend;
use morag_core::webhook::Resend;
use rusqlite::Connection;

/// The job behind [`morag_core::ports::Deliveries::resend`]. An `Err` is followed by a rollback.
pub(crate) fn resend(connection: &Connection, context: &Context, new: &NewResend) -> Result<u32, ResendError> {
    let (task, record) = records::find(connection, new.task)?.ok_or(ResendError::Unknown)?;
    let name = record.cursor_of(&new.endpoint).ok_or(ResendError::Unknown)?;
    let last = deliveries::last_resend(connection, task, &new.endpoint, new.delivery)?;
    let (last, event, state) = last.ok_or(ResendError::Unknown)?;
    let number = next_resend(last, state)?;

    let (delivery, url) = (new.delivery, new.url.clone().map(String::from));
    let key = deliveries::DeliveryKey { task, endpoint: &new.endpoint, delivery, resend: number };
    deliveries::insert_resend(connection, key, event, context.now(), url.as_deref())?;
    let name = name.towards(new.url.as_ref(), &record.tenant).resending(Resend { delivery, number });
    cursors::insert_resend(connection, task, &name, (event, delivery), url.as_deref())?;
    due::enter_delivery(connection, &name.key(new.task), task, Some(context.due(new.due)))?;
    context.wakes.mark(Queue::Deliveries);
    Ok(number)
}
