//! A delivery as the log of deliveries shows it.

use crate::words::{EventType, NoAnswer};
use morag_core::Timestamp;
use morag_core::ports::{AttemptRecord, DeliveryRecord, DeliveryState, TaskOutline};
use morag_core::task::TaskId;
use morag_core::webhook::{AttemptOutcome, EndpointId, ErrorClass, delivery_id, redact};
use morag_engine::endpoints::EndpointSnapshot;
use morag_input::DeliveryWord;
use serde::Serialize;
use utoipa::ToSchema;

/// One delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryBody {
    /// `X-MoRAG-Delivery`.
    #[schema(value_type = String, format = Uuid)]
    pub delivery_id: String,
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Id of the endpoint; `task` for the task's own `webhook_url`.
    pub endpoint: String,
    /// The URL; credentials and query hidden. Null if the endpoint does not exist any more.
    pub url: Option<String>,
    /// Whether it was replayed to another URL than the endpoint's.
    pub replayed: bool,
    /// `X-MoRAG-Sequence`; null if it is not decided yet.
    pub sequence: Option<u64>,
    /// 0 for the original delivery, from 1 for resends.
    pub resend: u32,
    /// Position of the event in the task's history.
    pub event_sequence: u64,
    /// Type of the event; null if the task is no longer stored.
    #[schema(value_type = Option<EventType>)]
    pub event_type: Option<String>,
    /// `pending`, `delivered`, `dead` (given up), or `resent`: given up, and sent again since, as a delivery of its own.
    #[schema(value_type = DeliveryWord)]
    pub state: DeliveryState,
    /// When its state changed last.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptBody>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    /// `X-MoRAG-Attempt`.
    pub attempt: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its outcome.
    #[serde(flatten)]
    pub outcome: OutcomeBody,
}

/// The outcome of an exchange.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeBody {
    /// HTTP status of the answer; null if there was none.
    pub http_status: Option<u16>,
    /// Why there was no answer; null if there was one, and if nothing was sent because the event was too old: `dns`, `address_refused`, `connect`, `tls`, `timeout`, `reset` or `protocol`.
    #[schema(value_type = Option<NoAnswer>)]
    pub error: Option<ErrorClass>,
    /// Beginning of the answer or of the error's text, or why nothing was sent; at most 1 KiB.
    pub excerpt: String,
    /// How long it took, to the last byte.
    pub duration_ms: u64,
    /// What the receiver asked for in `Retry-After`, milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl From<AttemptOutcome> for OutcomeBody {
    fn from(outcome: AttemptOutcome) -> Self {
        let AttemptOutcome { status, error, retry_after_ms, excerpt, duration_ms } = outcome;
        Self { http_status: status, error, excerpt, duration_ms, retry_after_ms }
    }
}

/// The body of a delivery, whose task is still stored.
pub fn delivery(
    known: &EndpointSnapshot,
    task: TaskId,
    outline: &TaskOutline,
    record: DeliveryRecord,
    sequence: Option<u64>,
) -> DeliveryBody {
    let DeliveryRecord { endpoint, delivery, resend, event, state, at, url, attempts } = record;
    let own = || outline.accepted.webhook_url.clone().filter(|_| endpoint == EndpointId::of_task());
    let named = || known.get(&endpoint).map(|opened| redact(opened.endpoint.settings.url.as_url()));
    let place = usize::try_from(event).ok().and_then(|event| event.checked_sub(1));
    DeliveryBody {
        delivery_id: delivery_id(task, &endpoint, delivery, resend).to_string(),
        task_id: task.to_string(),
        replayed: url.is_some(),
        url: url.map(|url| redact(url.as_url())).or_else(own).or_else(named),
        endpoint: endpoint.name().to_owned(),
        sequence,
        resend,
        event_sequence: event,
        event_type: place.and_then(|place| outline.event_types.get(place)).cloned(),
        state,
        at,
        attempts: attempts.into_iter().map(attempt).collect(),
    }
}

fn attempt(record: AttemptRecord) -> AttemptBody {
    let AttemptRecord { attempt, at, outcome } = record;
    AttemptBody { attempt, at, outcome: outcome.into() }
}
