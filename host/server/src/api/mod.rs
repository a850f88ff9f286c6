//! The HTTP interface (contract sections 1 and 2), one file a resource.
//!
//! Every request goes through [`frame`] (id, trailing slash, panics, shape of errors), then [`auth`], then its handler.
//! Handlers talk to the ports of [`App`] alone. What they answer of tasks and events is made in [`view`], without I/O.

mod access;
pub mod audit;
mod auth;
mod cancel;
mod deliveries;
mod docs;
mod endpoints;
mod error;
mod events;
mod files;
mod frame;
mod health;
mod metrics;
mod openapi;
mod pipelines;
mod plugins;
mod query;
mod quota;
mod request_body;
mod retry;
mod sequence;
mod serve;
mod status;
mod submit;
mod task;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod view;
mod webhook_docs;

pub use error::{ApiError, ErrorBody, FieldError};
pub use openapi::document;
pub use serve::serve;

use crate::App;
use crate::config::Role;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use std::sync::Arc;

/// What a process serves: every route where it has the role `api`, else the probes alone.
pub fn router(app: Arc<App>) -> Router {
    let routes = match app.config.roles.has(Role::Api) {
        true => everything(app),
        false => health::probes(app),
    };
    // As the fallback of a router without routes, so that the frame can change the path before anything is routed.
    Router::new().fallback_service(routes).layer(from_fn(frame::frame))
}

fn everything(app: Arc<App>) -> Router {
    let body_max = app.config.max_upload_size_bytes.saturating_add(submit::SLACK_BYTES);
    let (routes, document) = openapi::routes();
    routes
        .merge(docs::routes(&document))
        .fallback(frame::no_route)
        .layer(DefaultBodyLimit::max(usize::try_from(body_max).unwrap_or(usize::MAX)))
        .layer(from_fn_with_state(app.clone(), auth::require_key))
        .with_state(app)
}
