//! Guarded HTTP client for webhooks: the port `WebhookSender`.
//!
//! What a receiver can do to us is bounded: one deadline over the whole exchange, at most 64 KiB of an answer read, a
//! bounded header block, a few interim answers, no redirects, no cookies, no decompression, no proxy from the environment. Where it can lead us
//! is bounded too: [`resolver`] refuses a name when one of its addresses may not be reached, at each connect, and what it
//! gives is what is dialled, also through a proxy ([`connect_proxy`]); a literal address is judged before there is a
//! connection.
//!
//! TLS is rustls on ring. The trusted roots are the machine's own (by `rustls-platform-verifier`), so an operator adds a
//! private authority where every other program looks for it, or by `SSL_CERT_FILE`.

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
