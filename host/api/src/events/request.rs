//! The parameters of a request for events.

use super::super::query::Parameters;
use super::super::{ApiError, FieldError};
use axum::http::HeaderMap;
use morag_core::webhook::EventFilter;

/// Longest id that is accepted: the server's own have at most 78 characters.
const ID_LENGTH_MAX: usize = 128;

const LAST_EVENT_ID: &str = "last-event-id";

/// The event types to send; all if none are named.
pub(super) fn filter(parameters: &Parameters) -> Result<EventFilter, ApiError> {
    let Some(text) = parameters.text("events") else { return Ok(EventFilter::default()) };
    text.parse().map_err(|error| ApiError::invalid(vec![FieldError::query("events", format!("{error}"))]))
}

/// The id to resume after. The header wins: a client that reconnects by itself keeps the URL, with the old id in its query.
pub(super) fn last_event_id<'a>(
    headers: &'a HeaderMap,
    parameters: &'a Parameters,
) -> Result<Option<&'a str>, ApiError> {
    let header = match headers.get(LAST_EVENT_ID) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| refused("Last-Event-ID must be text"))?.trim()),
    };
    // Clients that have received no id yet may send an empty one.
    let id = header.filter(|id| !id.is_empty()).or_else(|| parameters.text("last_event_id"));
    match id.is_some_and(|id| id.len() > ID_LENGTH_MAX) {
        true => Err(refused(&format!("Last-Event-ID must have at most {ID_LENGTH_MAX} characters"))),
        false => Ok(id),
    }
}

/// 422 for an id that this server has not sent.
pub(super) fn refused(text: &str) -> ApiError {
    let loc = vec!["header".into(), "Last-Event-ID".into()];
    ApiError::invalid(vec![FieldError { loc, msg: text.into(), kind: "value_error".into() }])
}
