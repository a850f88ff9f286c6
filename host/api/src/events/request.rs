//! The parameters of a request for events.

use super::super::{ApiError, FieldError};
use axum::http::HeaderMap;
use morag_core::webhook::EventFilter;
use morag_input::Text;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Longest id that is taken: the server's own have at most 78 characters.
const ID_BYTES_MAX: usize = 128;

const LAST_EVENT_ID: &str = "last-event-id";

/// Which events to send, and after which one.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only these types: names or patterns with `*`, comma separated, such as `step_completed,task_*`.
    #[param(value_type = Option<String>)]
    pub(super) events: Option<Types>,
    /// As the header `Last-Event-ID`, for clients that cannot send it; the header wins. Also as `lastEventId`.
    #[serde(alias = "lastEventId")]
    #[param(value_type = Option<String>, max_length = 128)]
    last_event_id: Option<Text<ID_BYTES_MAX>>,
}

/// The event types to send.
#[derive(Debug)]
pub(super) struct Types(pub(super) EventFilter);

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

impl EventsQuery {
    /// The id to resume after. The header wins: a client that reconnects by itself keeps the URL, with the old id in its query.
    pub(super) fn last_event_id<'a>(&'a self, headers: &'a HeaderMap) -> Result<Option<&'a str>, ApiError> {
        let header = match headers.get(LAST_EVENT_ID) {
            None => None,
            Some(value) => Some(value.to_str().map_err(|_| refused("Last-Event-ID must be text"))?.trim()),
        };
        // Clients that have received no id yet may send an empty one.
        let header = header.filter(|id| !id.is_empty());
        if header.is_some_and(|id| id.len() > ID_BYTES_MAX) {
            return Err(refused(&format!("Last-Event-ID must have at most {ID_BYTES_MAX} bytes")));
        }
        Ok(header.or_else(|| self.last_event_id.as_ref().map(|id| id.0.as_str())))
    }
}

/// 422 for an id that this server has not sent.
pub(super) fn refused(text: &str) -> ApiError {
    let loc = vec!["header".into(), "Last-Event-ID".into()];
    ApiError::invalid(vec![FieldError { loc, msg: text.into(), kind: "value_error".into() }])
}
