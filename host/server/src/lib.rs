//! The server and the command line tool `morag`.
//!
//! [`wire`] is the only module that names concrete adapters: it builds an [`App`] of ports, which [`api`] and [`engine`]
//! share and know nothing beyond.

pub mod api;
mod app;
pub mod cli;
pub mod config;
pub mod disk;
mod endpoints;
pub mod engine;
pub mod metrics;
pub mod pipelines;
pub mod plugins;
pub mod telemetry;
pub mod wire;

pub use app::App;
pub use pipelines::Pipelines;

/// Version of this server, as `User-Agent` and `/health` say it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
