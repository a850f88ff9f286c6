//! Endpoints that an operator names once and that are told of every task they choose.

use super::{BodyFormat, Endpoint, EndpointId, EventFilter, InvalidRetryPolicy, RetryPolicy, WebhookUrl};
use crate::task::{TaskRecord, has_all};
use crate::{JsonObject, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A named endpoint as it is stored: its settings and state in clear, its credentials sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NamedEndpoint {
    /// Identifies it; part of its cursors' names.
    pub id: EndpointId,
    /// What the operator decided.
    pub settings: EndpointSettings,
    /// [`Credentials`], encrypted by the server. Empty for one of `morag.toml`, whose credentials are there.
    pub sealed: String,
    /// Why nothing is sent to it, if so.
    #[serde(default)]
    pub disabled: Option<Disabled>,
    /// Since when every attempt has failed; none where the last one succeeded.
    #[serde(default)]
    pub failing_since: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its settings or credentials were changed.
    pub updated_at: Timestamp,
    /// Raised with every change: who changes one that has changed since they read it is refused.
    pub version: u64,
    /// The caller who created it, by which each has a share of all endpoints; none where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// What the operator decided of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSettings {
    /// Where to.
    pub url: WebhookUrl,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Which events of tasks.
    #[serde(default)]
    pub events: EventFilter,
    /// Whether it is told of what becomes of endpoints.
    #[serde(default)]
    pub operational: Operational,
    /// Shape of the bodies.
    #[serde(default)]
    pub format: BodyFormat,
    /// Tasks whose metadata has all of these values; all tasks where it is empty.
    #[serde(default)]
    pub filter: JsonObject,
    /// What its deliveries are in order of.
    #[serde(default)]
    pub order: Order,
    /// How often and how soon again; none: as the server does.
    #[serde(default)]
    pub retry: Option<RetrySettings>,
    /// Most attempts a second; none: no limit.
    #[serde(default)]
    pub rate_limit: Option<u32>,
}

/// Whether an endpoint is told of what becomes of endpoints (`endpoint_disabled`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operational {
    /// No.
    #[default]
    No,
    /// Beside the tasks' events.
    Also,
    /// And of nothing else.
    Only,
}

/// What an endpoint's deliveries are in order of, and numbered by (`X-MoRAG-Sequence`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The task: its events are in order, tasks go side by side.
    #[default]
    Task,
    /// The document: all tasks of a `document_id`, one after the other in the order in which they started.
    Document,
}

/// An endpoint's own [`RetryPolicy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrySettings {
    /// Retries after the first attempt.
    pub max_retries: u32,
    /// Delay before the first, milliseconds.
    pub delay_ms: u64,
}

impl RetrySettings {
    /// The policy.
    pub fn policy(&self) -> Result<RetryPolicy, InvalidRetryPolicy> {
        RetryPolicy::new(self.max_retries, Duration::from_millis(self.delay_ms))
    }
}

/// That nothing is sent to an endpoint. Its events are kept for it until they are too old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Why.
    pub reason: DisabledReason,
    /// Since when.
    pub at: Timestamp,
    /// Endpoints that must still be told of it, with the attempts made for each.
    #[serde(default)]
    pub to_tell: BTreeMap<EndpointId, u32>,
}

/// Why nothing is sent to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A caller or the operator disabled it.
    Manual,
    /// It answered 410.
    Gone,
    /// Every attempt failed for longer than the server allows.
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
    /// Secrets to sign with, newest first.
    pub secrets: Vec<SigningSecret>,
    /// Sent as `Authorization: Bearer …`.
    pub auth_token: Option<Secret>,
    /// Extra headers; none of ours can be among them.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
}

/// A secret that deliveries are signed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// The secret.
    pub secret: Secret,
    /// Until when it signs beside the newest one; none for the newest.
    pub until: Option<Timestamp>,
}

/// Secrets at once: the newest and those in their grace time. Each is one more signature a delivery.
pub const SECRETS_MAX: usize = 5;

impl Credentials {
    /// What to sign with now, newest first.
    pub fn signing(&self, now: Timestamp) -> Vec<Secret> {
        let valid = |one: &&SigningSecret| one.until.is_none_or(|until| now < until);
        self.secrets.iter().filter(valid).map(|one| one.secret.clone()).collect()
    }

    /// Makes a secret the newest; the one before it signs on for `grace`.
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
    /// Whether a task that is accepted now is for it: only its own tenant's are. One that is disabled keeps what happens meanwhile.
    /// `metadata` is the record's, read; it is asked for only where there is a filter. Reading it takes a millisecond at its
    /// longest, and a task may be for hundreds of endpoints: read it once for all.
    pub fn chooses<'a>(&self, record: &TaskRecord, metadata: impl FnOnce() -> &'a JsonObject) -> bool {
        let filter = &self.settings.filter;
        self.id.is_of(&record.tenant)
            && self.settings.operational != Operational::Only
            && (filter.is_empty() || has_all(metadata(), filter))
    }

    /// Who is told, where and how, for one delivery.
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
