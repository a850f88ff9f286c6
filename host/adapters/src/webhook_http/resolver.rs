//! Looking names up under the address policy.

use super::lookup::Lookup;
use morag_core::webhook::{AddressPolicy, RefusedAddress};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Look-ups at once. The system's resolver blocks a thread for each, for many seconds where a name server is away; the
/// other threads must stay free for files and stores.
const LOOKUPS_MAX: usize = 32;

/// Addresses of one name that are looked at. No honest name has more, and a long list is a long time of connecting.
const ADDRESSES_MAX: usize = 64;

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// It has an address that may not be reached.
    #[error(transparent)]
    Refused(#[from] RefusedAddress),
    /// It has too many addresses to judge.
    #[error("the name has more than {ADDRESSES_MAX} addresses")]
    TooMany,
    /// It has no address.
    #[error("the name has no address")]
    NoAddress,
    /// It could not be looked up.
    #[error("the name could not be looked up: {0}")]
    Failed(std::io::Error),
}

/// Gives an address only where every address of the name may be reached: which one is connected to is not ours to say, and
/// a name that leads both inside and outside is an attack or a mistake.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    policy: Arc<AddressPolicy>,
    lookup: Arc<dyn Lookup>,
    lookups: Arc<Semaphore>,
}

impl GuardedResolver {
    pub(crate) fn new(policy: AddressPolicy, lookup: Arc<dyn Lookup>) -> Self {
        Self { policy: Arc::new(policy), lookup, lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }

    pub(crate) fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// The addresses of a name, each permitted.
    pub(crate) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, LookupError> {
        if let Some(known) = self.policy.known_addresses(name) {
            return Ok(known?);
        }
        let closed = |_| LookupError::Failed(std::io::Error::other("the client is closed"));
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(closed)?;
        let (name, lookup) = (name.to_owned(), Arc::clone(&self.lookup));
        // A task of its own: the permit is held until the blocked thread is free, not until the caller has lost patience.
        let lookup = tokio::spawn(async move {
            let _permit = permit;
            lookup.addresses(&name).await
        });
        let addresses: Vec<IpAddr> =
            lookup.await.map_err(|error| LookupError::Failed(error.into()))?.map_err(LookupError::Failed)?;
        if addresses.is_empty() {
            return Err(LookupError::NoAddress);
        }
        if addresses.len() > ADDRESSES_MAX {
            return Err(LookupError::TooMany);
        }
        addresses.iter().try_for_each(|address| self.policy.check(*address))?;
        Ok(addresses)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.look_up(name.as_str()).await?;
            // Port 0 stands for the URL's.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::io;

    /// Gives the same addresses for every name.
    #[derive(Debug)]
    struct Fixed(Vec<IpAddr>);

    #[async_trait]
    impl Lookup for Fixed {
        async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.clone())
        }
    }

    async fn look_up(allowed: &[&str], found: &[&str], name: &str) -> Result<Vec<IpAddr>, LookupError> {
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        let found = found.iter().map(|address| address.parse().unwrap()).collect();
        GuardedResolver::new(AddressPolicy::new(allowed), Arc::new(Fixed(found))).look_up(name).await
    }

    #[tokio::test]
    async fn every_address_must_be_permitted() {
        let found = ["8.8.8.8", "10.0.0.1", "2606:4700::1"];
        assert_eq!(look_up(&["10.0.0.0/8"], &found, "a.example").await.unwrap().len(), 3);
        for bad in [&found[..], &["::ffff:10.0.0.1"], &["2606:4700::1", "::1"], &["64:ff9b::a00:1"]] {
            assert!(matches!(look_up(&[], bad, "a.example").await, Err(LookupError::Refused(_))), "{bad:?}");
        }
    }

    #[tokio::test]
    async fn no_address_and_too_many_lead_nowhere() {
        assert!(matches!(look_up(&[], &[], "a.example").await, Err(LookupError::NoAddress)));
        assert!(look_up(&[], &["8.8.8.8"; ADDRESSES_MAX], "a.example").await.is_ok());
        let many = ["8.8.8.8"; ADDRESSES_MAX + 1];
        assert!(matches!(look_up(&[], &many, "a.example").await, Err(LookupError::TooMany)));
    }

    #[tokio::test]
    async fn localhost_is_not_asked_for() {
        let found = look_up(&["127.0.0.0/8"], &["8.8.8.8"], "x.localhost.").await.unwrap();
        assert_eq!(found, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert!(matches!(look_up(&[], &["8.8.8.8"], "localhost").await, Err(LookupError::Refused(_))));
    }
}
