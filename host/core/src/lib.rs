//! Vocabulary and decisions of MoRAG: no network, no disk, no wasm.
//!
//! A task is an append-only log of [`task::Event`]s; everything else reads it. [`pipeline::transition`] decides the next
//! events, [`task::TaskStatus`] is a fold of them, [`webhook`] renders and signs them. [`ports`] are the traits that the
//! adapters implement. Nothing here does I/O; every function is deterministic in its arguments.

pub mod pipeline;
pub mod plugin;
pub mod ports;
mod secret;
pub mod task;
mod time;
pub mod webhook;

pub use secret::Secret;
pub use time::Timestamp;

/// A JSON object.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;
