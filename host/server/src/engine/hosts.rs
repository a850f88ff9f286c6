//! Deliveries under way to each host, bounded, so that one slow or dead receiver leaves places to the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Places of a host whose last exchange came to no answer: enough to notice that it is back.
const FAILING_LIMIT: usize = 1;

/// How long a cursor waits when its host is full, at first and at most. It grows with how many wait, because each that
/// comes in vain costs the store a claim.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Hosts remembered; beyond it those with nothing under way are forgotten.
const HOSTS_MAX: usize = 10_000;

/// The hosts that deliveries go to.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    limit: usize,
    hosts: Arc<Mutex<HashMap<String, Host>>>,
}

#[derive(Debug, Default)]
struct Host {
    under_way: usize,
    /// Cursors turned away since the last place was given.
    refused: u32,
    /// Whether the last exchange came to no answer.
    failing: bool,
}

/// A place with a host; giving it back is dropping it.
#[derive(Debug)]
pub(super) struct Place {
    hosts: Hosts,
    authority: String,
}

impl Hosts {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, hosts: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        // No code panics under the lock.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place with a host, or how long to wait before asking again.
    pub(super) fn enter(&self, authority: String) -> Result<Place, Duration> {
        let mut hosts = self.lock();
        if hosts.len() >= HOSTS_MAX {
            hosts.retain(|_, host| host.under_way > 0);
        }
        let host = hosts.entry(authority.clone()).or_default();
        let limit = if host.failing { FAILING_LIMIT } else { self.limit };
        if host.under_way >= limit {
            host.refused = host.refused.saturating_add(1);
            let waves = host.refused / u32::try_from(limit).unwrap_or(u32::MAX).max(1);
            return Err((PAUSE_MIN * waves.clamp(1, 1000)).min(PAUSE_MAX));
        }
        host.under_way += 1;
        host.refused = 0;
        Ok(Place { hosts: self.clone(), authority })
    }
}

impl Place {
    /// Notes whether the exchange came to an answer, whatever the answer was.
    pub(super) fn note(&self, answered: bool) {
        if let Some(host) = self.hosts.lock().get_mut(&self.authority) {
            host.failing = !answered;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut hosts = self.hosts.lock();
        if let Some(host) = hosts.get_mut(&self.authority) {
            host.under_way -= 1;
            // A healthy host with nothing under way is like one that was never seen.
            if host.under_way == 0 && !host.failing {
                hosts.remove(&self.authority);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(hosts: &Hosts, name: &str) -> bool {
        hosts.enter(name.into()).is_err()
    }

    #[test]
    fn a_host_has_so_many_places_and_others_have_their_own() {
        let hosts = Hosts::new(2);
        let _places = [hosts.enter("a".into()).unwrap(), hosts.enter("a".into()).unwrap()];
        assert!(full(&hosts, "a") && !full(&hosts, "b"));
    }

    #[test]
    fn a_host_that_does_not_answer_has_one_place_until_it_does() {
        let hosts = Hosts::new(2);
        hosts.enter("a".into()).unwrap().note(false);
        let probe = hosts.enter("a".into()).unwrap();
        assert!(full(&hosts, "a"));
        probe.note(true);
        assert!(!full(&hosts, "a"));
    }

    #[test]
    fn the_more_wait_the_longer_each_waits() {
        let hosts = Hosts::new(1);
        let _place = hosts.enter("a".into()).unwrap();
        let pauses: Vec<_> = (0..1000).map(|_| hosts.enter("a".into()).unwrap_err()).collect();
        assert_eq!((pauses[0], pauses[999]), (PAUSE_MIN, PAUSE_MAX));
        assert!(pauses.is_sorted());
    }

    #[test]
    fn a_healthy_host_is_forgotten_when_nothing_is_under_way() {
        let hosts = Hosts::new(2);
        drop(hosts.enter("a".into()).unwrap());
        assert!(hosts.lock().is_empty());
    }
}
