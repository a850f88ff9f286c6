//! Named endpoints: configured once by an operator, they receive the events of all tasks that match their filter.

use super::{BodyFormat, Endpoint, EndpointId, EventFilter, InvalidRetryPolicy, RetryPolicy, WebhookUrl};
use crate::task::{TaskRecord, has_all};
use crate::{JsonObject, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A named endpoint as stored: settings and state in clear text, credentials sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedEndpoint {
    /// Identifies it; part of its cursors' names.
    pub id: EndpointId,
    /// Settings by the operator.
    pub settings: EndpointSettings,
    /// [`Credentials`], encrypted by the server. Empty for an endpoint in `morag.toml`, which has its credentials there.
    pub sealed: String,
    /// Set while the endpoint is disabled.
    #[serde(default)]
    pub disabled: Option<Disabled>,
    /// Since when every attempt has failed; `None` if the last one succeeded.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its settings or credentials were last changed.
    pub updated_at: Timestamp,
    /// Increased with every change; detects concurrent changes.
    pub version: u64,
    /// Caller who created it, for the caller's share of all endpoints; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// Settings of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSettings {
    /// Target URL.
    pub url: WebhookUrl,
    /// Description for humans.
    #[serde(default)]
    pub description: String,
    /// Filter on event types.
    #[serde(default)]
    pub events: EventFilter,
    /// Whether it receives operational events.
    #[serde(default)]
    pub operational: Operational,
    /// Shape of the bodies.
    #[serde(default)]
    pub format: BodyFormat,
    /// Required metadata values; empty: all tasks.
    #[serde(default)]
    pub filter: JsonObject,
    /// Scope in which its deliveries are ordered.
    #[serde(default)]
    pub order: OrderScope,
    /// Retry policy; `None`: the server's.
    #[serde(default)]
    pub retry: Option<RetrySettings>,
    /// Maximum attempts per second; `None`: no limit.
    #[serde(default)]
    pub rate_limit: Option<u32>,
    /// Whether its deliveries carry `traceparent`. Stored only where they do not: so it is read as it was before the setting existed.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub trace: bool,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

/// Whether an endpoint receives operational events (`endpoint_disabled`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operational {
    /// It does not.
    #[default]
    No,
    /// In addition to task events.
    Also,
    /// Operational events only.
    Only,
}

/// Scope in which an endpoint's deliveries are ordered and numbered (`X-MoRAG-Sequence`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderScope {
    /// Per task: the events of a task are in order, tasks are delivered concurrently.
    #[default]
    Task,
    /// Per document: all tasks of a `document_id`, one after the other in the order in which they started.
    Document,
}

/// An endpoint's own [`RetryPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrySettings {
    /// Retries after the first attempt.
    pub max_retries: u32,
    /// Delay before the first retry, milliseconds.
    pub delay_ms: u64,
}

impl RetrySettings {
    /// The validated policy.
    pub fn policy(&self) -> Result<RetryPolicy, InvalidRetryPolicy> {
        RetryPolicy::new(self.max_retries, Duration::from_millis(self.delay_ms))
    }
}

/// State of a disabled endpoint. Its events are kept until they are too old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// The reason.
    pub reason: DisabledReason,
    /// When it was disabled.
    pub at: Timestamp,
    /// Endpoints that must still be notified, with the number of attempts for each.
    #[serde(default)]
    pub to_tell: BTreeMap<EndpointId, u32>,
}

/// Why an endpoint was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A caller or the operator disabled it.
    Manual,
    /// It responded with 410.
    Gone,
    /// All attempts failed for longer than the server allows.
    Failing,
}

impl DisabledReason {
    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// What an endpoint's deliveries are signed and sent with. Serialised only to be sealed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Credentials {
    /// Signing secrets, newest first.
    pub secrets: Vec<SigningSecret>,
    /// Token sent as `Authorization: Bearer …`.
    pub auth_token: Option<Secret>,
    /// Additional headers; reserved names are ignored.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
}

/// A signing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// The secret.
    pub secret: Secret,
    /// When it stops signing beside the newest one; `None` for the newest.
    pub until: Option<Timestamp>,
}

/// Maximum secrets of an endpoint: the newest and those in their grace time. Each adds a signature to every delivery.
pub const SECRETS_MAX: usize = 5;

impl Credentials {
    /// Currently valid signing secrets, newest first.
    pub fn signing(&self, now: Timestamp) -> Vec<Secret> {
        let valid = |one: &&SigningSecret| one.until.is_none_or(|until| now < until);
        self.secrets.iter().filter(valid).map(|one| one.secret.clone()).collect()
    }

    /// Makes a secret the newest; the previous one stays valid for `grace`.
    pub fn rotate(&mut self, secret: Secret, grace: Duration, now: Timestamp) {
        self.secrets.retain(|one| one.until.is_none_or(|until| now < until));
        for one in &mut self.secrets {
            let until = now.plus(grace);
            one.until = Some(one.until.map_or(until, |known| known.min(until)));
        }
        self.secrets.insert(0, SigningSecret { secret, until: None });
        self.secrets.truncate(SECRETS_MAX);
    }
}

impl NamedEndpoint {
    /// Whether a task accepted now is for this endpoint, also while it is disabled. Only tasks of its own tenant are. `metadata`
    /// returns the record's parsed metadata and is called only if there is a filter. Parsing takes up to a millisecond, and a task
    /// may match hundreds of endpoints, so callers should parse once.
    pub fn chooses<'a>(&self, record: &TaskRecord, metadata: impl FnOnce() -> &'a JsonObject) -> bool {
        let filter = &self.settings.filter;
        self.id.is_of(&record.tenant)
            && self.settings.operational != Operational::Only
            && (filter.is_empty() || has_all(metadata(), filter))
    }

    /// The endpoint with its credentials, for one delivery.
    pub fn endpoint(&self, credentials: &Credentials) -> Endpoint {
        Endpoint {
            id: self.id.clone(),
            url: self.settings.url.clone(),
            auth_token: credentials.auth_token.clone(),
            format: self.settings.format,
            events: self.settings.events.clone(),
            headers: credentials.headers.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn texts(secrets: &[Secret]) -> Vec<&str> {
        secrets.iter().map(Secret::expose).collect()
    }

    #[test]
    fn a_rotated_secret_signs_on_for_its_grace_time() {
        let now = Timestamp::from_millis(0);
        let mut credentials = Credentials::default();
        credentials.rotate(Secret::new("one"), HOUR, now);
        assert_eq!(texts(&credentials.signing(now)), ["one"]);
        credentials.rotate(Secret::new("two"), HOUR, now);
        assert_eq!(texts(&credentials.signing(now)), ["two", "one"]);
        assert_eq!(texts(&credentials.signing(now.plus(HOUR))), ["two"]);
        credentials.rotate(Secret::new("three"), Duration::ZERO, now.plus(HOUR));
        assert_eq!(texts(&credentials.signing(now.plus(HOUR))), ["three"]);
    }

    #[test]
    fn a_grace_time_is_never_made_longer_and_secrets_are_few() {
        let now = Timestamp::from_millis(0);
        let mut credentials = Credentials::default();
        for n in 0..9 {
            credentials.rotate(Secret::new(n.to_string()), HOUR * (n + 1), now);
        }
        assert_eq!(credentials.secrets.len(), SECRETS_MAX);
        credentials.rotate(Secret::new("new"), HOUR, now);
        assert_eq!(texts(&credentials.signing(now.plus(HOUR))), ["new"]);
    }

    #[test]
    fn what_is_stored_in_clear_has_no_secret() {
        let credentials = Credentials {
            secrets: vec![SigningSecret { secret: Secret::new("s3cret"), until: None }],
            auth_token: Some(Secret::new("t0ken")),
            headers: BTreeMap::from([("x-mine".to_owned(), Secret::new("v4lue"))]),
        };
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken") && !shown.contains("v4lue"), "{shown}");
    }
}
