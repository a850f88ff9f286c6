//! Guarded HTTP client for webhooks: the port `WebhookSender`.
//!
//! The effect of a bad receiver is bounded: one deadline over the whole exchange, at most 64 KiB of a response read, a bounded header
//! block, a few interim responses, no redirects, cookies, decompression or proxy from the environment. [`resolver`] checks addresses at
//! each connect: it refuses a name if one of its addresses is forbidden, and only the checked addresses are dialled, also through a proxy
//! ([`connect_proxy`]). A literal address is checked before connecting.
//!
//! TLS is rustls with ring. The trusted roots are the machine's own (`rustls-platform-verifier`), so an operator adds a private CA where
//! other programs look for it, or by `SSL_CERT_FILE`.

mod answer;
pub(crate) mod classify;
mod client;
mod connect_proxy;
mod lookup;
mod name_servers;
pub(crate) mod resolver;
mod retry_after;
mod sender;
mod system_lookup;
pub(crate) mod tls;

pub use lookup::Lookup;
pub use name_servers::NameServers;
pub use retry_after::retry_after;
pub use sender::{HttpSender, SenderError, SenderOptions};
pub use system_lookup::SystemLookup;
