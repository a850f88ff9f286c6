//! An endpoint's events for a task or document, by sequence: a receiver that notices a gap reads the events that it missed.

use super::path::{PathEndpoint, load};
use crate::Api;
use crate::ApiError;
use crate::error::{ErrorBody, FieldError};
use crate::query::{Query, SmallLimit};
use crate::words::EventType;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use morag_core::ports::{Chain, DeliveryState, StoreError, TaskLog};
use morag_core::task::{DocumentId, Event, TaskId, TaskRecord};
use morag_core::webhook::{Credentials, NamedEndpoint, OrderScope, delivery_id, view};
use morag_core::{PageBudget, Timestamp};
use morag_engine::endpoints::Opened;
use morag_input::{DeliveryWord, OrderWord, WholeOr};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use utoipa::ToSchema;

/// A sequence: whatever a client has.
type After = WholeOr<0, { u64::MAX }, 0>;

/// Which events to read.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PullQuery {
    /// Id of a task; for an endpoint with `order=document`, of a document.
    #[param(example = "6f1c2a1e-3b7d-4c58-9e2a-8d0f5b1c7a42")]
    key: Option<String>,
    /// Another name of `key`, for an endpoint with `order=task`.
    #[param(example = "6f1c2a1e-3b7d-4c58-9e2a-8d0f5b1c7a42")]
    task_id: Option<String>,
    /// Another name of `key`, for an endpoint with `order=document`.
    #[param(example = "manual-x200")]
    document_id: Option<String>,
    /// Only events after this sequence.
    #[param(inline)]
    #[serde(default)]
    after: After,
    /// Events of a page: each has its body.
    #[param(inline)]
    #[serde(default)]
    limit: SmallLimit,
}

/// Bytes of the bodies of a page: two hundred of usual size. A page with longer bodies ends early, with `has_more`.
const BODIES_BYTES_MAX: usize = 4 << 20;

/// An endpoint's events of a key, in the order of their sequence.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointEvents {
    /// The endpoint.
    pub endpoint: String,
    /// `task` or `document`: what the key is of.
    #[schema(value_type = OrderWord)]
    pub order: OrderScope,
    /// The task or document.
    pub key: String,
    /// The events of this page.
    pub events: Vec<EndpointEvent>,
    /// `after` for the next page: the sequence of the last event here, or what was asked for.
    pub next_after: u64,
    /// Whether there are more now.
    pub has_more: bool,
}

/// An event as the endpoint gets it.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointEvent {
    /// `X-MoRAG-Sequence`.
    pub sequence: u64,
    /// `X-MoRAG-Delivery` of its first delivery.
    #[schema(value_type = String, format = Uuid)]
    pub delivery_id: String,
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Position of the event in the task's history.
    pub event_sequence: u64,
    /// Type of the event.
    #[schema(value_type = EventType)]
    pub event_type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// `pending` (also where nothing was sent yet), `delivered`, `dead` or `resent`: of the last delivery of it.
    #[schema(value_type = DeliveryWord)]
    pub state: DeliveryState,
    /// The body as it is sent.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub body: Box<RawValue>,
}

/// Events of an endpoint by sequence
///
/// The events of one key after a sequence, each with the body that is sent, whether it was delivered or not. Events that the
/// endpoint does not choose have no sequence. With `order=document`, those of a task whose turn has not come have none yet.
#[utoipa::path(
    get, path = "/api/v1/webhooks/endpoints/{endpoint_id}/events", tag = "webhooks", operation_id = "list_endpoint_events",
    params(
        PathEndpoint,
        PullQuery,
    ),
    responses(
        (status = 200, description = "The events in order", body = EndpointEvents),
        (status = 404, description = "No such endpoint, no such task, or the task is not for the endpoint (`no_events_of_task`)", body = ErrorBody),
        (status = 422, description = "No key, or an invalid parameter", body = ErrorBody),
    )
)]
pub async fn list(
    State(app): State<Arc<Api>>,
    PathEndpoint(id): PathEndpoint,
    Query(query): Query<PullQuery>,
) -> Result<Json<EndpointEvents>, ApiError> {
    let (after, limit) = (query.after.0, query.limit.0 as usize);
    let opened = load(&app, &id).await?;
    let order = opened.endpoint.settings.order;
    let key = key(query, order)?;
    let mut page = Page {
        app: &app,
        opened: &opened,
        after,
        limit: limit + 1,
        events: Vec::new(),
        budget: PageBudget::new(BODIES_BYTES_MAX),
        is_cut: false,
        task: None,
    };
    match order {
        OrderScope::Task => {
            let task: TaskId = key.parse().map_err(|_| ApiError::unknown_task())?;
            if !page.add(task, 0, 0, u64::MAX).await? {
                let tenant = app.tasks.tenant_of(task).await?;
                return Err(match tenant.is_some_and(|tenant| id.is_of(&tenant)) {
                    true => no_events(),
                    false => ApiError::unknown_task(),
                });
            }
        }
        OrderScope::Document => page.add_document(&key).await?,
    }
    let mut events = page.events;
    let has_more = page.is_cut || events.len() > limit;
    events.truncate(limit);
    let next_after = events.last().map_or(after, |last| last.sequence);
    Ok(Json(EndpointEvents { endpoint: id.name().to_owned(), order, key, events, next_after, has_more }))
}

/// 404 for a task of the endpoint's tenant that is not for the endpoint.
fn no_events() -> ApiError {
    let text = "The endpoint has no events of this task: it was accepted before the endpoint was created, or the endpoint's filter \
                leaves it out";
    ApiError::new(StatusCode::NOT_FOUND, "no_events_of_task", text)
}

fn key(query: PullQuery, order: OrderScope) -> Result<String, ApiError> {
    let PullQuery { key, task_id, document_id, .. } = query;
    let (alias, given, other, is_other) = match order {
        OrderScope::Task => ("task_id", task_id, "document_id", document_id.is_some()),
        OrderScope::Document => ("document_id", document_id, "task_id", task_id.is_some()),
    };
    key.or(given).ok_or_else(|| {
        let hint = if is_other { format!(", not {other}") } else { String::new() };
        let word = alias.trim_end_matches("_id");
        let msg = format!("key (or {alias}) is required{hint}: this endpoint's sequence is counted for each {word}");
        ApiError::invalid(vec![FieldError::query("key", msg)])
    })
}

/// An event with the number and state of its delivery within its task.
struct Numbered {
    delivery: u64,
    event: Event,
    state: DeliveryState,
}

/// A page that is being filled.
struct Page<'a> {
    app: &'a Api,
    opened: &'a Opened,
    after: u64,
    limit: usize,
    events: Vec<EndpointEvent>,
    budget: PageBudget,
    /// Whether the budget was used up.
    is_cut: bool,
    /// The task that was read last: only one is in memory.
    task: Option<(TaskId, Task)>,
}

/// A task that is for the endpoint.
struct Task {
    record: Arc<TaskRecord>,
    numbered: Vec<Numbered>,
}

impl Page<'_> {
    /// Adds a document's events: those of its tasks in order, numbered consecutively.
    async fn add_document(&mut self, key: &str) -> Result<(), ApiError> {
        let document = DocumentId::try_from(key.to_owned());
        let document =
            document.map_err(|error| ApiError::invalid(vec![FieldError::query("key", error.to_string())]))?;
        let chain = Chain { endpoint: self.opened.endpoint.id.clone(), document };
        let mut before: HashMap<TaskId, u64> = HashMap::new();
        for link in self.app.chains.links(&chain).await? {
            let from = before.get(&link.task).copied().unwrap_or(0);
            let up_to = link.delivered.unwrap_or(u64::MAX);
            before.insert(link.task, up_to);
            let Some(base) = link.base else { break };
            if self.is_cut || self.events.len() >= self.limit {
                break;
            }
            // All of its events are before the page.
            if up_to != u64::MAX && base.saturating_add(up_to) <= self.after {
                continue;
            }
            self.add(link.task, base, from, up_to).await?;
        }
        Ok(())
    }

    /// Adds a task's events whose deliveries have numbers after `from` and up to `up_to`. `false`: there is no such task, or it is
    /// not for this endpoint.
    async fn add(&mut self, id: TaskId, base: u64, from: u64, up_to: u64) -> Result<bool, ApiError> {
        let task = match self.task.take() {
            Some((last, task)) if last == id => task,
            _ => match read(self.app, &self.opened.endpoint, id).await? {
                Some(task) => task,
                None => return Ok(false),
            },
        };
        let endpoint = &self.opened.endpoint;
        let mine = task.numbered.iter().filter(|one| one.delivery > from && one.delivery <= up_to);
        let new = mine.filter(|one| base + one.delivery > self.after).take(self.limit - self.events.len());
        for Numbered { delivery, event, state } in new {
            let body = to_raw_value(&view(endpoint.settings.format, &task.record, event));
            let body = body.map_err(|error| ApiError::internal(format!("the body of an event: {error}")))?;
            if !self.budget.takes(body.get().len()) {
                self.is_cut = true;
                break;
            }
            self.events.push(EndpointEvent {
                sequence: base + delivery,
                delivery_id: delivery_id(id, &endpoint.id, *delivery, 0).to_string(),
                task_id: id.to_string(),
                event_sequence: event.sequence,
                event_type: event.kind.event_type().to_owned(),
                timestamp: event.timestamp,
                state: *state,
                body,
            });
        }
        self.task = Some((id, task));
        Ok(true)
    }
}

/// A task's events for an endpoint; none where there is no such task, or it is not for the endpoint.
async fn read(app: &Api, endpoint: &NamedEndpoint, id: TaskId) -> Result<Option<Task>, StoreError> {
    let Some(TaskLog { record, events, .. }) = app.tasks.load(id).await? else { return Ok(None) };
    if !endpoint.id.is_of(&record.tenant) || !record.subscribers.contains(&endpoint.id) {
        return Ok(None);
    }
    // Deliveries keep their numbers when the endpoint's event filter is changed; later events are numbered on from them.
    let mut delivered: BTreeMap<u64, (u64, u32, DeliveryState)> = BTreeMap::new();
    for made in app.deliveries.deliveries(id).await?.into_iter().filter(|made| made.endpoint == endpoint.id) {
        let known = delivered.entry(made.event).or_insert((made.delivery, made.resend, made.state));
        if made.resend >= known.1 {
            *known = (made.delivery, made.resend, made.state);
        }
    }
    let (last_event, mut last) =
        delivered.last_key_value().map_or((0, 0), |(event, (delivery, ..))| (*event, *delivery));
    let takes = endpoint.endpoint(&Credentials::default());
    let mut numbered = Vec::new();
    for event in events {
        let (delivery, state) = match delivered.get(&event.sequence) {
            Some((delivery, _, state)) => (*delivery, *state),
            None if event.sequence > last_event && takes.takes(&event) => {
                last += 1;
                (last, DeliveryState::Pending)
            }
            None => continue,
        };
        numbered.push(Numbered { delivery, event, state });
    }
    Ok(Some(Task { record, numbered }))
}
