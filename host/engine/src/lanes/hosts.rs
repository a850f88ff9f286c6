//! Places by host and by site: whatever number of URLs and names lead to a server, it has so many exchanges at once. Pure.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

/// Who has how many exchanges, and whose lanes wait.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    /// Those with exchanges under way. Others are forgotten.
    known: HashMap<Who, Host>,
}

/// Whose places are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Who {
    /// A host and port.
    Host(String),
    /// All names below the last two labels of one.
    Site(String),
}

#[derive(Debug, Default)]
struct Host {
    under_way: usize,
    /// Lanes that have found no place, first come first served.
    waiting: VecDeque<String>,
}

impl Who {
    /// The site of a host and port.
    pub(super) fn site_of(authority: &str) -> Self {
        Self::Site(site(authority))
    }
}

impl Hosts {
    /// Takes a place with each of those named, each with its limit. `Err`: none was taken, for this one has none.
    pub(super) fn take(&mut self, wanted: Vec<(Who, usize)>) -> Result<Vec<Who>, Who> {
        let is_full = |(who, max): &(Who, usize)| self.known.get(who).is_some_and(|host| host.under_way >= *max);
        if let Some((who, _)) = wanted.iter().find(|wanted| is_full(wanted)) {
            return Err(who.clone());
        }
        let held: Vec<_> = wanted.into_iter().map(|(who, _)| who).collect();
        for who in &held {
            self.known.entry(who.clone()).or_default().under_way += 1;
        }
        Ok(held)
    }

    /// Notes that a lane found no place. It is named by [`Self::give_back`] once.
    pub(super) fn wait(&mut self, who: Who, lane: &str) {
        self.known.entry(who).or_default().waiting.push_back(lane.to_owned());
    }

    /// Gives places back, and says which lanes may be asked for again: one for each place; all of them where no place is left
    /// that could call the next.
    pub(super) fn give_back(&mut self, held: &[Who]) -> Vec<String> {
        let mut called = Vec::new();
        for who in held {
            let Some(host) = self.known.get_mut(who) else { continue };
            host.under_way = host.under_way.saturating_sub(1);
            let next = if host.under_way == 0 { host.waiting.len() } else { host.waiting.len().min(1) };
            called.extend(host.waiting.drain(..next));
            if host.under_way == 0 {
                self.known.remove(who);
            }
        }
        called
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
