//! The HTTP interface (`docs/http-api.md`), one file a resource.
//!
//! Every request passes [`counted_requests`] and [`frame`] (id, trailing slash, panics, shape of errors), then [`auth`], then its handler.
//! Handlers use only the ports of [`Api`]. The bodies about tasks and events are built in [`view`], without I/O.
//!
//! - [`access`] says what each route needs; a route that it does not list needs the operator's key. A path's id is checked against its
//!   caller: handlers cannot load without that.
//! - Input is kept as text until it is needed: parsed JSON takes up to fifty times the memory of its text. Nothing of a form is
//!   kept before its guard has counted it. Parts of a request that a message repeats go through `shown`.
//! - Lists, feeds and logs of deliveries read no whole records: the fields that lists show are stored beside the record, and a page of
//!   events ends where it would take more memory than `PAGE_BYTES_MAX`, whatever limit was asked for.
//! - One caller leaves as much as it takes: streams, waits, fetches, look-ups, samples, endpoints and, if several keys are set, waiting
//!   tasks are counted in `core/shares`: a key may hold as many places as it leaves free.
//! - Idle connections keep no caller out: `core/connections` decides which one is closed for a new one, never one with a request under
//!   way. Probes are answered even if every connection has a request.

mod accept_error;
mod access;
mod answers;
mod audit;
mod auth;
mod caller;
mod cancel;
mod counted;
mod counted_requests;
mod deliveries;
mod delivery_body;
mod dependencies;
mod descriptions;
mod docs;
mod endpoints;
mod error;
mod error_detail;
mod events;
mod fair;
mod field_error;
mod files;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod health;
mod local;
mod metrics;
mod nullable;
mod openapi;
mod operations;
mod over_quota;
mod parameter;
mod pipelines;
mod plugins;
mod query;
mod quota;
#[cfg(test)]
mod reference_tests;
mod refused_keys;
mod request_body;
mod resending;
mod retry;
mod sealing;
mod sequence;
mod serve;
pub mod sse;
mod state;
mod status;
mod submit;
mod task;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod traced;
mod view;
mod wait;
mod webhook_docs;
mod words;

pub use error::{ApiError, ErrorBody, FieldError};
use fair::Fair;
pub use openapi::document;
pub use serve::{Site, serve};
pub use state::Api;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use morag_engine::config::Role;
use std::sync::Arc;

/// The router of a process: every route if it has the role `api`, else only the probes.
pub fn router(app: Arc<Api>) -> Router {
    let routes = match app.config.roles.has(Role::Api) {
        true => everything(app.clone()),
        false => health::probes(app.clone()),
    };
    framed(routes, app)
}

/// The router for connections beyond the limit, while every other connection has a request under way: only the probes.
pub fn lobby(app: Arc<Api>) -> Router {
    framed(health::lobby(app.clone()), app)
}

fn framed(routes: Router, app: Arc<Api>) -> Router {
    let routes = routes.layer(from_fn(counted_requests::note_route));
    // As the fallback of a router without routes: so the frame can change the path before routing.
    let routes = Router::new().fallback_service(routes);
    let routes = if app.config.has_default_key { routes.layer(from_fn(local::only)) } else { routes };
    routes.layer(from_fn(frame::frame)).layer(from_fn_with_state(app, counted_requests::count))
}

fn everything(app: Arc<Api>) -> Router {
    let body_max = app.config.max_upload_size_bytes.saturating_add(submit::SLACK_BYTES);
    let (routes, document) = openapi::routes();
    routes
        .merge(docs::routes(&document))
        .fallback(frame::no_route)
        .layer(DefaultBodyLimit::max(usize::try_from(body_max).unwrap_or(usize::MAX)))
        .layer(from_fn_with_state(app.clone(), auth::require_key))
        .with_state(app)
}
