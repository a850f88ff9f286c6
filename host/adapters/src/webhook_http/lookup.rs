//! Resolving names to addresses.

use async_trait::async_trait;
use std::fmt::Debug;
use std::io;
use std::net::IpAddr;

/// Resolves names to addresses. All results are checked before one is dialled, and nothing else is dialled.
///
/// The caller sets the timeout: dropping the future ends the look-up and frees its resources.
#[async_trait]
pub trait Lookup: Debug + Send + Sync {
    /// All IPv4 and IPv6 addresses of a name; empty where the name has none.
    ///
    /// # Errors
    /// If no server could be queried, or the name does not exist.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}
