//! Resolves names under the address policy.

use super::lookup::Lookup;
use morag_core::shares::Shares;
use morag_core::webhook::{AddressPolicy, RefusedAddress};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Concurrent look-ups of one client; each has two sockets. One site gets at most half of them, the next one half of the rest, so that
/// sites whose name servers do not respond cannot block the others.
const LOOKUPS_MAX: usize = 1024;

/// Timeout of one look-up, with the wait for a permit: two rounds with the usual timeout of name servers. It counts towards the timeout of
/// the exchange.
const LOOKUP_MAX: Duration = Duration::from_secs(10);

/// Most addresses of one name. Honest names have fewer, and a long list takes long to connect to.
const ADDRESSES_MAX: usize = 64;

/// Why a name cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    /// One of its addresses is forbidden.
    #[error(transparent)]
    Refused(#[from] RefusedAddress),
    /// It has too many addresses.
    #[error("the name has more than {ADDRESSES_MAX} addresses")]
    TooMany,
    /// It has no address.
    #[error("the name has no address")]
    NoAddress,
    /// The look-up timed out.
    #[error("no name server has answered for the name within {} seconds", LOOKUP_MAX.as_secs())]
    TimedOut,
    /// The look-up failed.
    #[error("the name could not be looked up: {0}")]
    Failed(std::io::Error),
}

/// Returns addresses only if every address of the name is allowed: the connector may choose any of them, and a name with both internal and
/// external addresses is an attack or a mistake.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    policy: Arc<AddressPolicy>,
    lookup: Arc<dyn Lookup>,
    lookups: Shares,
}

impl GuardedResolver {
    pub(crate) fn new(policy: AddressPolicy, lookup: Arc<dyn Lookup>) -> Self {
        Self { policy: Arc::new(policy), lookup, lookups: Shares::new(LOOKUPS_MAX) }
    }

    pub(crate) fn policy(&self) -> &AddressPolicy {
        &self.policy
    }

    /// The addresses of a name, each of them allowed.
    pub(crate) async fn look_up(&self, name: &str) -> Result<Vec<IpAddr>, LookupError> {
        if let Some(known) = self.policy.known_addresses(name) {
            return Ok(known?);
        }
        let looked_up = async {
            let _place = self.lookups.wait(&site(name)).await;
            self.lookup.addresses(name).await
        };
        let looked_up = tokio::time::timeout(LOOKUP_MAX, looked_up).await.map_err(|_| LookupError::TimedOut)?;
        let addresses: Vec<IpAddr> = looked_up.map_err(LookupError::Failed)?;
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

/// The site of a name: its last two labels. The owner of a domain has any number of names below it.
fn site(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    let mut labels = name.rsplitn(3, '.');
    let (last, before) = (labels.next().unwrap_or_default(), labels.next());
    before.map_or_else(|| last.to_owned(), |before| format!("{before}.{last}")).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::io;

    /// Returns the same addresses for every name.
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
    async fn names_without_addresses_or_with_too_many_are_refused() {
        assert!(matches!(look_up(&[], &[], "a.example").await, Err(LookupError::NoAddress)));
        assert!(look_up(&[], &["8.8.8.8"; ADDRESSES_MAX], "a.example").await.is_ok());
        let many = ["8.8.8.8"; ADDRESSES_MAX + 1];
        assert!(matches!(look_up(&[], &many, "a.example").await, Err(LookupError::TooMany)));
    }

    #[test]
    fn all_names_of_a_domain_are_of_one_site() {
        for name in ["example.com", "a.example.com", "b.a.EXAMPLE.com."] {
            assert_eq!(site(name), "example.com", "{name}");
        }
        assert_eq!((site("db").as_str(), site("").as_str()), ("db", ""));
    }

    /// Never responds for names below `silent.example`.
    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl Lookup for Silent {
        async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            match name.ends_with("silent.example") {
                true => std::future::pending().await,
                false => Ok(vec!["8.8.8.8".parse().unwrap()]),
            }
        }
    }

    #[tokio::test]
    async fn unanswered_names_do_not_block_others() {
        use futures::FutureExt as _;
        let resolver = GuardedResolver::new(AddressPolicy::default(), Arc::new(Silent));
        let names: Vec<_> = (0..2 * LOOKUPS_MAX).map(|n| format!("n{n}.silent.example")).collect();
        let mut asked: Vec<_> = names.iter().map(|name| Box::pin(resolver.look_up(name))).collect();
        assert!(asked.iter_mut().all(|asked| asked.now_or_never().is_none()));
        assert_eq!(resolver.lookups.held(), LOOKUPS_MAX / 2);
        assert!(resolver.look_up("a.example").now_or_never().expect("it has a place").is_ok());
        drop(asked);
        assert_eq!(resolver.lookups.held(), 0, "a dropped look-up holds no permit");
    }

    #[tokio::test]
    async fn localhost_is_not_looked_up() {
        let found = look_up(&["127.0.0.0/8"], &["8.8.8.8"], "x.localhost.").await.unwrap();
        assert_eq!(found, ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert!(matches!(look_up(&[], &["8.8.8.8"], "localhost").await, Err(LookupError::Refused(_))));
    }
}
