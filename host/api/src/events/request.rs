//! What a request for events says.

use super::super::query::Parameters;
use super::super::{ApiError, FieldError};
use axum::http::HeaderMap;
use morag_core::webhook::EventFilter;

/// Longest id that is taken: ours are at most 78 characters.
const ID_LENGTH_MAX: usize = 128;

const LAST_EVENT_ID: &str = "last-event-id";

/// The types that are wanted; all of them where none are named.
pub(super) fn filter(parameters: &Parameters) -> Result<EventFilter, ApiError> {
    let Some(text) = parameters.text("events") else { return Ok(EventFilter::default()) };
    text.parse().map_err(|error| ApiError::invalid(vec![FieldError::query("events", format!("{error}"))]))
}

/// The id to go on from. The header wins: a client that connects again by itself keeps the URL it was given.
pub(super) fn last_event_id<'a>(
    headers: &'a HeaderMap,
    parameters: &'a Parameters,
) -> Result<Option<&'a str>, ApiError> {
    let header = match headers.get(LAST_EVENT_ID) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| refused("Last-Event-ID is no text"))?.trim()),
    };
    // An empty one is what a client sends that has got no id yet.
    let id = header.filter(|id| !id.is_empty()).or_else(|| parameters.text("last_event_id"));
    match id.is_some_and(|id| id.len() > ID_LENGTH_MAX) {
        true => Err(refused(&format!("Last-Event-ID is longer than {ID_LENGTH_MAX} characters: ids of ours are not"))),
        false => Ok(id),
    }
}

/// 422: the id is none of ours.
pub(super) fn refused(text: &str) -> ApiError {
    let loc = vec!["header".into(), "Last-Event-ID".into()];
    ApiError::invalid(vec![FieldError { loc, msg: text.into(), kind: "value_error".into() }])
}
