//! Implementations of the core's ports. An adapter implements its port and adds nothing to it.
//!
//! - Exchanges with untrusted hosts (webhooks, documents, plugins) and with AI services use [`exchange`]: hyper's client, with limits on
//!   the number of interim responses and the size of a head.
//! - Names of untrusted hosts are resolved without a blocking thread ([`webhook_http`]), with a timeout within that of the exchange; one
//!   site (the last two labels) gets at most half of the look-ups. `/etc/hosts` and `/etc/resolv.conf` are used; the other sources of
//!   `nsswitch.conf` are blocking libraries and are ignored.
//! - `localhost` (RFC 6761) is resolved by the address guard itself, to 127.0.0.1 and ::1 where they are allowed.
//! - Registries of components are accessed by our own bounded requests ([`oci`]): the client crate reads manifests and token responses
//!   without a limit, and sends the password to any address that a registry names.

#![expect(clippy::disallowed_methods, reason = "adapters are where clocks are read, threads started and files opened")]

pub mod ai;
pub mod blobs;
mod clock;
pub mod components;
pub mod disk;
pub mod embeddings;
mod exchange;
pub mod fetch_http;
// Compiled in tests too, so that a test build checks it.
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod oci;
pub mod plugin_http;
pub mod process;
pub mod store;
pub mod webhook_http;

pub use clock::SystemClock;
