//! Slots by host and by site: whatever number of URLs and names lead to a server, it has so many exchanges at once. Pure.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

/// How many exchanges each host and site has, and which lanes wait for them.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// Those with exchanges under way. Others are forgotten.
    known: HashMap<Group, Host>,
}

/// Hosts whose slots are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// A host and port.
    Host(String),
    /// All names below the last two labels of one.
    Site(String),
}

#[derive(Debug, Default)]
struct Host {
    under_way: usize,
    /// Lanes that have found no slot, first come first served.
    waiting: VecDeque<String>,
}

impl Group {
    /// The site of a host and port.
    pub(super) fn site_of(authority: &str) -> Self {
        Self::Site(site(authority))
    }
}

impl Hosts {
    /// Takes a slot of each group, each with its limit. `Err`: none was taken, because this one has none.
    pub(super) fn take(&mut self, wanted: Vec<(Group, usize)>) -> Result<Vec<Group>, Group> {
        let is_full = |(group, max): &(Group, usize)| self.known.get(group).is_some_and(|host| host.under_way >= *max);
        if let Some((group, _)) = wanted.iter().find(|wanted| is_full(wanted)) {
            return Err(group.clone());
        }
        let held: Vec<_> = wanted.into_iter().map(|(group, _)| group).collect();
        for group in &held {
            self.known.entry(group.clone()).or_default().under_way += 1;
        }
        Ok(held)
    }

    /// Notes that a lane found no slot. [`Self::give_back`] names it once.
    pub(super) fn wait(&mut self, group: Group, lane: &str) {
        self.known.entry(group).or_default().waiting.push_back(lane.to_owned());
    }

    /// Gives slots back, and says which lanes may be claimed again: one for each slot; all of them where no slot is left whose end
    /// could reopen the next.
    pub(super) fn give_back(&mut self, held: &[Group]) -> Vec<String> {
        let mut reopened = Vec::new();
        for group in held {
            let Some(host) = self.known.get_mut(group) else { continue };
            host.under_way = host.under_way.saturating_sub(1);
            let next = if host.under_way == 0 { host.waiting.len() } else { host.waiting.len().min(1) };
            reopened.extend(host.waiting.drain(..next));
            if host.under_way == 0 {
                self.known.remove(group);
            }
        }
        reopened
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// The site of a host, an approximation of its owner: the last two labels of a name, because the owner of a domain can create any
/// number of names below it. An address, or a name of one label, is a machine of the operator: each port is a site of its own.
fn site(authority: &str) -> String {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut labels = host.rsplitn(3, '.');
    match (labels.next(), labels.next()) {
        (Some(last), Some(before)) if !host.starts_with('[') && host.parse::<Ipv4Addr>().is_err() => {
            format!("{before}.{last}")
        }
        _ => authority.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_domain_or_an_address() {
        for host in ["silent.example:80", "a.silent.example:443", "b.a.silent.example.:1"] {
            assert_eq!(site(host), "silent.example", "{host}");
        }
        for host in ["10.0.0.1:80", "[::1]:80", "[::ffff:10.0.0.1]:80", "db:80"] {
            assert_eq!(site(host), host);
        }
    }
}
