//! Implementations of the core's ports. An adapter implements its port and adds nothing to it.

#![expect(clippy::disallowed_methods, reason = "adapters are where clocks are read, threads started and files opened")]

pub mod ai;
pub mod blobs;
mod clock;
pub mod components;
pub mod disk;
pub mod embeddings;
mod exchange;
pub mod fetch_http;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod oci;
pub mod plugin_http;
pub mod store;
pub mod webhook_http;

pub use clock::SystemClock;
