//! Sending a sample to an endpoint.

use super::input::invalid;
use super::path::{PathEndpoint, load};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::delivery_body::OutcomeBody;
use crate::error::ErrorBody;
use crate::query::NoQuery;
use crate::submit::json;
use crate::words::EventType;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use morag_core::ports::WebhookRequest;
use morag_core::task::TaskId;
use morag_core::webhook::{
    Cursor, CursorName, HeaderInput, SampleInput, UnknownSample, headers, redact, render, sample,
};
use morag_engine::VERSION;
use morag_input::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// Default event: the one with the most data.
const EVENT_DEFAULT: &str = "step_completed";

/// The sample to send.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "event_type": "step_completed", "step": "chunking" }))]
pub struct TestRequest {
    /// Event type, default `step_completed`.
    #[schema(value_type = Option<EventType>)]
    event_type: Option<String>,
    /// Step of a step event, default the first.
    #[schema(format = "step")]
    step: Option<String>,
}

/// The result of sending a sample.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestAnswer {
    /// Whether the receiver accepted it with 2xx.
    pub delivered: bool,
    /// Event type of the sample.
    pub event_type: String,
    /// Its `X-MoRAG-Delivery`. The delivery is not logged.
    #[schema(value_type = String, format = Uuid)]
    pub delivery_id: String,
    /// The URL; credentials and query hidden.
    pub url: String,
    /// Its outcome.
    #[serde(flatten)]
    pub outcome: OutcomeBody,
}

/// Send a sample to an endpoint
///
/// At once, without retries, signed as every webhook of the endpoint, even if it is disabled. The task of the sample does not exist.
#[utoipa::path(
    post, path = "/api/v1/webhooks/endpoints/{endpoint_id}/test", tag = "webhooks", operation_id = "test_endpoint",
    params(PathEndpoint),
    request_body(content = Option<TestRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "What the receiver answered, or why it did not", body = TestAnswer),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 422, description = "No such event or step", body = ErrorBody),
        (status = 429, description = "Too many samples of yours or of your tenant (`too_many_tests`), or too many webhooks to the receiver (`receiver_busy`), are under way", body = ErrorBody),
        (status = 503, description = "Its credentials cannot be read", body = ErrorBody),
    )
)]
pub async fn send(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathEndpoint(id): PathEndpoint,
    _: NoQuery,
    request: Request,
) -> Result<Json<TestAnswer>, ApiError> {
    let asked: TestRequest = json::read_texts_as(request).await?;
    let event_type = asked.event_type.as_deref().unwrap_or(EVENT_DEFAULT);
    let step = asked.step.as_deref();
    let _permit = match app.config.has_tenants() {
        true => app.fair.tests.take_of_tenant(&caller)?,
        false => app.fair.tests.take(&caller)?,
    };
    let opened = load(&app, &id).await?;
    let credentials = opened
        .credentials
        .as_ref()
        .map_err(|error| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "credentials_unreadable", error.to_string()))?;
    let now = app.clock.now();
    let made = sample(SampleInput { event_type, step, task: TaskId::random(), now });
    let (record, event) = made.map_err(|error| {
        let name = match error {
            UnknownSample::Event(_) => "event_type",
            UnknownSample::Step { .. } => "step",
        };
        invalid([Problem::invalid(name, error.to_string())])
    })?;
    let endpoint = opened.endpoint.endpoint(credentials);
    let cursor = Cursor {
        task: record.id,
        name: CursorName::of_named(id.clone()),
        next_event: event.sequence,
        next_delivery: event.sequence,
        attempts: 0,
        url: None,
    };
    let body = render(&endpoint, &record, &event);
    let headers = headers(HeaderInput {
        endpoint: &endpoint,
        cursor: &cursor,
        sequence: cursor.next_delivery,
        event_type: event.kind.event_type(),
        body: &body,
        secrets: &credentials.signing(now),
        trace: None,
        version: VERSION,
        now,
    });
    let url = endpoint.url.clone();
    // Counted with deliveries: both together are limited for each receiver.
    let lane = cursor.name.to_string();
    let Ok(_host) = app.lanes.enter_host(url.authority(), &lane, app.clock.steady()) else {
        let text = format!("The limit of concurrent webhooks to {} is reached: try again later", url.authority());
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "receiver_busy", text).retry_after());
    };
    let request = WebhookRequest { url, headers, body: body.into(), timeout: app.config.webhook_timeout };
    let outcome = app.sender.send(request).await;
    let delivered = outcome.error.is_none() && outcome.status.is_some_and(|status| (200..300).contains(&status));
    let error = outcome.error.map(|class| json!(class));
    let error = error.as_ref().and_then(Value::as_str);
    tracing::info!(
        endpoint = id.as_str(),
        event_type,
        delivered,
        status = outcome.status,
        error,
        "webhook sample sent"
    );
    Ok(Json(TestAnswer {
        delivered,
        event_type: event_type.to_owned(),
        delivery_id: cursor.delivery_id().to_string(),
        url: redact(endpoint.url.as_url()),
        outcome: outcome.into(),
    }))
}
