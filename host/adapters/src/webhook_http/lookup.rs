//! Asking for the addresses of a name.

use async_trait::async_trait;
use std::fmt::Debug;
use std::io;
use std::net::IpAddr;

/// Asks for the addresses of a name. What it finds is judged before anything is dialled, and nothing else is dialled.
///
/// Whoever asks sets the time: a look-up that is dropped has ended, and holds nothing any more.
#[async_trait]
pub trait Lookup: Debug + Send + Sync {
    /// The addresses of a name, of both families; none where the name has none.
    ///
    /// # Errors
    /// Where nobody could be asked, or the name does not exist.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}
