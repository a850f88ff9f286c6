//! Headers of a delivery (`docs/http-api.md#delivery-headers`; Standard Webhooks 1.0).

use super::{Cursor, Endpoint, sign, standard_signature};
use crate::trace::{TRACEPARENT, TraceContext};
use crate::{Secret, Timestamp};

/// Input for the headers of a delivery.
#[derive(Debug, Clone, Copy)]
pub struct HeaderInput<'a> {
    /// The receiver.
    pub endpoint: &'a Endpoint,
    /// The delivery.
    pub cursor: &'a Cursor,
    /// `X-MoRAG-Sequence`: position of the delivery, counted per endpoint and ordering key.
    pub sequence: u64,
    /// The contract's event type.
    pub event_type: &'a str,
    /// The signed and sent bytes.
    pub body: &'a [u8],
    /// Signing secrets, newest first; empty: unsigned.
    pub secrets: &'a [Secret],
    /// Sent as `traceparent`, if given. Not signed: the signature covers the body.
    pub trace: Option<TraceContext>,
    /// Version of this server.
    pub version: &'a str,
    /// Time of sending.
    pub now: Timestamp,
}

/// Reserved names: an endpoint's additional headers cannot have them.
const OURS: [&str; 16] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "connection",
    "host",
    "user-agent",
    "authorization",
    "te",
    "upgrade",
    // Headers that change how the request is sent or parsed, and headers for proxies.
    "content-encoding",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "trailer",
    // Says which span sends, so it differs from attempt to attempt.
    TRACEPARENT,
];

/// The headers of one attempt, in sending order.
pub fn headers(input: HeaderInput<'_>) -> Vec<(String, String)> {
    let HeaderInput { endpoint, cursor, sequence, event_type, body, secrets, trace, version, now } = input;
    let delivery = cursor.delivery_id().to_string();
    let message = format!("msg_{delivery}_{sequence}");
    let (sequence, attempt) = (Some(sequence), cursor.attempts + 1);
    build(endpoint, &Named { event_type, delivery, message, sequence, attempt, trace }, body, secrets, version, now)
}

/// Input for the headers of an operational message, which belongs to no task.
#[derive(Debug, Clone, Copy)]
pub struct OperationalHeaders<'a> {
    /// The receiver.
    pub endpoint: &'a Endpoint,
    /// Type of the event.
    pub event_type: &'a str,
    /// Distinguishes the message from all others to the same endpoint.
    pub identity: &'a str,
    /// From 1.
    pub attempt: u32,
    /// The signed and sent bytes.
    pub body: &'a [u8],
    /// Signing secrets, newest first; empty: unsigned.
    pub secrets: &'a [Secret],
    /// Version of this server.
    pub version: &'a str,
    /// Time of sending.
    pub now: Timestamp,
}

/// [`headers`] of an operational message, which has no sequence.
pub fn operational_headers(input: OperationalHeaders<'_>) -> Vec<(String, String)> {
    let OperationalHeaders { endpoint, event_type, identity, attempt, body, secrets, version, now } = input;
    let delivery = super::cursor::id_of(&format!("{}/{identity}/{event_type}", endpoint.id.as_str())).to_string();
    let message = format!("msg_{delivery}");
    build(
        endpoint,
        &Named { event_type, delivery, message, sequence: None, attempt, trace: None },
        body,
        secrets,
        version,
        now,
    )
}

/// Identity of a delivery.
struct Named<'a> {
    event_type: &'a str,
    delivery: String,
    message: String,
    sequence: Option<u64>,
    attempt: u32,
    trace: Option<TraceContext>,
}

fn build(
    endpoint: &Endpoint,
    named: &Named<'_>,
    body: &[u8],
    secrets: &[Secret],
    version: &str,
    now: Timestamp,
) -> Vec<(String, String)> {
    let seconds = now.as_seconds();
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), format!("MoRAG-Webhook/{version}")),
        ("x-morag-event".to_owned(), named.event_type.to_owned()),
        ("x-morag-delivery".to_owned(), named.delivery.clone()),
    ];
    if let Some(sequence) = named.sequence {
        headers.push(("x-morag-sequence".to_owned(), sequence.to_string()));
    }
    headers.push(("x-morag-attempt".to_owned(), named.attempt.to_string()));
    headers.push(("x-morag-timestamp".to_owned(), seconds.to_string()));
    if let Some(trace) = &named.trace {
        headers.push((TRACEPARENT.to_owned(), trace.to_string()));
    }
    if let Some(token) = &endpoint.auth_token {
        headers.push(("authorization".to_owned(), format!("Bearer {}", token.expose())));
    }
    if let Some(newest) = secrets.first() {
        let id = &named.message;
        let signatures: Vec<_> = secrets.iter().map(|secret| standard_signature(secret, id, seconds, body)).collect();
        headers.push(("x-morag-signature".to_owned(), sign(newest, body)));
        headers.push(("webhook-id".to_owned(), id.clone()));
        headers.push(("webhook-timestamp".to_owned(), seconds.to_string()));
        headers.push(("webhook-signature".to_owned(), signatures.join(" ")));
    }
    let extra = endpoint.headers.iter().filter(|(name, _)| !is_reserved(name));
    headers.extend(extra.map(|(name, value)| (name.to_ascii_lowercase(), value.expose().to_owned())));
    headers
}

/// Whether an endpoint's additional header cannot have this name, ignoring case.
pub fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OURS.contains(&name.as_str()) || name.starts_with("x-morag-") || name.starts_with("webhook-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{TaskId, TenantId};
    use crate::webhook::{BodyFormat, CursorName, EndpointId, EventFilter};

    fn cursor(next_delivery: u64, attempts: u32) -> Cursor {
        Cursor {
            task: TaskId::from(uuid::Uuid::from_u128(7)),
            name: CursorName::of(&Endpoint::sample(), &TenantId::default()),
            next_event: 3,
            next_delivery,
            attempts,
            url: None,
        }
    }

    fn endpoint() -> Endpoint {
        Endpoint {
            id: EndpointId::of_task(),
            url: "https://example.com/hook".parse().unwrap(),
            auth_token: Some(Secret::new("tok")),
            format: BodyFormat::Dual,
            events: EventFilter::default(),
            headers: [
                ("X-Mine", "1"),
                ("X-MoRAG-Event", "forged"),
                ("Authorization", "forged"),
                ("Host", "evil"),
                ("Traceparent", "forged"),
            ]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Secret::new(value)))
            .collect(),
        }
    }

    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn lines(cursor: &Cursor, secrets: &[Secret]) -> Vec<(String, String)> {
        headers(HeaderInput {
            endpoint: &endpoint(),
            cursor,
            sequence: cursor.next_delivery + 100,
            event_type: "task_started",
            body: b"{}",
            secrets,
            trace: TRACE.parse().ok(),
            version: "1.2.3",
            now: Timestamp::from_millis(1_700_000_000_999),
        })
    }

    fn value<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
        headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    #[test]
    fn every_header_of_the_contract_is_there() {
        let headers = lines(&cursor(4, 1), &[Secret::new("s3cret")]);
        assert_eq!(value(&headers, "content-type"), ["application/json"]);
        assert_eq!(value(&headers, "user-agent"), ["MoRAG-Webhook/1.2.3"]);
        assert_eq!(value(&headers, "x-morag-event"), ["task_started"]);
        assert_eq!(value(&headers, "x-morag-sequence"), ["104"]);
        assert_eq!(value(&headers, "x-morag-attempt"), ["2"]);
        assert_eq!(value(&headers, "x-morag-timestamp"), ["1700000000"]);
        assert_eq!(value(&headers, "webhook-timestamp"), ["1700000000"]);
        assert_eq!(value(&headers, "traceparent"), [TRACE]);
        assert_eq!(value(&headers, "authorization"), ["Bearer tok"]);
        assert!(value(&headers, "x-morag-signature")[0].starts_with("sha256="));
        assert!(value(&headers, "webhook-signature")[0].starts_with("v1,"));
    }

    #[test]
    fn a_rotated_secret_signs_too_and_the_newest_signs_ours() {
        let both = lines(&cursor(1, 0), &[Secret::new("new"), Secret::new("old")]);
        assert_eq!(value(&both, "webhook-signature")[0].split(' ').count(), 2);
        assert_eq!(value(&both, "x-morag-signature"), [sign(&Secret::new("new"), b"{}")]);
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        let headers = lines(&cursor(1, 0), &[]);
        assert!(headers.iter().all(|(name, _)| name != "x-morag-signature" && !name.starts_with("webhook-")));
    }

    #[test]
    fn what_changes_how_a_request_is_sent_is_reserved() {
        for name in ["Expect", "Trailer", "Keep-Alive", "Content-Encoding", "Proxy-Authorization", "X-MoRAG-Any", "TE"]
        {
            assert!(is_reserved(name), "{name}");
        }
        assert!(!is_reserved("X-Mine"));
    }

    #[test]
    fn an_endpoints_own_headers_cannot_replace_ours() {
        let headers = lines(&cursor(1, 0), &[]);
        assert_eq!(value(&headers, "x-mine"), ["1"]);
        assert_eq!(value(&headers, "x-morag-event"), ["task_started"]);
        assert_eq!(value(&headers, "authorization"), ["Bearer tok"]);
        assert!(value(&headers, "host").is_empty());
        assert_eq!(value(&headers, "traceparent"), [TRACE]);
    }
}
