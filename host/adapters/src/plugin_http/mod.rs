//! Guarded HTTP client for plugins: the port `PluginHttp`.
//!
//! The runtime checks hosts and methods by the operator's rules; this client checks addresses as for webhooks
//! ([`crate::webhook_http::resolver`]), by a separate policy, because an allowed name must not lead into the operator's network.
//! Connections are not pooled: they must not be shared between plugins, and the address of an idle connection was checked long ago.

mod client;
mod disabled;

pub use client::{HttpForPlugins, PluginHttpSetUpError};
pub use disabled::NoHttp;
