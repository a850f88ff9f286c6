//! Sending an endpoint's deliveries again: the dead ones (`recover`), or all since a time, also to another URL (`replay`).
//!
//! Both are paced: deliveries that piled up while a receiver was down must not overload it when it is back.

use super::input::{invalid, other_url};
use super::path::{PathEndpoint, load};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::query::Query;
use crate::resending::{due, refused};
use crate::submit::json;
use axum::Json;
use axum::extract::{Extension, Request, State};
use morag_core::Timestamp;
use morag_core::ports::{DeliveryFilter, DeliveryState, EndpointDelivery, NewResend, ResendError, StoreError};
use morag_core::webhook::{EndpointId, WebhookUrl};
use morag_input::{Problem, Time, Word, Words};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Deliveries of one call: each is a commit, and the caller waits for all.
const CALL_MAX: usize = 1000;

/// Deliveries of a state that are read in one call, to find the oldest.
const SCAN_MAX: usize = 20_000;

/// Deliveries read at once.
const PAGE: usize = 1000;

/// The result of sending again.
#[derive(Debug, Serialize, ToSchema)]
pub struct SentAgain {
    /// The endpoint.
    pub endpoint: String,
    /// Deliveries that are sent again, oldest first, 20 a second.
    pub resent: usize,
    /// Deliveries that are skipped: they were sent again too often, or are being sent now.
    pub skipped: usize,
    /// Deliveries that are left for another call.
    pub remaining: usize,
    /// `since` for the next call; null if none are left.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_since: Option<Timestamp>,
    /// When the last of them is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_due: Option<Timestamp>,
}

/// Which deliveries to send again. Also in the query; the body wins.
#[derive(Debug, Default, Deserialize, ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[schema(example = json!({ "since": "2026-01-31T10:00:00Z" }))]
pub struct RecoverRequest {
    /// Only deliveries that were given up at this time or later.
    #[param(inline)]
    #[schema(inline)]
    since: Option<Time>,
}

/// The states of a delivery that is not being sent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Settled {
    Delivered,
    Dead,
    Resent,
}

impl Words for Settled {
    const NAME: &'static str = "SettledState";
    const ALL: &'static [Self] = &[Self::Delivered, Self::Dead, Self::Resent];
}

impl From<Settled> for DeliveryState {
    fn from(settled: Settled) -> Self {
        match settled {
            Settled::Delivered => Self::Delivered,
            Settled::Dead => Self::Dead,
            Settled::Resent => Self::Resent,
        }
    }
}

type SettledWord = Word<Settled>;

/// Which deliveries to send again, as in the body, which wins.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReplayQuery {
    /// Only deliveries whose state changed at this time or later.
    #[param(inline)]
    since: Option<Time>,
    /// Only deliveries in this state; all three when absent.
    #[param(inline)]
    status: Option<SettledWord>,
}

/// Which deliveries to send again, and to which URL. `since` is required, here or in the query.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "since": "2026-01-31T10:00:00Z", "status": "dead" }))]
pub struct ReplayRequest {
    /// Only deliveries whose state changed at this time or later.
    #[schema(inline)]
    since: Option<Time>,
    /// Only deliveries in this state; all three when absent.
    status: Option<SettledWord>,
    /// Another URL than the endpoint's. The endpoint's token and headers are not sent to it.
    #[schema(format = "uri", example = "https://crm.example.com/hooks/again")]
    url: Option<String>,
}

/// Send dead deliveries again
///
/// Every dead delivery of the endpoint, oldest first and paced, at most 1000 a call.
#[utoipa::path(
    post, path = "/api/v1/webhooks/endpoints/{endpoint_id}/recover", tag = "webhooks", operation_id = "recover_endpoint",
    params(
        PathEndpoint,
        RecoverRequest,
    ),
    request_body(content = Option<RecoverRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "The deliveries are sent again", body = SentAgain),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 422, description = "An invalid time", body = ErrorBody),
    )
)]
pub async fn recover(
    State(app): State<Arc<Api>>,
    PathEndpoint(id): PathEndpoint,
    Query(query): Query<RecoverRequest>,
    request: Request,
) -> Result<Json<SentAgain>, ApiError> {
    let asked: RecoverRequest = json::read_texts_as(request).await?;
    let since = asked.since.or(query.since).map(|time| time.0);
    load(&app, &id).await?;
    let found = find(&app, &id, &[DeliveryState::Dead], since, |_| true).await?;
    Ok(Json(send(&app, id, found, None).await?))
}

/// Replay deliveries
///
/// Every delivery since that time that is not pending, once, oldest first and paced, at most 1000 a call; to another URL if one is
/// given, signed as for the endpoint.
#[utoipa::path(
    post, path = "/api/v1/webhooks/endpoints/{endpoint_id}/replay", tag = "webhooks", operation_id = "replay_endpoint",
    params(PathEndpoint, ReplayQuery),
    request_body(content = Option<ReplayRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "The deliveries are sent again", body = SentAgain),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 422, description = "`since` is missing, or a value is invalid", body = ErrorBody),
    )
)]
pub async fn replay(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathEndpoint(id): PathEndpoint,
    Query(query): Query<ReplayQuery>,
    request: Request,
) -> Result<Json<SentAgain>, ApiError> {
    let asked: ReplayRequest = json::read_texts_as(request).await?;
    let since = asked.since.or(query.since).map(|time| time.0);
    if since.is_none() {
        return Err(invalid([Problem::invalid(
            "since",
            "since is required: the time from which on deliveries are sent again",
        )]));
    }
    let states: Vec<DeliveryState> = match asked.status.or(query.status) {
        None => Settled::ALL.iter().map(|state| (*state).into()).collect(),
        Some(Word(state)) => vec![state.into()],
    };
    load(&app, &id).await?;
    let url = other_url(&app, &caller, asked.url).await?;
    // Only originals: a resend is logged as a delivery of its own, and each event is sent once.
    let found = find(&app, &id, &states, since, |one| one.record.resend == 0).await?;
    if found.is_cut {
        let msg = format!("there are more than {SCAN_MAX} deliveries since then: give a later time, or a status");
        return Err(invalid([Problem::invalid("since", msg)]));
    }
    Ok(Json(send(&app, id, found, url).await?))
}

/// Deliveries to send again, oldest first, and the number of those left for another call.
struct Found {
    deliveries: Vec<EndpointDelivery>,
    remaining: usize,
    next_since: Option<Timestamp>,
    /// Whether there are older ones that were not read.
    is_cut: bool,
}

async fn find(
    app: &Api,
    endpoint: &EndpointId,
    states: &[DeliveryState],
    since: Option<Timestamp>,
    wanted: impl Fn(&EndpointDelivery) -> bool,
) -> Result<Found, StoreError> {
    let (mut all, mut is_cut) = (Vec::<EndpointDelivery>::new(), false);
    for state in states {
        let mut filter =
            DeliveryFilter { endpoint: endpoint.clone(), state: Some(*state), since, limit: PAGE, cursor: None };
        let mut seen = 0;
        loop {
            let page = app.deliveries.endpoint_deliveries(&filter).await?;
            seen += page.items.len();
            all.extend(page.items.into_iter().filter(&wanted));
            filter.cursor = page.next_cursor;
            if filter.cursor.is_none() {
                break;
            }
            if seen >= SCAN_MAX {
                is_cut = true;
                break;
            }
        }
    }
    all.sort_by_key(|one| (one.record.at, one.task, one.record.delivery));
    let mut end = all.len().min(CALL_MAX);
    // The next call begins at a time, so the deliveries of one millisecond must be in one call.
    while end > 0 && end < all.len() && all[end].record.at == all[end - 1].record.at {
        end += 1;
    }
    let next_since = all.get(end).map(|one| one.record.at);
    let remaining = all.len() - end;
    all.truncate(end);
    // Deliveries that were not read are older than these: the next call begins at the same time.
    let next_since = if is_cut { Some(since.unwrap_or(Timestamp::from_millis(0))) } else { next_since };
    Ok(Found { deliveries: all, remaining, next_since, is_cut })
}

async fn send(app: &Api, endpoint: EndpointId, found: Found, url: Option<WebhookUrl>) -> Result<SentAgain, ApiError> {
    let (now, mut resent, mut skipped, mut last_due) = (app.clock.now(), 0, 0, None);
    for EndpointDelivery { task, record } in found.deliveries {
        let due = due(now, resent);
        let new = NewResend { task, endpoint: endpoint.clone(), delivery: record.delivery, url: url.clone(), due };
        match app.deliveries.resend(&new).await {
            Ok(_) => {
                resent += 1;
                last_due = Some(due);
            }
            // Its task expired, it is being sent, or it was sent again too often.
            Err(ResendError::Unknown | ResendError::Pending | ResendError::TooMany) => skipped += 1,
            Err(error @ ResendError::Store(_)) => return Err(refused(error)),
        }
    }
    let Found { remaining, next_since, .. } = found;
    tracing::info!(endpoint = endpoint.as_str(), resent, skipped, remaining, "webhook resends queued");
    Ok(SentAgain { endpoint: endpoint.name().to_owned(), resent, skipped, remaining, next_since, last_due })
}
