//! The routes, on an app in memory.

mod callers;
mod counting;
mod damage;
mod docs;
mod entry;
mod error_bodies;
mod errors;
mod fair;
mod files;
mod health;
mod ingest;
mod limits;
mod lookups;
mod metrics;
mod pipelines;
mod plugins;
mod process;
mod queries;
mod quotas;
mod status;
mod submit_file;
mod support;
mod waits;

use self::support::*;
use crate::router;
use crate::testing::{Hold, Memory, NOW, record};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use futures::stream;
use morag_core::ports::{AcceptError, Shortcoming, StoreError};
use morag_core::task::{Event, EventKind, TaskId, TaskRecord};
use morag_core::{JsonObject, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt as _;

#[test]
fn the_time_of_the_tests_is_what_it_says() {
    assert_eq!(NOW, "2026-01-31T10:00:00.000Z".parse::<Timestamp>().unwrap());
}
