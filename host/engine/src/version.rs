//! The version of this server.

/// As `User-Agent` and `/health` say it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
