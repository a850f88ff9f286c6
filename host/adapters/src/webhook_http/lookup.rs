//! Asking for the addresses of a name.

use async_trait::async_trait;
use std::fmt::Debug;
use std::io;
use std::net::IpAddr;

/// Asks for the addresses of a name. What it finds is judged before anything is dialled, and nothing else is dialled.
#[async_trait]
pub trait Lookup: Debug + Send + Sync {
    /// The addresses of a name, of both families; none where the name has none.
    ///
    /// # Errors
    /// Where nobody could be asked, or the name does not exist.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver (`getaddrinfo`): what `/etc/hosts`, `resolv.conf` and the machine's own services say.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}
