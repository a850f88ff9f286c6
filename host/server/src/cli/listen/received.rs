//! Received webhooks: the verdict on their signature, and a bounded log of the latest.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use morag_core::webhook::Unproved;
use morag_core::{Secret, Timestamp};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

use super::super::webhook::examine::{Delivery, verdict};
use morag_client::plain;

/// Most webhooks in the log.
const COUNT_MAX: usize = 10_000;

/// Most bytes of bodies in the log: ten thousand ordinary webhooks have some 20 MiB.
const BYTES_MAX: usize = 64 << 20;

/// The verdict on a webhook's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// Signed with the secret.
    Valid,
    /// Signed with another secret, or for another body.
    Invalid,
    /// Signed with the secret, but too long ago or without a timestamp.
    TooOld,
    /// Signed with the secret, but with a timestamp in the future.
    TimeOff,
    /// Not signed, although the receiver has a secret.
    Missing,
    /// Not verified: the receiver has no secret.
    Absent,
}

impl Signature {
    /// Verifies a delivery. Returns the verdict and, if it is refused, the reason.
    pub fn verify(secret: Option<&Secret>, headers: &HeaderMap, body: &[u8], now: Timestamp) -> (Self, Option<String>) {
        let Some(secret) = secret else { return (Self::Absent, None) };
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            value.to_str().ok().map(|value| (name.as_str().to_owned(), value.to_owned()))
        };
        let headers: Vec<_> = headers.iter().filter_map(text).collect();
        let delivery = Delivery { secret, headers: &headers, body };
        let Err(refused) = verdict(delivery, Some(now)) else { return (Self::Valid, None) };
        let signature = match refused.why {
            Unproved::Unsigned => Self::Missing,
            Unproved::Unmatched => Self::Invalid,
            Unproved::TooOld(_) | Unproved::NoTime => Self::TooOld,
            Unproved::TooEarly(_) => Self::TimeOff,
        };
        (signature, Some(refused.text))
    }

    /// Formats a webhook as one line.
    pub fn line(self, payload: &Value) -> String {
        let word = match self {
            Self::Valid => "verified",
            Self::Invalid => "BAD SIGNATURE",
            Self::TooOld => "TOO OLD",
            Self::TimeOff => "TIME OFF",
            Self::Missing => "NOT SIGNED",
            Self::Absent => "unverified",
        };
        let data = &payload["data"];
        let either = |key: &str| if data[key].is_null() { &payload[key] } else { &data[key] };
        let percent = either("progress_percent").as_f64().map(|percent| format!("{percent:.0}%")).unwrap_or_default();
        let kind = match payload["event_type"].as_str() {
            Some(kind) => plain(&kind.into()),
            // A bare StepWebhook has no event type.
            None => format!("step_{}", plain(&payload["status"])),
        };
        format!("{word:<13} {:<36} {percent:>4} {kind:<15} {}", plain(either("task_id")), plain(either("step")))
    }
}

/// One received webhook, as `GET /webhooks` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Received {
    payload: Value,
    received_at: Timestamp,
    headers: BTreeMap<String, String>,
    signature: Signature,
    /// Why it was answered with 401, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl Received {
    /// Builds the record of a webhook.
    pub fn new(
        payload: Value,
        received_at: Timestamp,
        headers: &HeaderMap,
        signature: Signature,
        refused: Option<String>,
    ) -> Self {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        Self { payload, received_at, headers, signature, refused }
    }
}

/// The latest webhooks, oldest first.
#[derive(Debug, Default)]
pub struct ReceivedLog {
    items: VecDeque<(Received, usize)>,
    bytes: usize,
}

impl ReceivedLog {
    /// Adds a webhook whose body has `bytes` bytes, and drops the oldest beyond the limits.
    pub fn push(&mut self, received: Received, bytes: usize) {
        self.items.push_back((received, bytes));
        self.bytes += bytes;
        while self.items.len() > COUNT_MAX || (self.bytes > BYTES_MAX && self.items.len() > 1) {
            if let Some((_, bytes)) = self.items.pop_front() {
                self.bytes -= bytes;
            }
        }
    }

    /// All webhooks in the log, oldest first.
    pub fn all(&self) -> Vec<&Received> {
        self.items.iter().map(|(received, _)| received).collect()
    }

    /// The newest webhook.
    pub fn latest(&self) -> Option<&Received> {
        self.items.back().map(|(received, _)| received)
    }

    /// Empties the log.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn received(number: usize) -> Received {
        Received::new(json!(number), Timestamp::from_millis(0), &HeaderMap::new(), Signature::Absent, None)
    }

    #[test]
    fn the_oldest_are_forgotten_by_number_and_by_bytes() {
        let mut log = ReceivedLog::default();
        (0..COUNT_MAX + 5).for_each(|number| log.push(received(number), 1));
        assert_eq!(log.all().len(), COUNT_MAX);
        assert_eq!(log.all()[0].payload, json!(5));
        log.push(received(1), BYTES_MAX);
        assert_eq!((log.all().len(), log.bytes), (1, BYTES_MAX));
    }

    #[test]
    fn a_line_names_the_event_of_either_shape() {
        let dual =
            json!({"event_type": "step_completed", "data": {"task_id": "t", "step": "s", "progress_percent": 25.0}});
        assert!(Signature::Valid.line(&dual).starts_with("verified "));
        let flat = json!({"task_id": "t", "step": "s", "status": "started", "progress_percent": 0.0});
        let line = Signature::Invalid.line(&flat);
        assert!(line.starts_with("BAD SIGNATURE") && line.contains("step_started"), "{line}");
    }
}
