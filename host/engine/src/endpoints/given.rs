//! The settings of an endpoint as somebody gives them, over HTTP or in `morag.toml`: names, types and limits of each value.

use super::headers::{HEADERS_MAX, header_value, own_header_name};
use super::schemas::{EventPattern, HeaderChanges};
use morag_core::Secret;
use morag_core::webhook::{
    EndpointId, EventFilter, EventGlob, InvalidWebhookUrl, Operational, WebhookUrl, check_signing_secret,
};
use morag_input::{FormatWord, Json, OrderWord, Patch, Whole};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use utoipa::ToSchema;

/// Event type of the operational event, and the patterns of it. `*` alone is of the tasks' events: who wants them all need not
/// want those of operating.
pub(super) const OPERATIONAL: [&str; 4] = ["endpoint_disabled", "endpoint.disabled", "endpoint_*", "endpoint.*"];

/// Longest description, characters: a paragraph.
const DESCRIPTION_MAX: usize = 1000;

/// Characters of an endpoint's secret: shorter ones can be guessed, longer ones add nothing to HMAC-SHA256. What every secret must
/// have beside, [`check_signing_secret`] says.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 16..=512;

/// Longest id: part of names in the store and in the log.
const ID_LENGTH_MAX: usize = 64;

/// Longest delay before a retry, seconds: a day.
const DELAY_SECONDS_MAX: f64 = 86_400.0;

/// A version: what clients can read as a signed number.
type Version = Whole<0, { i64::MAX as u64 }>;

/// Settings of an endpoint. A change is a JSON merge patch (RFC 7396): an absent member stays as it is, and null takes it back to its
/// default. A new endpoint is a change of the defaults.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EndpointRequest, example = json!({
    "id": "crm", "url": "https://crm.example.com/hooks/morag", "events": ["task_completed", "task_failed"],
}))]
pub struct GivenEndpoint {
    /// 1 to 64 of the characters `a-z 0-9 _ -`, not `task`; generated when absent. Only when it is created.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64, pattern = "^[a-z0-9_-]+$")]
    pub id: Option<GivenId>,
    /// The version to change, as the endpoint was shown with; as `If-Match`. Only when it is changed.
    #[schema(inline)]
    pub version: Option<Version>,
    /// The URL; http or https, without credentials. Required when it is created.
    #[schema(value_type = Option<String>, format = "uri")]
    #[serde(default)]
    pub(super) url: Patch<GivenUrl>,
    /// Description for people, one line.
    #[schema(value_type = Option<String>, max_length = 1000, pattern = "^[^\\u0000-\\u001F\\u007F-\\u009F]*$")]
    #[serde(default)]
    pub(super) description: Patch<GivenDescription>,
    /// Names of event types, or patterns such as `task_*`; all events of tasks when absent. `endpoint_disabled`, with or without
    /// others: an event when another endpoint is disabled.
    #[schema(value_type = Option<Vec<EventPattern>>)]
    #[serde(default)]
    pub(super) events: Patch<GivenEvents>,
    /// What the bodies look like; `dual` when absent.
    #[schema(value_type = Option<FormatWord>)]
    #[serde(default)]
    pub(super) format: Patch<FormatWord>,
    /// 16 to 512 printable characters; generated when absent. Only when it is created: `…/secret/rotate` changes it.
    #[schema(value_type = Option<String>, min_length = 16, max_length = 512, pattern = "^[!-~]+$", format = "signing-secret")]
    #[serde(default)]
    pub secret: Patch<GivenSecret>,
    /// Sent as `Authorization: Bearer …`.
    #[schema(value_type = Option<String>, max_length = 4096, pattern = "^[ -~]*$")]
    #[serde(default)]
    pub(super) auth_token: Patch<GivenToken>,
    /// Extra headers: names and texts, at most 32; none of the server's own. Null as a value takes one away.
    #[schema(value_type = Option<HeaderChanges>, inline)]
    #[serde(default)]
    pub(super) headers: Patch<GivenHeaders>,
    /// How often a delivery is tried again; the server's retries when absent.
    #[schema(value_type = Option<GivenRetry>)]
    #[serde(default)]
    pub(super) retry: Patch<GivenRetry>,
    /// Most attempts a second.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(default)]
    pub(super) rate_limit: Patch<Whole<1, 1000>>,
    /// Whether deliveries carry `traceparent`, by which the receiver's own trace continues that of the submission; true when absent.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    pub(super) trace: Patch<bool>,
    /// Whether it is disabled. Its events are kept as long as their tasks are, and delivered when it is enabled.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    pub(super) disabled: Patch<bool>,
    /// Only tasks whose metadata has all of these values; at most 16 keys. Null as a value takes one away.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    #[serde(default)]
    pub(super) filter: Patch<Json>,
    /// `task` (default): each task's events are in order. `document`: those of all tasks of a `document_id`.
    #[schema(value_type = Option<OrderWord>)]
    #[serde(default)]
    pub(super) order: Patch<OrderWord>,
}

/// An endpoint's retries.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RetryRequest)]
pub struct GivenRetry {
    /// Retries after the first attempt.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 20)]
    pub(super) max_retries: Option<Whole<0, 20>>,
    /// Seconds before the first; each further one waits twice as long.
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 86400)]
    pub(super) delay_seconds: Option<GivenDelay>,
}

/// Reads a text and checks it.
fn checked<'de, D: Deserializer<'de>, T, E: fmt::Display>(
    deserializer: D,
    check: impl FnOnce(String) -> Result<T, E>,
) -> Result<T, D::Error> {
    check(String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// A checked id. It has no tenant yet.
#[derive(Debug)]
pub struct GivenId(pub EndpointId);

impl<'de> Deserialize<'de> for GivenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, |text| endpoint_id(&text)).map(Self)
    }
}

/// An id that a caller may give: it is part of names in the store and in URLs.
pub fn endpoint_id(text: &str) -> Result<EndpointId, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if !(1..=ID_LENGTH_MAX).contains(&text.len()) || !text.bytes().all(is_plain) {
        return Err(format!("id must have 1 to {ID_LENGTH_MAX} of the characters a-z 0-9 _ -"));
    }
    let id = EndpointId::from(text.to_owned());
    match id == EndpointId::of_task() {
        true => Err("id must not be \"task\": it names the endpoint that a task's own webhook_url makes".into()),
        false => Ok(id),
    }
}

/// A URL of which only the policy of addresses is not known yet.
#[derive(Debug)]
pub struct GivenUrl(pub(super) WebhookUrl);

impl<'de> Deserialize<'de> for GivenUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, |text| parse_url(&text)).map(Self)
    }
}

pub(super) fn parse_url(text: &str) -> Result<WebhookUrl, String> {
    // The texts of the core name the field that a task has for it.
    text.parse().map_err(|error: InvalidWebhookUrl| {
        format!("{error}").replace("webhook_url", "url").replace("webhook_auth_token", "auth_token")
    })
}

#[derive(Debug)]
pub(super) struct GivenDescription(pub(super) String);

impl<'de> Deserialize<'de> for GivenDescription {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = |text: String| match text.chars().count() <= DESCRIPTION_MAX && !text.chars().any(char::is_control) {
            true => Ok(text),
            false => Err(format!("description must be one line of at most {DESCRIPTION_MAX} characters")),
        };
        checked(deserializer, line).map(Self)
    }
}

#[derive(Debug)]
pub(super) struct GivenEvents(pub(super) EventFilter, pub(super) Operational);

impl<'de> Deserialize<'de> for GivenEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let (operational, tasks): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| OPERATIONAL.contains(&name.as_str()));
        let globs: Result<Vec<EventGlob>, _> = tasks.iter().map(|name| name.parse()).collect();
        let filter = globs.and_then(EventFilter::new);
        let filter = filter.map_err(|error| D::Error::custom(format!("events: {error}, or {}", OPERATIONAL[0])))?;
        let operational = match (operational.is_empty(), tasks.is_empty()) {
            (true, _) => Operational::No,
            (false, true) => Operational::Only,
            (false, false) => Operational::Also,
        };
        Ok(Self(filter, operational))
    }
}

/// A secret that signs webhooks.
#[derive(Debug)]
pub struct GivenSecret(pub Secret);

impl<'de> Deserialize<'de> for GivenSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, |text| signing_secret(&text)).map(Self)
    }
}

/// A secret that a caller may give.
fn signing_secret(text: &str) -> Result<Secret, String> {
    let (min, max) = (SECRET_LENGTH.start(), SECRET_LENGTH.end());
    if !SECRET_LENGTH.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("secret must have {min} to {max} printable ASCII characters without spaces"));
    }
    let checked = check_signing_secret(text).map(|()| Secret::new(text));
    checked.map_err(|error| format!("secret cannot be used: {error}; leave it out, and one is made"))
}

#[derive(Debug)]
pub(super) struct GivenToken(pub(super) Secret);

impl<'de> Deserialize<'de> for GivenToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        checked(deserializer, |text| header_value("auth_token", text)).map(|token| Self(Secret::new(token)))
    }
}

/// Headers by name; one without a value takes the header away.
#[derive(Debug)]
pub(super) struct GivenHeaders(pub(super) BTreeMap<String, Option<Secret>>);

impl<'de> Deserialize<'de> for GivenHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Headers;
        impl<'de> Visitor<'de> for Headers {
            type Value = GivenHeaders;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GivenHeaders, A::Error> {
                let mut headers = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    let name = own_header_name(&name).map_err(A::Error::custom)?;
                    let checked = |text| header_value(&format!("the value of the header {name}"), text);
                    let value = map.next_value::<Option<String>>()?.map(checked).transpose();
                    headers.insert(name.clone(), value.map_err(A::Error::custom)?.map(Secret::new));
                }
                // One that takes a header away is no header more.
                match headers.len() <= 2 * HEADERS_MAX {
                    true => Ok(GivenHeaders(headers)),
                    false => Err(A::Error::custom(format!("headers are more than {HEADERS_MAX}"))),
                }
            }
        }
        deserializer.deserialize_map(Headers)
    }
}

/// A delay before a retry.
#[derive(Debug, Clone, Copy)]
pub(super) struct GivenDelay(pub(super) Duration);

impl<'de> Deserialize<'de> for GivenDelay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        match (0.0..=DELAY_SECONDS_MAX).contains(&seconds) {
            true => Ok(Self(Duration::from_secs_f64(seconds))),
            false => {
                let expected = format!("a number, 0 to {DELAY_SECONDS_MAX}");
                Err(D::Error::invalid_value(serde::de::Unexpected::Float(seconds), &expected.as_str()))
            }
        }
    }
}
