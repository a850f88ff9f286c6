//! Checks the reported configuration of Redis servers.

use super::facts::NodeFacts;
use super::loss::{AcceptedLosses, Loss};
use crate::ports::Shortcoming;
use std::collections::BTreeMap;

/// Oldest version with the commands that the scripts use: `ZRANGE … BYSCORE LIMIT`, `HRANDFIELD`, `ZADD GT`.
const VERSION_MIN: (u32, u32) = (6, 2);

/// Maximum addresses named in a text; the others are only counted.
const NODES_NAMED_MAX: usize = 6;

/// Result of the check of one Redis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Problems, each with whether its loss is accepted.
    pub shortcomings: Vec<Shortcoming>,
    /// Notes for the log: small and common losses, and settings that could not be determined.
    pub notes: Vec<String>,
    /// Servers of each shortcoming, for the log; as many entries as there are shortcomings.
    places: Vec<String>,
}

impl Verdict {
    /// Whether the server must refuse to start.
    pub fn is_refused(&self) -> bool {
        self.shortcomings.iter().any(|found| !found.is_accepted)
    }

    /// Log texts with addresses, of the refused or of the accepted shortcomings.
    pub fn texts(&self, accepted: bool) -> Vec<String> {
        let all = self.shortcomings.iter().zip(&self.places).filter(|(found, _)| found.is_accepted == accepted);
        all.map(|(found, place)| format!("{} (on {place})", found.message)).collect()
    }
}

/// A finding about one server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Finding {
    Version(String),
    Policy(String),
    NoAppendOnly,
    NoFsync,
    Everysec,
    Unknown(&'static str),
}

fn findings(facts: &NodeFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    // Every Valkey descends from Redis 7.2, whatever Redis version it reports.
    match (&facts.valkey_version, &facts.redis_version) {
        (Some(_), _) => {}
        (None, Some(version)) => match major_and_minor(version) {
            Some(numbers) if numbers >= VERSION_MIN => {}
            Some(_) => found.push(Finding::Version(version.clone())),
            None => found.push(Finding::Unknown("version")),
        },
        (None, None) => found.push(Finding::Unknown("version")),
    }
    match facts.maxmemory_policy.as_deref() {
        Some("noeviction") => {}
        Some(policy) => found.push(Finding::Policy(policy.to_owned())),
        None => found.push(Finding::Unknown("maxmemory-policy")),
    }
    match facts.appendonly {
        // Without an append-only file, its fsync setting does not matter.
        Some(false) => return [found, vec![Finding::NoAppendOnly]].concat(),
        Some(true) => {}
        None => found.push(Finding::Unknown("appendonly")),
    }
    match facts.appendfsync.as_deref() {
        Some("always") => {}
        Some("everysec") => found.push(Finding::Everysec),
        Some("no") => found.push(Finding::NoFsync),
        Some(_) | None => found.push(Finding::Unknown("appendfsync")),
    }
    found
}

fn major_and_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Checks the servers of one Redis. `accepted`: losses that the operator accepts.
pub fn judge(nodes: &[NodeFacts], accepted: AcceptedLosses) -> Verdict {
    let mut places = BTreeMap::<Finding, Vec<&str>>::new();
    for node in nodes {
        for found in findings(node) {
            places.entry(found).or_default().push(&node.node);
        }
    }
    let (mut verdict, mut unknown) = (Verdict::default(), BTreeMap::<Vec<&str>, Vec<&str>>::new());
    for (found, at) in places {
        let place = named(&at);
        match shortcoming(&found, accepted) {
            Some(shortcoming) => {
                verdict.shortcomings.push(shortcoming);
                verdict.places.push(place);
            }
            None => match found {
                Finding::Unknown(what) => unknown.entry(at).or_default().push(what),
                _ => verdict.notes.push(format!(
                    "appendfsync is everysec on {place}: a power cut may lose what was accepted in the last second or two; \
                     `appendfsync always` loses nothing"
                )),
            },
        }
    }
    verdict.notes.extend(unknown.into_iter().map(|(at, what)| {
        format!(
            "cannot determine {} of {}, because neither INFO nor CONFIG reports it: make sure that it keeps acknowledged data \
             (version 6.2 or later, maxmemory-policy noeviction, appendonly yes, appendfsync always)",
            what.join(", "),
            named(&at)
        )
    }));
    verdict
}

/// The shortcoming of a finding; `None` for findings that are only notes.
fn shortcoming(found: &Finding, accepted: AcceptedLosses) -> Option<Shortcoming> {
    // Omits the hint for losses that are already accepted.
    let accept = |loss: Loss| match accepted.has(loss) {
        true => String::new(),
        false => format!(", or accept the loss with MORAG_REDIS_ACCEPT_LOSS={}", loss.as_str()),
    };
    let (setting, loss, message) = match found {
        Finding::Version(version) => (
            "version",
            None,
            format!(
                "Redis has version {version} and must have 6.2 or later: older versions lack required commands; upgrade Redis"
            ),
        ),
        Finding::Policy(policy) => (
            "maxmemory-policy",
            Some(Loss::Eviction),
            format!(
                "maxmemory-policy is {policy} and must be noeviction: when its memory is full Redis drops keys, accepted tasks \
                 among them; set `maxmemory-policy noeviction`{}",
                accept(Loss::Eviction)
            ),
        ),
        Finding::NoAppendOnly => (
            "appendonly",
            Some(Loss::Restart),
            format!(
                "appendonly is no and must be yes: a Redis that is restarted has lost what came after its last snapshot, or \
                 everything; set `appendonly yes` and `appendfsync always`{}",
                accept(Loss::Restart)
            ),
        ),
        Finding::NoFsync => (
            "appendfsync",
            Some(Loss::PowerCut),
            format!(
                "appendfsync is no and must be always or everysec: a power cut loses what the system had not written yet, some \
                 30 seconds; set `appendfsync always`{}",
                accept(Loss::PowerCut)
            ),
        ),
        Finding::Everysec | Finding::Unknown(_) => return None,
    };
    Some(Shortcoming { setting, message, is_accepted: loss.is_some_and(|loss| accepted.has(loss)) })
}

fn named(nodes: &[&str]) -> String {
    match nodes.len().checked_sub(NODES_NAMED_MAX) {
        None | Some(0) => nodes.join(", "),
        Some(more) => format!("{} and {more} more", nodes[..NODES_NAMED_MAX].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> NodeFacts {
        NodeFacts {
            node: "a:1".into(),
            redis_version: Some("7.0.15".into()),
            valkey_version: None,
            maxmemory_policy: Some("noeviction".into()),
            appendonly: Some(true),
            appendfsync: Some("always".into()),
            replicas: Some(0),
        }
    }

    fn of(facts: &[NodeFacts]) -> Verdict {
        judge(facts, AcceptedLosses::default())
    }

    fn settings(verdict: &Verdict) -> Vec<&str> {
        verdict.shortcomings.iter().map(|found| found.setting).collect()
    }

    #[test]
    fn a_server_that_is_set_as_it_must_be_is_taken_without_a_word() {
        assert_eq!(of(&[good()]), Verdict::default());
        assert!(!of(&[good()]).is_refused());
    }

    #[test]
    fn versions_from_6_2_on_are_taken_and_every_valkey() {
        let of_version = |redis: &str, valkey: Option<&str>| {
            of(&[NodeFacts { redis_version: Some(redis.into()), valkey_version: valkey.map(Into::into), ..good() }])
        };
        for version in ["6.2.0", "6.10.1", "7.2.4", "8.0", "255.255.255"] {
            assert_eq!(of_version(version, None), Verdict::default(), "{version}");
        }
        assert_eq!(of_version("7.2.4", Some("8.1.0")), Verdict::default());
        assert_eq!(of_version("unheard of", Some("9.0.0")), Verdict::default());
        for version in ["6.0.16", "5.0.7", "2.8.0"] {
            let verdict = of_version(version, None);
            assert!(verdict.is_refused() && verdict.shortcomings[0].message.contains(version), "{version}");
        }
        let unreadable = of_version("unheard of", None);
        assert!(!unreadable.is_refused(), "{unreadable:?}");
        assert!(unreadable.notes[0].starts_with("cannot determine version of a:1"), "{unreadable:?}");
    }

    #[test]
    fn an_old_version_cannot_be_accepted() {
        let accepted = "eviction,restart,power_cut".parse().unwrap();
        assert!(judge(&[NodeFacts { redis_version: Some("6.0.0".into()), ..good() }], accepted).is_refused());
    }

    #[test]
    fn each_loss_is_refused_and_accepted_by_its_own_word() {
        let policy = |name: &str| NodeFacts { maxmemory_policy: Some(name.into()), ..good() };
        let fsync = |word: &str| NodeFacts { appendfsync: Some(word.into()), ..good() };
        let cases = [
            (policy("allkeys-lru"), "maxmemory-policy", "eviction"),
            (policy("volatile-ttl"), "maxmemory-policy", "eviction"),
            (NodeFacts { appendonly: Some(false), ..good() }, "appendonly", "restart"),
            (fsync("no"), "appendfsync", "power_cut"),
        ];
        for (facts, setting, word) in cases {
            let refused = of(std::slice::from_ref(&facts));
            assert!(refused.is_refused());
            assert_eq!(settings(&refused), [setting]);
            let text = refused.texts(false).concat();
            assert!(text.contains("a:1") && text.contains(&format!("MORAG_REDIS_ACCEPT_LOSS={word}")), "{text}");
            for loss in Loss::ALL {
                let verdict = judge(std::slice::from_ref(&facts), loss.as_str().parse().unwrap());
                assert_eq!(verdict.is_refused(), loss.as_str() != word, "{setting} with {loss:?}");
                let accepted = verdict.texts(true);
                assert_eq!(accepted.len(), usize::from(loss.as_str() == word));
                assert!(accepted.iter().all(|text| !text.contains("accept the loss")), "{accepted:?}");
            }
        }
    }

    #[test]
    fn everysec_is_a_note() {
        let verdict = of(&[NodeFacts { appendfsync: Some("everysec".into()), ..good() }]);
        assert!(!verdict.is_refused() && verdict.shortcomings.is_empty());
        assert!(verdict.notes[0].contains("everysec on a:1"), "{verdict:?}");
    }

    #[test]
    fn without_a_file_nothing_is_said_of_when_it_reaches_the_disk() {
        let verdict = of(&[NodeFacts { appendonly: Some(false), appendfsync: Some("no".into()), ..good() }]);
        assert_eq!(settings(&verdict), ["appendonly"]);
    }

    #[test]
    fn what_a_service_does_not_tell_is_one_note_and_no_refusal() {
        let facts = |node: &str| NodeFacts { node: node.into(), ..NodeFacts::default() };
        let verdict = of(&[facts("a:1"), facts("b:2")]);
        assert!(!verdict.is_refused());
        assert_eq!(verdict.notes.len(), 1);
        let text = &verdict.notes[0];
        for word in ["version", "maxmemory-policy", "appendonly", "appendfsync", "a:1, b:2"] {
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn one_node_of_many_is_enough_and_many_are_named_once() {
        let bad = |node: u32| NodeFacts { node: format!("n{node}"), appendonly: Some(false), ..good() };
        let verdict = of(&[good(), bad(2), good()]);
        assert!(verdict.is_refused());
        assert!(verdict.texts(false)[0].ends_with("(on n2)"), "{verdict:?}");
        let verdict = of(&(0..9).map(bad).collect::<Vec<_>>());
        assert_eq!(verdict.shortcomings.len(), 1);
        assert!(verdict.texts(false)[0].ends_with("(on n0, n1, n2, n3, n4, n5 and 3 more)"), "{verdict:?}");
        assert!(!verdict.shortcomings[0].message.contains("n0"), "what a probe answers names no address");
    }
}
