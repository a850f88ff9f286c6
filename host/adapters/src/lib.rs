//! Implementations of the core's ports. An adapter implements its port and adds nothing to it.

pub mod ai;
pub mod blobs;
mod clock;
pub mod components;
pub mod disk;
pub mod embeddings;
mod exchange;
pub mod fetch_http;
// In tests too, so that every build of the tests checks it.
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod oci;
pub mod plugin_http;
pub mod store;
pub mod webhook_http;

pub use clock::SystemClock;
