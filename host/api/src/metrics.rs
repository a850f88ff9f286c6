//! `/metrics`, for Prometheus.

use super::ApiError;
use crate::Api;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use morag_core::ports::{Queue, QueueCounts, StoreError};
use morag_engine::metrics::StoreFacts;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long the store's numbers are reused. Counting runs a script for each bucket of Redis, and `/metrics` needs no key:
/// frequent scrapes get the same numbers.
const FACTS_AGE_MAX: Duration = Duration::from_secs(5);

/// Longest wait for the store: Prometheus gives up after 10 s.
const STORE_MAX: Duration = Duration::from_secs(5);

/// Media type of the text format.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Metrics
///
/// In the text format of Prometheus. Needs no key.
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "get_metrics", security(()),
    responses((status = 200, description = "The metrics of this process and its store", body = String, content_type = "application/openmetrics-text"))
)]
pub async fn metrics(State(app): State<Arc<Api>>) -> Result<Response, ApiError> {
    refresh(&app).await;
    let breakers = app.lanes.breakers(app.clock.steady());
    app.metrics.breakers([breakers.closed, breakers.open, breakers.half_open]);
    if let Some(free) = app.disk.free_bytes().await {
        app.metrics.disk(free);
    }
    if let Some(process) = &app.process
        && let Some(usage) = process.usage().await
    {
        app.metrics.process(&usage);
    }
    let text = app.metrics.render().map_err(|error| ApiError::internal(format!("metrics: {error}")))?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}

async fn refresh(app: &Api) {
    let mut asked = app.metrics.store_asked.lock().await;
    if asked.is_some_and(|asked| asked.elapsed() < FACTS_AGE_MAX) {
        return;
    }
    let facts = match tokio::time::timeout(STORE_MAX, facts(app)).await {
        Ok(Ok(facts)) => Some(facts),
        Ok(Err(error)) => {
            tracing::warn!(%error, "cannot read metrics from the store");
            None
        }
        Err(_) => {
            tracing::warn!(timeout_seconds = STORE_MAX.as_secs(), "the store did not answer in time for metrics");
            None
        }
    };
    app.metrics.store(facts.as_ref());
    *asked = Some(Instant::now());
}

async fn facts(app: &Api) -> Result<StoreFacts, StoreError> {
    let deliveries = app.queue.queue_counts(Queue::Deliveries).await?;
    let tasks = app.queue.queue_counts(Queue::Tasks).await?;
    let mut endpoints = [0; 3];
    for opened in app.endpoints.recent().await?.all() {
        let state = match (&opened.endpoint.disabled, opened.endpoint.failing_since) {
            (Some(_), _) => 2,
            (None, Some(_)) => 1,
            (None, None) => 0,
        };
        endpoints[state] += 1;
    }
    let counts = |counts: QueueCounts| [counts.due, counts.leased, counts.later];
    Ok(StoreFacts {
        deliveries: counts(deliveries),
        tasks_queued: counts(tasks),
        oldest_delivery: deliveries.oldest_due,
        oldest_task: tasks.oldest_due,
        tasks: app.tasks.counts().await?,
        endpoints,
    })
}
