//! Checks the signatures of a delivery and finds likely causes of a mismatch. Pure: no I/O.

use morag_core::webhook::{
    Proof, ProofHeaders, TOLERANCE_SECONDS as TOLERANCE, Unproved, prove, standard_signature, verify,
};
use morag_core::{Secret, Timestamp};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// A delivery as received.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The expected signing secret.
    pub secret: &'a Secret,
    /// Headers with lower-case names.
    pub headers: &'a [(String, String)],
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> Delivery<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The signature headers.
    fn proof(&self) -> ProofHeaders<'a> {
        ProofHeaders {
            morag_signature: self.header("x-morag-signature"),
            morag_timestamp: self.header("x-morag-timestamp"),
            id: self.header("webhook-id"),
            timestamp: self.header("webhook-timestamp"),
            signatures: self.header("webhook-signature"),
        }
    }

    /// How the body was changed, if a signature is valid for the body before one of the known changes. On `None` the secret may
    /// be wrong, or the body may have been changed in another way.
    fn changed_body(&self) -> Option<&'static str> {
        let ProofHeaders { morag_signature, id, timestamp, signatures, .. } = self.proof();
        let morag = morag_signature.map(|signature| Kind::MoRag { signature });
        let seconds = timestamp.and_then(|text| text.parse().ok());
        let standard = id.zip(seconds).zip(signatures);
        let standard = standard.map(|((id, seconds), signatures)| Kind::Standard { id, seconds, signatures });
        let kinds: Vec<_> = morag.into_iter().chain(standard).collect();
        let mut bodies = changed_bodies(self.body).into_iter();
        bodies.find(|(_, body)| kinds.iter().any(|kind| kind.holds(self.secret, body))).map(|(what, _)| what)
    }
}

/// Why a delivery is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The reason as a type.
    pub why: Unproved,
    /// The reason as text, including how the body was changed if that is known.
    pub text: String,
}

/// Decides whether a delivery is genuine. Without `now`, the age is not checked.
pub fn verdict(delivery: Delivery<'_>, now: Option<Timestamp>) -> Result<Proof, Refused> {
    prove(delivery.secret, delivery.proof(), delivery.body, now).map_err(|why| {
        let changed = (why == Unproved::Unmatched).then(|| delivery.changed_body()).flatten();
        let text = changed.map_or_else(|| why.to_string(), |how| format!("changed body: {how}"));
        Refused { why, text }
    })
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub what: &'static str,
    /// Whether the check passed.
    pub holds: bool,
    /// Details of success or failure.
    pub why: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.holds { "good" } else { "FAILED" };
        write!(f, "{:<18} {word:<6} {}", self.what, self.why)
    }
}

const MORAG: &str = "X-MoRAG-Signature";
const STANDARD: &str = "webhook-signature";
const TIME: &str = "webhook-timestamp";

/// Checks every signature that is present. Without signatures there are no findings; without `now`, the age is not checked.
pub fn examine(delivery: Delivery<'_>, now: Option<Timestamp>) -> Vec<Finding> {
    let header = |name: &str| delivery.header(name);
    let morag = header("x-morag-signature").map(|signature| Kind::MoRag { signature });
    let parts = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let mut findings = Vec::new();
    let standard = match parts {
        (None, None, None) => None,
        (Some(id), Some(seconds), Some(signatures)) => match seconds.parse::<i64>() {
            Ok(seconds) => Some(Kind::Standard { id, seconds, signatures }),
            Err(_) => {
                findings.push(Finding { what: TIME, holds: false, why: "not a number of seconds".into() });
                None
            }
        },
        _ => {
            let why = "webhook-id, webhook-timestamp and webhook-signature are required together, but one is missing";
            findings.push(Finding { what: STANDARD, holds: false, why: why.into() });
            None
        }
    };
    let holds = |kind: &Option<Kind<'_>>| kind.as_ref().map(|kind| kind.holds(delivery.secret, delivery.body));
    let (morag_holds, standard_holds) = (holds(&morag), holds(&standard));
    if let (Some(kind), Some(holds)) = (&morag, morag_holds) {
        let why = if holds { "valid for this body".into() } else { why(kind, delivery, standard_holds) };
        findings.push(Finding { what: MORAG, holds, why });
    }
    if let (Some(kind), Some(holds)) = (&standard, standard_holds) {
        let why = match holds {
            true => format!("valid for this id, timestamp and body{}", kind.among()),
            false => why(kind, delivery, morag_holds),
        };
        findings.push(Finding { what: STANDARD, holds, why });
    }
    if let (Some(Kind::Standard { seconds, .. }), Some(now)) = (&standard, now) {
        findings.push(age(*seconds, now.as_seconds()));
    }
    findings
}

fn age(seconds: i64, now: i64) -> Finding {
    let (off, side) = (now.abs_diff(seconds), if seconds <= now { "old" } else { "in the future" });
    let holds = off <= TOLERANCE;
    let why = match holds {
        true => format!("{off} s {side}"),
        false => format!(
            "{off} s {side}, but the limit is {TOLERANCE} s: a replay, or a wrong clock (--ignore-age skips this check)"
        ),
    };
    Finding { what: TIME, holds, why }
}

/// A signature with the values that it signs.
#[derive(Debug, Clone, Copy)]
enum Kind<'a> {
    MoRag { signature: &'a str },
    Standard { id: &'a str, seconds: i64, signatures: &'a str },
}

impl Kind<'_> {
    fn holds(&self, secret: &Secret, body: &[u8]) -> bool {
        match *self {
            Self::MoRag { signature } => verify(secret, body, signature),
            Self::Standard { id, seconds, signatures } => {
                let ours = standard_signature(secret, id, seconds, body);
                signatures.split_ascii_whitespace().any(|one| one.as_bytes().ct_eq(ours.as_bytes()).into())
            }
        }
    }

    /// The number of signatures if there are several, as during the rotation of a secret.
    fn among(&self) -> String {
        match self {
            Self::Standard { signatures, .. } if signatures.split_ascii_whitespace().count() > 1 => {
                format!(" (one of {} signatures)", signatures.split_ascii_whitespace().count())
            }
            _ => String::new(),
        }
    }

    /// A syntax error in the signature header.
    fn malformed(&self) -> Option<&'static str> {
        match self {
            Self::MoRag { signature } => {
                let digits = signature.strip_prefix("sha256=").unwrap_or_default();
                let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                (digits.len() != 64 || !is_hex)
                    .then_some("not sha256= and 64 lower-case hexadecimal digits: the value may be cut off")
            }
            Self::Standard { signatures, .. } => {
                let any = signatures.split_ascii_whitespace().any(|one| one.starts_with("v1,"));
                (!any).then_some("no signature of version v1")
            }
        }
    }
}

/// Explains an invalid signature by trying common changes to a delivery. `other` is the result of the other kind of signature.
fn why(kind: &Kind<'_>, delivery: Delivery<'_>, other: Option<bool>) -> String {
    if let Some(why) = kind.malformed() {
        return why.into();
    }
    if other == Some(true) {
        // The other signature proves secret and body.
        return match kind {
            Kind::MoRag { .. } => {
                "made with another secret (as while the server's secret is rotated), or the header was changed: your secret \
                 and the body are correct"
                    .into()
            }
            Kind::Standard { .. } => {
                "webhook-id, webhook-timestamp or webhook-signature was changed: secret and body are correct".into()
            }
        };
    }
    for (how, body) in changed_bodies(delivery.body) {
        if kind.holds(delivery.secret, &body) {
            return format!("the body was changed: {how}");
        }
    }
    let text = delivery.secret.expose();
    if text.trim() != text && kind.holds(&Secret::new(text.trim()), delivery.body) {
        return "the secret is wrong: remove the whitespace around it".into();
    }
    "the secret does not match, or the body was changed".into()
}

/// Bodies that a known change may have turned into `body`, each with a description of the change.
fn changed_bodies(body: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut bodies = Vec::new();
    let mut add = |what, bytes: Option<Vec<u8>>| bodies.extend(bytes.map(|bytes| (what, bytes)));
    let text = String::from_utf8_lossy(body);
    add("a newline was added at its end", Some(text.trim_end_matches(['\r', '\n']).as_bytes().to_vec()));
    add(
        "a byte order mark was added at its beginning",
        text.strip_prefix('\u{feff}').map(|text| text.as_bytes().to_vec()),
    );
    // Compact, with the keys in their order: as the server serializes it.
    let parsed = serde_json::from_slice::<serde_json::Value>(body).ok();
    add("it was parsed and serialized again with other whitespace", parsed.map(|json| json.to_string().into_bytes()));
    bodies
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::webhook::sign;

    const BODY: &str = r#"{"event_type":"task_started","data":{"task_id":"t"}}"#;
    const NOW: i64 = 1_769_853_600;

    fn headers(secret: &str) -> Vec<(String, String)> {
        let secret = Secret::new(secret);
        let own = |(name, value): (&str, String)| (name.to_owned(), value);
        [
            ("x-morag-signature", sign(&secret, BODY.as_bytes())),
            ("webhook-id", "msg_1".into()),
            ("webhook-timestamp", NOW.to_string()),
            ("webhook-signature", standard_signature(&secret, "msg_1", NOW, BODY.as_bytes())),
            ("x-morag-event", "task_started".into()),
        ]
        .map(own)
        .to_vec()
    }

    fn examine_at(secret: &str, headers: &[(String, String)], body: &str, seconds: i64) -> Vec<Finding> {
        let delivery = Delivery { secret: &Secret::new(secret), headers, body: body.as_bytes() };
        examine(delivery, Some(Timestamp::from_millis(seconds * 1000)))
    }

    fn failures(findings: &[Finding]) -> Vec<(&'static str, &str)> {
        findings.iter().filter(|finding| !finding.holds).map(|finding| (finding.what, finding.why.as_str())).collect()
    }

    #[test]
    fn a_genuine_delivery_holds_in_every_way() {
        for secret in ["s", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            let findings = examine_at(secret, &headers(secret), BODY, NOW + 12);
            let whats: Vec<_> = findings.iter().map(|finding| finding.what).collect();
            assert_eq!((whats, failures(&findings)), (vec![MORAG, STANDARD, TIME], vec![]));
        }
    }

    #[test]
    fn one_of_two_signatures_is_enough() {
        let mut both = headers("new");
        both[3].1 = format!("{} {}", headers("old")[3].1, both[3].1);
        let findings = examine_at("old", &both[1..], BODY, NOW);
        assert_eq!(failures(&findings), []);
        assert!(findings[0].why.contains("one of 2 signatures"), "{}", findings[0].why);
    }

    #[test]
    fn why_it_fails_is_said() {
        let good = headers("s");
        for (secret, body, why) in [
            ("another", BODY.to_owned(), "the secret does not match"),
            (" s\n", BODY.to_owned(), "remove the whitespace around it"),
            ("s", BODY.replace('t', "u"), "or the body was changed"),
            ("s", format!("{BODY}\n"), "a newline was added at its end"),
            ("s", format!("\u{feff}{BODY}"), "a byte order mark was added"),
            ("s", BODY.replace(':', ": "), "parsed and serialized again"),
        ] {
            let findings = examine_at(secret, &good, &body, NOW);
            let failures = failures(&findings);
            assert_eq!(failures.len(), 2, "{findings:?}");
            assert!(failures.iter().all(|(_, said)| said.contains(why)), "{why}: {findings:?}");
        }
    }

    #[test]
    fn the_verdict_names_a_changed_body_and_a_time_that_is_off() {
        let good = headers("s");
        let said = |body: &str, now: Option<i64>| {
            let delivery = Delivery { secret: &Secret::new("s"), headers: &good, body: body.as_bytes() };
            verdict(delivery, now.map(|seconds| Timestamp::from_millis(seconds * 1000))).map_err(|refused| refused.text)
        };
        assert_eq!(said(BODY, Some(NOW)), Ok(Proof::Standard));
        for (body, now, text) in [
            (format!("{BODY}\n"), Some(NOW), "changed body: a newline was added at its end"),
            (BODY.replace(':', ": "), None, "changed body: it was parsed and serialized again"),
            (BODY.replace('t', "u"), Some(NOW), "wrong secret or changed body"),
            (BODY.to_owned(), Some(NOW + 400), "too old: its time is 400 s off"),
            (BODY.to_owned(), Some(NOW - 400), "time off by 400 s: it is in the future"),
        ] {
            let refused = said(&body, now).unwrap_err();
            assert!(refused.starts_with(text), "{text}: {refused}");
        }
    }

    #[test]
    fn an_old_timestamp_is_refused_unless_its_age_is_ignored() {
        let (good, limit) = (headers("s"), 5 * 60);
        assert_eq!(failures(&examine_at("s", &good, BODY, NOW + limit)), []);
        for now in [NOW + limit + 1, NOW - limit - 1] {
            assert_eq!(examine_at("s", &good, BODY, now).iter().filter(|finding| !finding.holds).count(), 1);
        }
        let delivery = Delivery { secret: &Secret::new("s"), headers: &good, body: BODY.as_bytes() };
        assert_eq!(failures(&examine(delivery, None)), []);
    }

    #[test]
    fn a_header_that_was_changed_is_told_from_a_body_that_was() {
        let mut changed = headers("s");
        changed[1].1 = "msg_2".into();
        let findings = examine_at("s", &changed, BODY, NOW);
        assert_eq!(failures(&findings).len(), 1);
        assert!(failures(&findings)[0].1.contains("secret and body are correct"), "{findings:?}");
        let mut cut = headers("s");
        cut[0].1.pop();
        assert!(failures(&examine_at("s", &cut, BODY, NOW))[0].1.contains("cut off"));
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_no_proof() {
        let good = headers("s");
        assert_eq!(examine_at("s", &[], BODY, NOW), []);
        assert_eq!(examine_at("s", &good[4..], BODY, NOW), []);
        let findings = examine_at("s", &good[2..], BODY, NOW);
        assert_eq!(failures(&findings).len(), 1);
        assert!(failures(&findings)[0].1.contains("is missing"), "{findings:?}");
        let mut later = good.clone();
        later[2].1 = "tomorrow".into();
        assert_eq!(failures(&examine_at("s", &later, BODY, NOW)), [(TIME, "not a number of seconds")]);
    }
}
