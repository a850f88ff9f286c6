//! Deliveries as they are stored with their task.
//!
//! A delivery is a field `ENDPOINT/DELIVERY`, followed by `.RESEND` for one that was made again. Its value is the event's sequence, the
//! state, the time of the last move, and a URL where that is not the endpoint's. Earlier versions wrote no time.

use super::values::{from_json, unexpected_reply};
use morag_core::Timestamp;
use morag_core::ports::{DeliveryRecord, DeliveryState, StoreError};
use morag_core::webhook::{CursorName, WebhookUrl};
use std::collections::HashMap;

/// A state's name in what is stored, in keys and in scripts.
pub(super) fn state_word(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Dead => "dead",
        DeliveryState::Resent => "resent",
    }
}

/// A stored URL; `-` or a missing one is none.
pub(super) fn stored_url(stored: Option<&str>) -> Result<Option<WebhookUrl>, StoreError> {
    let url = stored.filter(|url| *url != "-").map(str::parse).transpose();
    url.map_err(|error| StoreError::Corrupt(format!("a stored URL cannot be read: {error}")))
}

/// A stored attempt: endpoint with delivery, and the attempt's JSON. An endpoint's id may contain spaces; JSON begins with a brace.
fn split_attempt(stored: &str) -> Option<(&str, &str)> {
    stored.find(" {").map(|at| (&stored[..at], &stored[at + 1..]))
}

/// The numbers of delivery and resend, as they follow the endpoint.
pub(super) fn numbers(text: &str) -> Option<(u64, u32)> {
    match text.split_once('.') {
        None => Some((text.parse().ok()?, 0)),
        Some((delivery, resend)) => Some((delivery.parse().ok()?, resend.parse().ok()?)),
    }
}

/// A stored delivery and its field.
pub(super) fn record(field: &str, stored: &str) -> Result<DeliveryRecord, StoreError> {
    let mut parts = stored.split(' ');
    let mut parsed = || {
        let (endpoint, delivery) = field.rsplit_once('/')?;
        let (delivery, resend) = numbers(delivery)?;
        let event = parts.next()?.parse().ok()?;
        let word = parts.next()?;
        let state = DeliveryState::ALL.into_iter().find(|state| state_word(*state) == word)?;
        let at = Timestamp::from_millis(parts.next().map_or(Some(0.0), |at| at.parse::<f64>().ok())? as i64);
        // Earlier versions wrote the cursor's name.
        let endpoint = endpoint.parse::<CursorName>().ok()?.endpoint().clone();
        Some(DeliveryRecord { endpoint, delivery, resend, event, state, at, url: None, attempts: Vec::new() })
    };
    let record = parsed().ok_or_else(|| unexpected_reply(&(field, "not a delivery")))?;
    Ok(DeliveryRecord { url: stored_url(parts.next())?, ..record })
}

/// The field of the delivery that a cursor makes again.
pub(super) fn field_of_resend(name: &CursorName) -> Option<String> {
    let resend = name.resend()?;
    Some(format!("{}/{}.{}", name.endpoint().as_str(), resend.delivery, resend.number))
}

/// The time of a stored delivery's last move; none where there is no delivery, or no time.
pub(super) fn moved_at(stored: &str) -> Option<Timestamp> {
    let at = stored.split(' ').nth(2)?.parse::<f64>().ok()?;
    Some(Timestamp::from_millis(at as i64))
}

/// A task's deliveries with their attempts, in order.
pub(super) fn gather(
    deliveries: HashMap<String, String>,
    attempts: Vec<String>,
) -> Result<Vec<DeliveryRecord>, StoreError> {
    let mut records = HashMap::with_capacity(deliveries.len());
    for (field, stored) in &deliveries {
        records.insert(field.as_str(), record(field, stored)?);
    }
    for attempt in &attempts {
        let (field, attempt) = split_attempt(attempt).ok_or_else(|| unexpected_reply(attempt))?;
        if let Some(record) = records.get_mut(field) {
            record.attempts.push(from_json(attempt)?);
        }
    }
    let mut records: Vec<_> = records.into_values().collect();
    records.sort_by(|one, other| {
        (one.event, one.endpoint.as_str(), one.resend).cmp(&(other.event, other.endpoint.as_str(), other.resend))
    });
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_earlier_versions_are_read() {
        let old = record("task/3", "7 dead").unwrap();
        assert_eq!((old.endpoint.as_str(), old.delivery, old.resend, old.event), ("task", 3, 0, 7));
        assert_eq!((old.state, old.at.as_millis(), old.url), (DeliveryState::Dead, 0, None));
        let new = record("ep_a/3.2", "7 resent 1769853600000 https://example.com/x").unwrap();
        assert_eq!((new.endpoint.as_str(), new.delivery, new.resend, new.event), ("ep_a", 3, 2, 7));
        assert_eq!((new.state, new.at.as_millis()), (DeliveryState::Resent, 1_769_853_600_000));
        assert_eq!(new.url.map(String::from).as_deref(), Some("https://example.com/x"));
        for (field, stored) in [("x", "1 dead"), ("a/x", "1 dead"), ("a/1", "1"), ("a/1", "1 odd"), ("a/1", "x dead 5")]
        {
            assert!(record(field, stored).is_err(), "{field} {stored}");
        }
    }
}
