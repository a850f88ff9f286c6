//! Implementations of the core's ports. An adapter implements its port and adds nothing to it.
//!
//! - Exchanges with hosts of strangers (webhooks, documents, plugins) and with AI services go through [`exchange`]: hyper's client, with the
//!   number of interim answers and the size of a head limited.
//! - Names of strangers' hosts are looked up without a thread ([`webhook_http`]), under a time limit of their own within the exchange's; one site
//!   (the last two labels) takes at most half of the look-ups.
//!   `/etc/hosts` and `/etc/resolv.conf` are used; other sources of `nsswitch.conf` are blocking libraries, and are not used.
//! - `localhost` (RFC 6761) is resolved by the address guard itself to those of 127.0.0.1 and ::1 that are allowed.
//! - Registries of components are spoken to by our own bounded requests ([`oci`]): the client crate reads manifests and token answers
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
// In tests too, so that every build of the tests checks it.
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod oci;
pub mod plugin_http;
pub mod store;
pub mod webhook_http;

pub use clock::SystemClock;
