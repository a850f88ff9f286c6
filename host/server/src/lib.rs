//! The server and the command line tool `morag`.
//!
//! [`wire`] is the only module that names concrete adapters: it builds an [`App`] of ports, which [`api`] and [`engine`]
//! share and know nothing beyond.

#![cfg_attr(fuzzing, allow(dead_code, reason = "without `wire` and `cli` some of it has no caller"))]

pub mod api;
mod app;
#[cfg(not(fuzzing))]
pub mod cli;
pub mod config;
pub mod disk;
mod endpoints;
pub mod engine;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod metrics;
pub mod pipelines;
pub mod plugins;
mod sse;
pub mod telemetry;
#[cfg(test)]
mod testing;
#[cfg(not(fuzzing))]
pub mod wire;

pub use app::App;
pub use pipelines::Pipelines;

/// Version of this server, as `User-Agent` and `/health` say it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
