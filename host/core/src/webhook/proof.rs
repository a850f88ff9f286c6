//! Verification of a delivery by its receiver (`docs/webhooks.md`, "Verify"). Pure.

use super::{standard_signature, verify};
use crate::{Secret, Timestamp};
use subtle::ConstantTimeEq as _;

/// Maximum difference between a delivery's time and the receiver's, in either direction, seconds: that of the Standard Webhooks
/// libraries.
pub const TOLERANCE_SECONDS: u64 = 5 * 60;

/// Maximum signatures read from a `webhook-signature`: a rotated secret adds one, and a server has at most five. The rest is
/// ignored, so that an untrusted header costs a bounded number of comparisons.
const SIGNATURES_MAX: usize = 16;

/// Headers of a delivery that are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProofHeaders<'a> {
    /// `X-MoRAG-Signature`, of the body only.
    pub morag_signature: Option<&'a str>,
    /// `X-MoRAG-Timestamp`, not signed.
    pub morag_timestamp: Option<&'a str>,
    /// `webhook-id`.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`: one or more, of id, timestamp and body.
    pub signatures: Option<&'a str>,
}

/// Which signature was valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// `webhook-signature`: body, id and time are the server's.
    Standard,
    /// `X-MoRAG-Signature`: the body is the server's. A recorded delivery can be replayed with another time.
    MoRag,
}

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    /// It has no signature.
    #[error("unsigned: there is neither webhook-signature nor X-MoRAG-Signature")]
    Unsigned,
    /// No signature is valid. For an HMAC, a wrong secret and a changed body look the same.
    #[error("wrong secret or changed body: no signature is one of this secret and these bytes")]
    Unmatched,
    /// A signature is valid, but its time is too old.
    #[error("too old: its time is {0} s off, and {TOLERANCE_SECONDS} are allowed (a replay, or a clock that is wrong)")]
    TooOld(u64),
    /// A signature is valid, but its time is too far in the future.
    #[error("time off by {0} s: it is in the future, and {TOLERANCE_SECONDS} are allowed (a clock that is wrong)")]
    TooEarly(u64),
    /// `X-MoRAG-Signature` is valid, but there is no time.
    #[error("too old: it has no X-MoRAG-Timestamp, so its age is unknown")]
    NoTime,
}

impl Unproved {
    /// Stable machine-readable name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Unmatched => "wrong_secret_or_changed_body",
            Self::TooOld(_) | Self::NoTime => "too_old",
            Self::TooEarly(_) => "time_off",
        }
    }
}

/// Verifies a delivery by either signature; without `now`, any age is accepted. A valid `webhook-signature` takes precedence,
/// because its time is signed. All comparisons take constant time.
pub fn prove(
    secret: &Secret,
    headers: ProofHeaders<'_>,
    body: &[u8],
    now: Option<Timestamp>,
) -> Result<Proof, Unproved> {
    let has_signature = |text: Option<&str>| text.is_some_and(|text| !text.trim().is_empty());
    if !has_signature(headers.morag_signature) && !has_signature(headers.signatures) {
        return Err(Unproved::Unsigned);
    }
    if let Some(seconds) = standard(secret, headers, body) {
        return fresh(seconds, now).map(|()| Proof::Standard);
    }
    if headers.morag_signature.is_some_and(|signature| verify(secret, body, signature)) {
        let seconds = headers.morag_timestamp.and_then(|text| text.parse().ok());
        return match (seconds, now) {
            (_, None) => Ok(Proof::MoRag),
            (Some(seconds), now) => fresh(seconds, now).map(|()| Proof::MoRag),
            (None, Some(_)) => Err(Unproved::NoTime),
        };
    }
    Err(Unproved::Unmatched)
}

/// The signed time of a valid `webhook-signature`.
fn standard(secret: &Secret, headers: ProofHeaders<'_>, body: &[u8]) -> Option<i64> {
    let (id, timestamp, signatures) = (headers.id?, headers.timestamp?, headers.signatures?);
    let seconds: i64 = timestamp.parse().ok()?;
    let ours = standard_signature(secret, id, seconds, body);
    let given = signatures.split_ascii_whitespace().take(SIGNATURES_MAX);
    // The text of the number is signed: a leading plus or zero means that the server did not send it.
    let holds = given.fold(false, |holds, one| holds | bool::from(ours.as_bytes().ct_eq(one.as_bytes())));
    (holds && seconds.to_string() == timestamp).then_some(seconds)
}

fn fresh(seconds: i64, now: Option<Timestamp>) -> Result<(), Unproved> {
    let Some(now) = now.map(Timestamp::as_seconds) else { return Ok(()) };
    match (now.abs_diff(seconds), seconds > now) {
        (0..=TOLERANCE_SECONDS, _) => Ok(()),
        (off, false) => Err(Unproved::TooOld(off)),
        (off, true) => Err(Unproved::TooEarly(off)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::sign;

    const BODY: &[u8] = b"{\"a\":1}";
    const NOW: i64 = 1_769_853_600;

    /// What a server sends that signs with these secrets, the newest first.
    struct Sent {
        morag: String,
        timestamp: String,
        signatures: String,
    }

    fn sent(secrets: &[&str], seconds: i64) -> Sent {
        let of = |secret: &&str| standard_signature(&Secret::new(*secret), "msg_1", seconds, BODY);
        Sent {
            morag: sign(&Secret::new(secrets[0]), BODY),
            timestamp: seconds.to_string(),
            signatures: secrets.iter().map(of).collect::<Vec<_>>().join(" "),
        }
    }

    impl Sent {
        fn headers(&self) -> ProofHeaders<'_> {
            ProofHeaders {
                morag_signature: Some(&self.morag),
                morag_timestamp: Some(&self.timestamp),
                id: Some("msg_1"),
                timestamp: Some(&self.timestamp),
                signatures: Some(&self.signatures),
            }
        }
    }

    fn look(secret: &str, headers: ProofHeaders<'_>, body: &[u8]) -> Result<Proof, Unproved> {
        prove(&Secret::new(secret), headers, body, Some(Timestamp::from_millis(NOW * 1000)))
    }

    #[test]
    fn a_rotated_secret_breaks_no_receiver_that_knows_either() {
        let both = sent(&["the new one", "the old one"], NOW);
        assert_eq!(look("the new one", both.headers(), BODY), Ok(Proof::Standard));
        assert_eq!(look("the old one", both.headers(), BODY), Ok(Proof::Standard));
        assert_eq!(look("a third one", both.headers(), BODY), Err(Unproved::Unmatched));
        let after = sent(&["the new one"], NOW);
        assert_eq!(look("the old one", after.headers(), BODY), Err(Unproved::Unmatched));
    }

    #[test]
    fn either_signature_is_enough() {
        let one = sent(&["the secret"], NOW);
        let standard = ProofHeaders { morag_signature: None, morag_timestamp: None, ..one.headers() };
        assert_eq!(look("the secret", standard, BODY), Ok(Proof::Standard));
        let morag = ProofHeaders { signatures: None, id: None, timestamp: None, ..one.headers() };
        assert_eq!(look("the secret", morag, BODY), Ok(Proof::MoRag));
        let changed = ProofHeaders { id: Some("msg_2"), ..one.headers() };
        assert_eq!(look("the secret", changed, BODY), Ok(Proof::MoRag), "the body is proved, the id is not");
    }

    #[test]
    fn the_reason_is_said() {
        let one = sent(&["the secret"], NOW);
        assert_eq!(look("the secret", ProofHeaders::default(), BODY), Err(Unproved::Unsigned));
        let blank = ProofHeaders { morag_signature: Some(""), signatures: Some(" "), ..one.headers() };
        assert_eq!(look("the secret", blank, BODY), Err(Unproved::Unsigned));
        assert_eq!(look("another secret", one.headers(), BODY), Err(Unproved::Unmatched));
        assert_eq!(look("the secret", one.headers(), b"{\"a\":2}"), Err(Unproved::Unmatched));
        for (seconds, refused) in [(NOW - 301, Unproved::TooOld(301)), (NOW + 301, Unproved::TooEarly(301))] {
            let old = sent(&["the secret"], seconds);
            assert_eq!(look("the secret", old.headers(), BODY), Err(refused));
            // The signed time decides, whatever the one that is not signed says.
            let (now, fresh) = (NOW.to_string(), old.headers());
            let replayed = ProofHeaders { morag_timestamp: Some(&now), ..fresh };
            assert_eq!(look("the secret", replayed, BODY), Err(refused));
        }
        let untimed = ProofHeaders { morag_timestamp: None, signatures: None, ..one.headers() };
        assert_eq!(look("the secret", untimed, BODY), Err(Unproved::NoTime));
        let secret = Secret::new("the secret");
        assert_eq!(prove(&secret, untimed, BODY, None), Ok(Proof::MoRag), "any age is taken");
        let odd = format!("+{NOW}");
        let odd = ProofHeaders { timestamp: Some(&odd), morag_signature: None, ..one.headers() };
        assert_eq!(look("the secret", odd, BODY), Err(Unproved::Unmatched));
    }

    #[test]
    fn a_header_of_a_thousand_signatures_costs_few_comparisons() {
        let one = sent(&["the secret"], NOW);
        let many = format!("{}{}", "v1,AAAA ".repeat(SIGNATURES_MAX), one.signatures);
        let many = ProofHeaders { signatures: Some(&many), morag_signature: None, ..one.headers() };
        assert_eq!(look("the secret", many, BODY), Err(Unproved::Unmatched));
    }
}
