//! Guarded HTTP client for plugins: the port `PluginHttp` on `reqwest`.
//!
//! What a plugin may ask of whom the runtime has judged by the operator's rules; here it is judged where a name leads, as for
//! webhooks ([`crate::webhook_http::resolver`]), by a policy of its own: a name that is allowed must not lead into the
//! operator's network. No connection is kept: one plugin's is never another's, and an idle one is one to an address that was
//! judged long ago.

mod client;
mod disabled;

pub use client::{HttpForPlugins, PluginHttpSetUpError};
pub use disabled::NoHttp;
