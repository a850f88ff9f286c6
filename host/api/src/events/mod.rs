//! Events as they happen, as Server-Sent Events (WHATWG HTML, section 9.2): of one task ([`fn@of_task`]) and of
//! all ([`fn@of_all`]).
//!
//! Who reconnects with the last `id` it got goes on right after it: what was missed comes from the store, the rest from
//! [`LiveFeed`](morag_engine::LiveFeed), which is listened to before the store is read, so that nothing falls between; what
//! comes from both is dropped by its place. A stream holds nothing for a reader that is slow: it is ended, and the reader
//! goes on by its last id.

mod of_all;
mod of_task;
mod request;
#[cfg(test)]
mod tests;
mod text;

use self::request::{filter, last_event_id, refused};
use super::ApiError;
use super::auth::Caller;
use super::error::ErrorBody;
use super::query::Parameters;
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
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

/// Time between two heartbeats: proxies and mobile networks drop what is silent for half a minute or more.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Ticks of a stream that has nothing to say; the first after a whole time.
fn heartbeats() -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// What is said to a reader whose stream ends for it was slow.
const TOO_SLOW: &str = "events came faster than this connection took them: connect again with the last id";

/// What is said where the process ends.
const STOPPING: &str = "the server stops: connect again with the last id";

/// What is said where the store fails under a stream.
const AWAY: &str = "the server's storage does not answer: connect again with the last id";

/// Events of a task as they happen
///
/// Server-Sent Events: `id` is the event's sequence, `event` its type, `data` the body of its webhook (format `dual`) on one
/// line. Begins with the task's first event, or after `Last-Event-ID`. A comment line comes at least every 15 seconds. Ends
/// after the event that ends the task; who connects again then, having all of it, gets 204, at which an `EventSource` stops.
#[utoipa::path(
    get, path = "/api/v1/status/{task_id}/events", tag = "events", operation_id = "task_events",
    params(
        ("task_id" = String, Path, description = "The task"),
        ("events" = Option<String>, Query, description = "Only these types: names or patterns with `*`, comma separated, such as `step_completed,task_*`"),
        ("last_event_id" = Option<String>, Query, description = "As the header `Last-Event-ID`, for clients that cannot send it; the header wins"),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event that was received: go on after it"),
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The task has ended and there is nothing after `Last-Event-ID`"),
        (status = 404, description = "No such task", body = ErrorBody),
        (status = 422, description = "No id of an event of this task, or no type of event", body = ErrorBody),
        (status = 429, description = "The caller listens over as many connections as one may; `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "As many connections listen as the server takes, or its storage is away; `Retry-After` says when to try again", body = ErrorBody),
    )
)]
pub async fn of_task(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathTask(task): PathTask,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let filter = filter(&parameters)?;
    let last = last_event_id(&headers, &parameters)?;
    let place = app.fair.streams.take_within(&caller, Quota::Streams, caller.quotas().streams)?;
    // Before the log is read: what is committed in between comes twice, and is dropped by its sequence.
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
    Ok(answer(futures::stream::unfold((stream, place), async |(mut stream, place)| {
        let text = stream.next().await?;
        Some((Ok(text.into()), (stream, place)))
    })))
}

/// Events of all of the tenant's tasks as they happen
///
/// Server-Sent Events: `event` is the event's type, `data` the body of its webhook (format `dual`) on one line, `id` its
/// place. Begins now, or after `Last-Event-ID`, without a gap or an event twice. A comment line comes at least every 15
/// seconds, with the id to go on from. Where events after `Last-Event-ID` may be gone (it is older than what is kept), the
/// stream begins with an event of the type `gap` that says so, and goes on with the oldest event that is left.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", operation_id = "events",
    params(
        ("events" = Option<String>, Query, description = "Only these types: names or patterns with `*`, comma separated, such as `step_completed,task_*`"),
        ("last_event_id" = Option<String>, Query, description = "As the header `Last-Event-ID`, for clients that cannot send it; the header wins"),
        ("Last-Event-ID" = Option<String>, Header, description = "Id of the last event that was received: go on after it"),
    ),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 422, description = "No id of an event, or no type of event", body = ErrorBody),
        (status = 429, description = "The caller listens over as many connections as one may; `Retry-After` says when to try again", body = ErrorBody),
        (status = 503, description = "As many connections listen as the server takes, or its storage is away; `Retry-After` says when to try again", body = ErrorBody),
    )
)]
pub async fn of_all(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let filter = filter(&parameters)?;
    let last = last_event_id(&headers, &parameters)?;
    let after = last.map(str::parse::<FeedPosition>).transpose().map_err(|_| {
        refused("Last-Event-ID must be an id that this stream has sent, unchanged; leave it out to begin now")
    })?;
    let place = app.fair.streams.take_within(&caller, Quota::Streams, caller.quotas().streams)?;
    let news = app.live.subscribe().await?;
    let tenant = caller.tenant().clone();
    let own = own_start(&app, &tenant, after, news.start()).await?;
    let stream = of_all::AllStream::new(app, tenant, own, filter, after, news, heartbeats());
    Ok(answer(futures::stream::unfold((stream, place), async |(mut stream, place)| {
        let text = stream.next().await?;
        Some((Ok(text.into()), (stream, place)))
    })))
}

/// The place where a stream begins, where it may be shown to the tenant: what it names is an event of its own, or none.
async fn own_start(
    app: &Api,
    tenant: &TenantId,
    after: Option<FeedPosition>,
    start: FeedPosition,
) -> Result<Option<FeedPosition>, ApiError> {
    // What the caller has given it knows already.
    let Some((task, _)) = start.event().filter(|_| after.is_none()) else { return Ok(Some(after.unwrap_or(start))) };
    let log = app.tasks.load(task).await?;
    Ok(log.is_some_and(|log| log.record.tenant == *tenant).then_some(start))
}

fn answer(stream: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        // Neither caches nor changes by the way (a proxy that compresses would hold events back), nor buffers of nginx.
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(stream)).into_response()
}
