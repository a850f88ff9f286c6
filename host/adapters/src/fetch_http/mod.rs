//! Guarded HTTP client for documents: the port `Fetcher` on `reqwest`.
//!
//! Addresses are judged as those of webhooks are ([`crate::webhook_http::resolver`]), by a policy of their own: whoever may
//! submit a URL shall not read what only this machine can reach. Redirects are followed here and not by `reqwest`, each hop
//! from the beginning: scheme, credentials, port, literal address, and the addresses of the name when it is connected to.
//! Nothing is sent that belongs to one server and not to the next: no cookies, no credentials, no referrer. What a server can
//! do to us is bounded by one deadline over all hops and the last byte, by the size of the document, and by the pieces that
//! are held of it.

mod disposition;
mod fetcher;

pub use fetcher::{FetcherError, HttpFetcher};
