//! The state of a named endpoint, as its deliveries change it: failing, recovered, disabled.

use crate::App;
use crate::endpoints::{Opened, UpdateError};
use morag_core::SteadyTime;
use morag_core::webhook::{Disabled, DisabledReason, EndpointId, NamedEndpoint, Operational};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long an endpoint has failed when that is stored: a short failure is of no interest, and every process reads each change of an
/// endpoint.
const NOTED_AFTER: Duration = Duration::from_secs(60);

/// Notes how an attempt went.
pub(super) async fn note(app: &App, opened: &Opened, lane: &str, is_success: bool, failing_since: Option<SteadyTime>) {
    let stored = opened.endpoint.failing_since;
    let id = &opened.endpoint.id;
    if is_success {
        if stored.is_some() {
            log_failure(id, app.endpoints.update(id, |endpoint| endpoint.failing_since.take().is_some()).await);
        }
        return;
    }
    // In this process by the steady clock; what is stored is a time of day.
    let failing_for = failing_since.map_or(Duration::ZERO, |since| app.clock.steady().since(since));
    let now = app.clock.now();
    // Failures before its last change are forgiven.
    let failing_for = failing_for.min(now.since(opened.endpoint.updated_at));
    let since = stored.unwrap_or_else(|| now.minus(failing_for));
    let limit = app.config.webhook_disable_after;
    if now.since(since) >= limit {
        disable(app, id, DisabledReason::Failing).await;
        app.lanes.forgive(lane);
    } else if stored.is_none() && failing_for >= NOTED_AFTER.min(limit / 4) {
        let change = |endpoint: &mut NamedEndpoint| {
            let is_new = endpoint.failing_since.is_none();
            endpoint.failing_since.get_or_insert(since);
            is_new
        };
        log_failure(id, app.endpoints.update(id, change).await);
    }
}

/// The endpoint has answered that it is gone. Gives whether it is disabled now.
pub(super) async fn disable_gone(app: &App, id: &EndpointId) -> bool {
    disable(app, id, DisabledReason::Gone).await
}

async fn disable(app: &App, id: &EndpointId, reason: DisabledReason) -> bool {
    let at = app.clock.now();
    let known = app.endpoints.last_known();
    // Those of its tenant alone are told.
    let tenant = id.tenant();
    let listeners = known.of(&tenant).filter(|other| other.endpoint.settings.operational != Operational::No);
    let to_tell: BTreeMap<_, _> = listeners
        .filter(|other| other.endpoint.id != *id && other.endpoint.disabled.is_none())
        .map(|other| (other.endpoint.id.clone(), 0))
        .collect();
    let change = |endpoint: &mut NamedEndpoint| {
        let is_new = endpoint.disabled.is_none();
        endpoint.disabled.get_or_insert(Disabled { reason, at, to_tell: to_tell.clone() });
        is_new
    };
    match app.endpoints.update(id, change).await {
        Ok(_) => {
            let reason = reason.as_str();
            tracing::error!(endpoint = id.as_str(), reason, "endpoint disabled: its events wait until it is enabled");
            true
        }
        Err(error) => {
            log_failure(id, Err(error));
            false
        }
    }
}

fn log_failure(id: &EndpointId, updated: Result<NamedEndpoint, UpdateError>) {
    match updated {
        // Deleted meanwhile.
        Ok(_) | Err(UpdateError::Unknown) => {}
        Err(error) => tracing::warn!(endpoint = id.as_str(), %error, "cannot store the endpoint's state"),
    }
}
