//! The parameters of a request for events.

use super::super::{ApiError, FieldError, parameter};
use axum::http::HeaderMap;
use morag_core::webhook::EventFilter;
use morag_input::Text;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// Longest id that is taken: the server's own have at most 78 characters.
const ID_BYTES_MAX: usize = 128;

/// An id of a task's event, or of one of all tasks. [`EventsQuery`] repeats it: its derive takes a literal.
const ID_PATTERN: &str = "^[0-9]+(\\.[0-9a-f-]{36}\\.[0-9]+)?$";

const LAST_EVENT_ID: &str = "last-event-id";

/// Which events to send, and after which one.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only these types: names or patterns with `*`, comma separated, such as `step_completed,task_*`.
    #[param(value_type = Option<String>, example = "step_completed,task_*")]
    pub(super) events: Option<Types>,
    /// As the header `Last-Event-ID`, for clients that cannot send it; the header wins. Also as `lastEventId`.
    #[serde(alias = "lastEventId")]
    #[param(value_type = Option<String>, max_length = 128, pattern = "^[0-9]+(\\.[0-9a-f-]{36}\\.[0-9]+)?$", example = "4")]
    last_event_id: Option<Text<ID_BYTES_MAX>>,
}

/// The header `Last-Event-ID` in the OpenAPI document.
pub struct LastEventId;

impl utoipa::IntoParams for LastEventId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = "Id of the last event that was received: the stream resumes after it";
        let id = ObjectBuilder::new().max_length(Some(ID_BYTES_MAX)).pattern(Some(ID_PATTERN));
        vec![parameter::text(ParameterIn::Header, "Last-Event-ID", text, id, "4")]
    }
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
