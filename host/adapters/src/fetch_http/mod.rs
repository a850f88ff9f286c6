//! Guarded HTTP client for documents: the port `Fetcher`.
//!
//! Addresses are checked as for webhooks ([`crate::webhook_http::resolver`]), by a separate policy: a submitted URL must not read from
//! hosts that only this machine can reach. Redirects are followed here, and each hop is checked from the start: scheme, credentials, port,
//! literal address, and the addresses of the name at connect time. No state passes from one server to the next: no cookies, credentials or
//! referrer. The effect of a bad server is bounded by one deadline over all hops up to the last byte, by the size of the document, and by
//! the number of buffered chunks.

mod disposition;
mod fetcher;

pub use fetcher::{FetcherError, HttpFetcher};
