//! Looking names up under the address policy.

use morag_core::webhook::{AddressPolicy, RefusedAddress};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Look-ups at once. The system's resolver blocks a thread for each, for many seconds where a name server is away; the
/// other threads must stay free for files and stores.
const LOOKUPS_MAX: usize = 32;

/// Addresses of one name that are looked at. No honest name has more, and a long list is a long time of connecting.
const ADDRESSES_MAX: usize = 64;

/// Why a name leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
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
pub(super) struct GuardedResolver {
    policy: Arc<AddressPolicy>,
    lookups: Arc<Semaphore>,
}

impl GuardedResolver {
    pub(super) fn new(policy: AddressPolicy) -> Self {
        Self { policy: Arc::new(policy), lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }

    pub(super) fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// The addresses of a name, each permitted.
    pub(super) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, LookupError> {
        if is_localhost(name) {
            return self.localhost();
        }
        let closed = |_| LookupError::Failed(std::io::Error::other("the client is closed"));
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(closed)?;
        let name = name.to_owned();
        // A task of its own: the permit is held until the blocked thread is free, not until the caller has lost patience.
        let lookup = tokio::spawn(async move {
            let _permit = permit;
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).take(ADDRESSES_MAX + 1).collect())
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

    /// The loopback addresses that are permitted, without asking anybody (RFC 6761 section 6.3). Here those that are not
    /// permitted are left out: that `::1` is refused says nothing against `127.0.0.1`.
    fn localhost(&self) -> Result<Vec<IpAddr>, LookupError> {
        let all = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let permitted: Vec<IpAddr> = all.into_iter().filter(|address| self.policy.permits(*address)).collect();
        match permitted.is_empty() {
            true => Err(RefusedAddress(all[0]).into()),
            false => Ok(permitted),
        }
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

/// Whether a name is `localhost` or below it.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(allowed: &[&str]) -> GuardedResolver {
        let allowed = allowed.iter().map(|network| network.parse().unwrap()).collect();
        GuardedResolver::new(AddressPolicy::new(allowed))
    }

    #[test]
    fn localhost_is_a_name_and_all_below_it() {
        for name in ["localhost", "LocalHost", "localhost.", "a.localhost", "a.b.localhost."] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "localhost.com.", "", "."] {
            assert!(!is_localhost(name), "{name}");
        }
    }

    #[tokio::test]
    async fn localhost_is_those_of_its_addresses_that_are_allowed() {
        let v4 = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert_eq!(resolver(&["127.0.0.0/8"]).look_up("localhost").await.unwrap(), [v4]);
        assert_eq!(resolver(&["::1/128"]).look_up("x.localhost").await.unwrap(), [v6]);
        assert_eq!(resolver(&["127.0.0.0/8", "::1/128"]).look_up("localhost").await.unwrap(), [v4, v6]);
        let refused = resolver(&["10.0.0.0/8"]).look_up("localhost").await;
        assert!(matches!(refused, Err(LookupError::Refused(RefusedAddress(address))) if address == v4));
    }
}
