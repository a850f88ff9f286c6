//! Live events as Server-Sent Events (WHATWG HTML, section 9.2): of one task ([`fn@of_task`]) and of all ([`fn@of_all`]).
//!
//! A reader that reconnects with its last `id` resumes after it: missed events come from the store, later ones from
//! [`LiveFeed`](morag_engine::LiveFeed). The subscription begins before the store is read, so that no event is lost; events that
//! come from both are dropped by their position. A stream buffers nothing for a slow reader: it ends, and the reader resumes with
//! its last id.

mod endings;
mod heartbeat;
mod of_all;
mod of_task;
mod request;
#[cfg(test)]
mod tests;
mod text;

use self::heartbeat::heartbeats;
use self::request::{EventsQuery, LastEventId, Types, refused};
use super::ApiError;
use super::caller::Caller;
use super::error::ErrorBody;
use super::query::Query;
use super::task::{PathTask, load};
use crate::Api;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures::Stream;
use morag_core::caller::Quota;
use morag_core::ports::FeedPosition;
use morag_core::task::TenantId;
use morag_core::webhook::EventFilter;
use std::convert::Infallible;
use std::sync::Arc;

/// The event types to send; all if none are named.
fn filter(types: Option<Types>) -> EventFilter {
    types.map(|types| types.0).unwrap_or_default()
}

/// Events of a task as they happen
///
/// Server-Sent Events: `id` is the event's sequence, `event` its type, `data` the body of its webhook (format `dual`) on one
/// line. Begins with the task's first event, or after `Last-Event-ID`. A comment line comes at least every 15 seconds. Ends
/// after the event that ends the task. A client that connects again after that event gets 204, at which an `EventSource` stops.
#[utoipa::path(
    get, path = "/api/v1/status/{task_id}/events", tag = "events", operation_id = "stream_task_events",
    params(
        PathTask,
        EventsQuery,
        LastEventId,
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The task has ended and there is nothing after `Last-Event-ID`"),
        (status = 404, description = "No such task", body = ErrorBody),
        (status = 422, description = "An id that is not of an event of this task, or an invalid event type", body = ErrorBody),
        (status = 429, description = "The caller has as many event streams as it may; `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "The server has as many event streams as it allows, or its storage does not answer; `Retry-After` says when to try again", body = ErrorBody),
    )
)]
pub async fn of_task(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathTask(task): PathTask,
    Query(mut query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let filter = filter(query.events.take());
    let last = query.last_event_id(&headers)?;
    let permit = app.fair.streams.take_within(&caller, Quota::Streams, caller.quotas().streams)?;
    // Before the log is read: an event that is committed in between comes twice, and is dropped by its sequence.
    let news = app.live.subscribe().await?;
    let log = load(&app, &task).await?;
    let after = match last {
        None => 0,
        Some(text) => {
            let known = text.parse::<u64>().ok().filter(|sequence| *sequence <= log.last_sequence());
            known.ok_or_else(|| {
                let events = log.last_sequence();
                refused(&format!("Last-Event-ID must be a number from 0 to {events}, the events of this task so far"))
            })?
        }
    };
    let stream = of_task::TaskStream::new(app, log, filter, after, news);
    if last.is_some() && stream.is_over() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(answer(futures::stream::unfold((stream, permit), async |(mut stream, permit)| {
        let text = stream.next().await?;
        Some((Ok(text.into()), (stream, permit)))
    })))
}

/// Events of all of the tenant's tasks as they happen
///
/// Server-Sent Events: `event` is the event's type, `data` the body of its webhook (format `dual`) on one line, `id` its
/// position. Begins now, or after `Last-Event-ID`, without gaps or repetitions. A comment line comes at least every 15 seconds, with
/// the id to resume after. If events after `Last-Event-ID` may be missing (it is older than the oldest stored event), the stream begins
/// with an event of the type `gap`, and continues with the oldest event that is stored.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", operation_id = "stream_events",
    params(
        EventsQuery,
        LastEventId,
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 422, description = "An invalid event id or event type", body = ErrorBody),
        (status = 429, description = "The caller has as many event streams as it may; `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "The server has as many event streams as it allows, or its storage does not answer; `Retry-After` says when to try again", body = ErrorBody),
    )
)]
pub async fn of_all(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Query(mut query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let filter = filter(query.events.take());
    let last = query.last_event_id(&headers)?;
    let after = last.map(str::parse::<FeedPosition>).transpose().map_err(|_| {
        refused("Last-Event-ID must be an id that this stream has sent, unchanged; leave it out to begin now")
    })?;
    let permit = app.fair.streams.take_within(&caller, Quota::Streams, caller.quotas().streams)?;
    let news = app.live.subscribe().await?;
    let tenant = caller.tenant().clone();
    let own = own_start(&app, &tenant, after, news.start()).await?;
    let stream = of_all::AllStream::new(app, tenant, own, filter, after, news, heartbeats());
    Ok(answer(futures::stream::unfold((stream, permit), async |(mut stream, permit)| {
        let text = stream.next().await?;
        Some((Ok(text.into()), (stream, permit)))
    })))
}

/// The position at which a stream begins, if the tenant may see it: it names no event, or one of the tenant's own.
async fn own_start(
    app: &Api,
    tenant: &TenantId,
    after: Option<FeedPosition>,
    start: FeedPosition,
) -> Result<Option<FeedPosition>, ApiError> {
    // A position from the caller's request is already known to the caller.
    let Some((task, _)) = start.event().filter(|_| after.is_none()) else { return Ok(Some(after.unwrap_or(start))) };
    // Not its log, which may be damaged: that concerns no other stream.
    let is_own = app.tasks.tenant_of(task).await?.is_some_and(|owner| owner == *tenant);
    Ok(is_own.then_some(start))
}

fn answer(stream: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // No caches, no transformations (a proxy that compresses would hold events back), and no buffering by nginx.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(stream)).into_response()
}
