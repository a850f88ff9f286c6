//! Cursors: the position of an endpoint in a task's log, and the names of cursors.

use super::{Endpoint, EndpointId, WebhookUrl};
use crate::Timestamp;
use crate::task::{TaskId, TenantId};
use sha2::{Digest, Sha256};
use std::fmt;

/// Name of a cursor within its task: `ENDPOINT[~LANE][#DELIVERY.RESEND]`.
///
/// The part before `#` is the cursor's **lane**. Deliveries of different lanes never delay each other; those of one lane share its
/// limits, pauses and circuit breaker. A named endpoint is a lane. All tasks of a tenant with the same `webhook_url`, ignoring the
/// query, share a lane because they share a receiver. Tenants have separate lanes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CursorName {
    endpoint: EndpointId,
    lane: Option<String>,
    resend: Option<Resend>,
}

/// A resend of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resend {
    /// Number of the delivery, which determines its `X-MoRAG-Sequence`.
    pub delivery: u64,
    /// Number of the resend, from 1.
    pub number: u32,
}

/// Bytes of the URL's digest in a lane name: enough to make collisions on one server unlikely.
const LANE_BYTES: usize = 8;

impl CursorName {
    /// The cursor of a task's endpoint.
    pub fn of(endpoint: &Endpoint, tenant: &TenantId) -> Self {
        match endpoint.id == EndpointId::of_task() {
            true => {
                Self { endpoint: endpoint.id.clone(), lane: Some(lane_of_url(&endpoint.url, tenant)), resend: None }
            }
            false => Self::of_named(endpoint.id.clone()),
        }
    }

    /// The cursor of a named endpoint.
    pub fn of_named(endpoint: EndpointId) -> Self {
        Self { endpoint, lane: None, resend: None }
    }

    /// This cursor in the lane of another receiver, if one is given: a delivery replayed elsewhere shares no lane with the endpoint.
    pub fn towards(&self, elsewhere: Option<&WebhookUrl>, tenant: &TenantId) -> Self {
        let lane = elsewhere.map(|url| lane_of_url(url, tenant)).or_else(|| self.lane.clone());
        Self { lane, ..self.clone() }
    }

    /// The cursor that resends a delivery of this one.
    pub fn resending(&self, resend: Resend) -> Self {
        Self { resend: Some(resend), ..self.clone() }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &EndpointId {
        &self.endpoint
    }

    /// The resend, if the cursor is one; `None` for the cursor of the log.
    pub fn resend(&self) -> Option<Resend> {
        self.resend
    }

    /// Key of the cursor in the due-queue.
    pub fn key(&self, task: TaskId) -> String {
        format!("{task}/{self}")
    }

    /// Task and name of a key.
    pub fn parse_key(key: &str) -> Option<(TaskId, Self)> {
        let (task, name) = key.split_once('/')?;
        Some((task.parse().ok()?, name.parse().ok()?))
    }

    /// Lane of a key; the whole key if it is not one of a cursor.
    pub fn lane_of_key(key: &str) -> &str {
        let name = key.split_once('/').map_or(key, |(_, name)| name);
        name.split_once('#').map_or(name, |(lane, _)| lane)
    }
}

fn lane_of_url(url: &WebhookUrl, tenant: &TenantId) -> String {
    let mut receiver = url.as_url().clone();
    receiver.set_query(None);
    // No URL starts with a tenant name and a space.
    hex::encode(&Sha256::digest(tenant.stored_name(' ', receiver.as_str()))[..LANE_BYTES])
}

impl fmt::Display for CursorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.endpoint.as_str())?;
        if let Some(lane) = &self.lane {
            write!(f, "~{lane}")?;
        }
        match self.resend {
            Some(Resend { delivery, number }) => write!(f, "#{delivery}.{number}"),
            None => Ok(()),
        }
    }
}

/// The text is not a cursor name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a cursor")]
pub struct InvalidCursorName;

impl std::str::FromStr for CursorName {
    type Err = InvalidCursorName;

    fn from_str(text: &str) -> Result<Self, InvalidCursorName> {
        let (lane, resend) = match text.split_once('#') {
            None => (text, None),
            Some((lane, resend)) => {
                let (delivery, number) = resend.split_once('.').ok_or(InvalidCursorName)?;
                let delivery = delivery.parse().map_err(|_| InvalidCursorName)?;
                (lane, Some(Resend { delivery, number: number.parse().map_err(|_| InvalidCursorName)? }))
            }
        };
        let (endpoint, lane) = match lane.split_once('~') {
            None => (lane, None),
            Some((endpoint, lane)) => (endpoint, Some(lane.to_owned())),
        };
        match endpoint.is_empty() {
            true => Err(InvalidCursorName),
            false => Ok(Self { endpoint: endpoint.to_owned().into(), lane, resend }),
        }
    }
}

/// Position of an endpoint in a task's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The task.
    pub task: TaskId,
    /// Name of the cursor.
    pub name: CursorName,
    /// Sequence of the next event.
    pub next_event: u64,
    /// Number of the next delivery within the task, from 1.
    pub next_delivery: u64,
    /// Attempts already made for that delivery.
    pub attempts: u32,
    /// Target URL instead of the endpoint's, for a delivery replayed elsewhere.
    pub url: Option<WebhookUrl>,
}

/// How a cursor moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorMove {
    /// The event is not for this endpoint: go to the next one. No delivery is recorded.
    Skip,
    /// Delivered: go to the next event.
    Delivered,
    /// Given up and recorded as dead: go to the next event.
    Dead,
    /// Retry the same delivery then.
    Retry(Timestamp),
    /// The receiver is gone: the delivery is recorded as dead and the cursor ends for good.
    Disable,
    /// The endpoint is disabled: the cursor waits for [`crate::ports::Deliveries::unpark`], for as long as its task is stored. No
    /// delivery is recorded unless an attempt comes with it.
    Park,
}

/// `X-MoRAG-Delivery`: unique per delivery and the same on its retries, after a crash too, because it is made from what
/// identifies the delivery. One that is made again has another.
pub fn delivery_id(task: TaskId, endpoint: &EndpointId, delivery: u64, resend: u32) -> uuid::Uuid {
    let mut identity = format!("{task}/{}/{delivery}", endpoint.as_str());
    if resend > 0 {
        identity.push_str(&format!("/{resend}"));
    }
    id_of(&identity)
}

/// A UUID of version 8 (RFC 9562 section 5.8), derived from the identity of a message.
pub(super) fn id_of(identity: &str) -> uuid::Uuid {
    let digest: [u8; 32] = Sha256::digest(identity.as_bytes()).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl Cursor {
    /// [`delivery_id`] of the next delivery.
    pub fn delivery_id(&self) -> uuid::Uuid {
        let resend = self.name.resend.map_or(0, |resend| resend.number);
        delivery_id(self.task, &self.name.endpoint, self.next_delivery, resend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> TaskId {
        TaskId::from(uuid::Uuid::from_u128(7))
    }

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for text in ["task", "task~0011223344556677", "ep_a", "ep_a#17.2", "task~0011223344556677#3.1"] {
            let name: CursorName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(CursorName::parse_key(&name.key(task())), Some((task(), name)));
        }
        for text in ["", "#1.1", "~x", "a#", "a#1", "a#x.1", "a#1.x"] {
            assert_eq!(text.parse::<CursorName>(), Err(InvalidCursorName), "{text}");
        }
        assert_eq!(CursorName::parse_key("nonsense"), None);
    }

    #[test]
    fn a_lane_is_the_receiver() {
        let lane_of = |url: &str, tenant: &str| {
            let endpoint = Endpoint { url: url.parse().unwrap(), ..Endpoint::sample() };
            let name = CursorName::of(&endpoint, &tenant.parse().unwrap());
            CursorName::lane_of_key(&name.key(task())).to_owned()
        };
        let lane = |url: &str| lane_of(url, "default");
        assert_eq!(lane("https://example.com/a?x=1"), lane("https://example.com/a?x=2"));
        assert_ne!(lane("https://example.com/a"), lane("https://example.com/b"));
        assert_ne!(lane("https://example.com/a"), lane("https://example.org/a"));
        // One tenant's pauses and failures are not another's.
        assert_ne!(lane_of("https://example.com/a", "acme"), lane("https://example.com/a"));
        assert_ne!(lane_of("https://example.com/a", "acme"), lane_of("https://example.com/a", "beta"));
        // As it has been since before there were tenants.
        assert_eq!(lane("https://example.com/a?x=1"), "task~2dce0a4c50441bfc");
        assert_eq!(CursorName::lane_of_key("t/ep_a#17.2"), "ep_a");
        assert_eq!(CursorName::lane_of_key("t/ep_a"), "ep_a");
    }

    #[test]
    fn a_delivery_keeps_its_id_and_no_other_has_it() {
        let (one, other) = (EndpointId::of_task(), EndpointId::from("ep_a".to_owned()));
        assert_eq!(delivery_id(task(), &one, 4, 0), delivery_id(task(), &one, 4, 0));
        let ids = [delivery_id(task(), &one, 4, 0), delivery_id(task(), &one, 5, 0), delivery_id(task(), &other, 4, 0)];
        let again = [delivery_id(task(), &one, 4, 1), delivery_id(task(), &one, 4, 2)];
        let all: std::collections::BTreeSet<_> = ids.into_iter().chain(again).collect();
        assert_eq!(all.len(), 5);
    }
}
