//! What somebody asks of an endpoint, over HTTP or in `morag.toml`, put into its settings. Pure.
//!
//! One way for both, and for creating and changing: a change is a JSON merge patch (RFC 7396), and a new endpoint is one
//! to the defaults.

use super::given::{self, GivenEndpoint, GivenEvents, GivenRetry, OPERATIONAL};
use super::headers::HEADERS_MAX;
use morag_core::webhook::{
    AddressPolicy, BodyFormat, Credentials, EndpointSettings, EventFilter, Operational, OrderScope, RetrySettings,
    WebhookUrl,
};
use morag_core::{JsonObject, Secret, is_depth_allowed};
use morag_input::{Patch, Problem};
use serde_json::Value;
use std::collections::BTreeMap;

/// Keys of a filter: every task is compared with each of every endpoint.
const FILTER_KEYS_MAX: usize = 16;

/// A filter as JSON text, bytes, for the same reason.
const FILTER_BYTES_MAX: usize = 4096;

/// Changes of settings. An outer none leaves a setting as it is, an inner none takes it back to its default.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Where deliveries go.
    pub url: Option<WebhookUrl>,
    /// Secret that signs deliveries.
    pub secret: Option<Secret>,
    /// Whether deliveries are to stop.
    pub disabled: Option<bool>,
    description: Option<String>,
    events: Option<(EventFilter, Operational)>,
    format: Option<BodyFormat>,
    order: Option<OrderScope>,
    retry: Option<Option<RetryDraft>>,
    rate_limit: Option<Option<u32>>,
    trace: Option<bool>,
    auth_token: Option<Option<Secret>>,
    filter: Option<Option<JsonObject>>,
    headers: Option<Option<BTreeMap<String, Option<Secret>>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct RetryDraft {
    max_retries: Option<u32>,
    delay_ms: Option<u64>,
}

impl From<GivenRetry> for RetryDraft {
    fn from(GivenRetry { max_retries, delay_seconds }: GivenRetry) -> Self {
        // Bounded by their types.
        let max_retries = max_retries.and_then(|retries| u32::try_from(retries.0).ok());
        Self { max_retries, delay_ms: delay_seconds.and_then(|delay| u64::try_from(delay.0.as_millis()).ok()) }
    }
}

/// A change of a setting whose default is a value: null is the default.
fn or_default<T: Default>(patch: Patch<T>) -> Option<T> {
    patch.into_option().map(Option::unwrap_or_default)
}

/// A change of a setting that can be unset.
fn or_none<T, U>(patch: Patch<T>, of: impl FnOnce(T) -> U) -> Option<Option<U>> {
    patch.into_option().map(|value| value.map(of))
}

impl Draft {
    /// Takes what was given. `policy`: the addresses that deliveries may reach.
    ///
    /// # Errors
    /// A URL that is taken back, or that deliveries may not reach.
    pub fn new(given: GivenEndpoint, policy: &AddressPolicy) -> Result<Self, Problem> {
        let url = match given.url {
            Patch::Absent => None,
            Patch::Null => return Err(Problem::missing("url")),
            Patch::Value(given) => Some(reachable(given.0, policy).map_err(|msg| Problem::invalid("url", msg))?),
        };
        let events = or_none(given.events, |GivenEvents(filter, operational)| (filter, operational));
        Ok(Self {
            url,
            secret: given.secret.into_value().map(|secret| secret.0),
            disabled: or_default(given.disabled),
            description: or_none(given.description, |description| description.0).map(Option::unwrap_or_default),
            events: events.map(Option::unwrap_or_default),
            format: or_none(given.format, |word| word.0).map(Option::unwrap_or_default),
            order: or_none(given.order, |word| word.0).map(Option::unwrap_or_default),
            retry: or_none(given.retry, RetryDraft::from),
            trace: or_none(given.trace, |trace| trace).map(|trace| trace.unwrap_or(true)),
            rate_limit: or_none(given.rate_limit, |rate| u32::try_from(rate.0).unwrap_or(u32::MAX)),
            auth_token: or_none(given.auth_token, |token| token.0),
            filter: or_none(given.filter, |filter| filter.0),
            headers: or_none(given.headers, |headers| headers.0),
        })
    }

    /// Whether it enables an endpoint and changes nothing else.
    pub fn only_enables(&self) -> bool {
        let Self {
            url,
            secret,
            disabled,
            description,
            events,
            format,
            order,
            retry,
            rate_limit,
            trace,
            auth_token,
            filter,
            headers,
        } = self;
        *disabled == Some(false)
            && url.is_none()
            && secret.is_none()
            && description.is_none()
            && events.is_none()
            && format.is_none()
            && order.is_none()
            && retry.is_none()
            && rate_limit.is_none()
            && trace.is_none()
            && auth_token.is_none()
            && filter.is_none()
            && headers.is_none()
    }

    /// Whether it changes what is sealed, the secret apart.
    pub fn changes_credentials(&self) -> bool {
        self.auth_token.is_some() || self.headers.is_some()
    }

    /// Settings of a new endpoint. `server_retry`: what an endpoint does that says nothing of retries, or only half.
    pub fn settings(&self, server_retry: RetrySettings) -> Result<EndpointSettings, Problem> {
        let url = self.url.clone().ok_or_else(|| Problem::missing("url"))?;
        let mut settings = EndpointSettings {
            url,
            description: String::new(),
            events: EventFilter::default(),
            operational: Operational::No,
            format: BodyFormat::default(),
            filter: JsonObject::new(),
            order: OrderScope::default(),
            retry: None,
            rate_limit: None,
            trace: true,
        };
        self.apply(&mut settings, server_retry)?;
        Ok(settings)
    }

    /// Changes settings.
    pub fn apply(&self, settings: &mut EndpointSettings, server_retry: RetrySettings) -> Result<(), Problem> {
        if let Some(url) = &self.url {
            settings.url = url.clone();
        }
        if let Some(description) = &self.description {
            settings.description.clone_from(description);
        }
        if let Some((events, operational)) = &self.events {
            settings.events = events.clone();
            settings.operational = *operational;
        }
        settings.format = self.format.unwrap_or(settings.format);
        settings.order = self.order.unwrap_or(settings.order);
        settings.rate_limit = self.rate_limit.unwrap_or(settings.rate_limit);
        settings.trace = self.trace.unwrap_or(settings.trace);
        if let Some(retry) = self.retry {
            settings.retry = retry.map(|asked| {
                let before = settings.retry.unwrap_or(server_retry);
                let max_retries = asked.max_retries.unwrap_or(before.max_retries);
                RetrySettings { max_retries, delay_ms: asked.delay_ms.unwrap_or(before.delay_ms) }
            });
            if settings.retry.is_some_and(|retry| retry.policy().is_err()) {
                return Err(Problem::invalid("retry", "retry must be at most 20 retries and a delay of at most a day"));
            }
        }
        match &self.filter {
            None => {}
            Some(None) => settings.filter.clear(),
            Some(Some(asked)) => {
                for (key, value) in asked {
                    match value {
                        Value::Null => settings.filter.remove(key),
                        value => settings.filter.insert(key.clone(), value.clone()),
                    };
                }
                check_filter(&settings.filter)?;
            }
        }
        Ok(())
    }

    /// Drops the token and the headers that this does not give anew, for a URL of another origin: whoever may change an endpoint must
    /// not be able to send to a receiver of their own what was meant for the one before. Gives the names of what was dropped;
    /// to be called before [`Self::apply_credentials`]. The signing secret stays: a signature does not tell it, and
    /// the new receiver verifies with it.
    pub fn drop_credentials(&self, credentials: &mut Credentials) -> Vec<String> {
        let mut dropped = Vec::new();
        // Without an `if` on what is given: a token that is given, or taken back, is set right after this.
        if credentials.auth_token.take().is_some() && self.auth_token.is_none() {
            dropped.push("auth_token".to_owned());
        }
        for name in std::mem::take(&mut credentials.headers).into_keys() {
            let is_named = match &self.headers {
                None => false,
                Some(None) => true,
                Some(Some(given)) => given.contains_key(&name),
            };
            if !is_named {
                dropped.push(format!("headers.{name}"));
            }
        }
        dropped
    }

    /// Changes credentials. The secret is not among what changes here: it is rotated.
    pub fn apply_credentials(&self, credentials: &mut Credentials) -> Result<(), Problem> {
        if let Some(token) = &self.auth_token {
            credentials.auth_token.clone_from(token);
        }
        match &self.headers {
            None => {}
            Some(None) => credentials.headers.clear(),
            Some(Some(asked)) => {
                for (name, value) in asked {
                    match value {
                        None => credentials.headers.remove(name),
                        Some(value) => credentials.headers.insert(name.clone(), value.clone()),
                    };
                }
            }
        }
        match credentials.headers.len() <= HEADERS_MAX {
            true => Ok(()),
            false => Err(Problem::invalid("headers", format!("headers are more than {HEADERS_MAX}"))),
        }
    }
}

fn check_filter(filter: &JsonObject) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(filter).map_or(usize::MAX, |text| text.len());
    match filter.len() <= FILTER_KEYS_MAX && bytes <= FILTER_BYTES_MAX && is_depth_allowed(filter) {
        true => Ok(()),
        false => {
            let msg = format!("filter must have at most {FILTER_KEYS_MAX} keys and {FILTER_BYTES_MAX} bytes of JSON");
            Err(Problem::invalid("filter", msg))
        }
    }
}

/// A URL that deliveries may go to, as far as that can be said without looking its name up.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn url(text: &str, policy: &AddressPolicy) -> Result<WebhookUrl, String> {
    reachable(given::parse_url(text)?, policy)
}

fn reachable(url: WebhookUrl, policy: &AddressPolicy) -> Result<WebhookUrl, String> {
    url.check_literal(policy).map_err(|refused| refused.to_string())?;
    Ok(url)
}

/// The names and patterns of settings, as they would be given.
pub fn event_names(settings: &EndpointSettings) -> Vec<String> {
    let mut names: Vec<_> = settings.events.patterns().iter().map(ToString::to_string).collect();
    match settings.operational {
        Operational::Only => names.clear(),
        Operational::No | Operational::Also if names.is_empty() => names.push("*".into()),
        Operational::No | Operational::Also => {}
    }
    if settings.operational != Operational::No {
        names.push(OPERATIONAL[0].to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SERVER: RetrySettings = RetrySettings { max_retries: 3, delay_ms: 5000 };

    /// The draft, or the settings that are wrong.
    fn read(value: Value) -> Result<Draft, Vec<String>> {
        let given = morag_input::read(&serde_json::from_value(value).unwrap());
        let draft = given.and_then(|given| Draft::new(given, &AddressPolicy::default()).map_err(|it| vec![it]));
        draft.map_err(|problems| problems.into_iter().map(|problem| problem.path[0].clone()).collect())
    }

    fn settings(value: Value) -> EndpointSettings {
        read(value).unwrap().settings(SERVER).unwrap()
    }

    #[test]
    fn each_bad_setting_is_refused_by_name() {
        let long = "x".repeat(600);
        for (name, value) in [
            ("url", json!("nonsense")),
            ("url", json!("https://u:p@example.com/")),
            ("url", json!("http://127.0.0.1/")),
            ("url", json!(null)),
            ("secret", json!("short")),
            ("secret", json!("has a space in the middle")),
            ("secret", json!("whsec_!!!not base64!!!")),
            ("secret", json!("whsec_AAAAAAAAAAAAAAAAAAAAAA==")),
            ("secret", json!(long)),
            ("events", json!(["task_exploded"])),
            ("events", json!("task_*")),
            ("format", json!("xml")),
            ("auth_token", json!("a\nb")),
            ("headers", json!({"Authorization": "x"})),
            ("headers", json!({"X-MoRAG-Event": "x"})),
            ("headers", json!({"webhook-id": "x"})),
            ("headers", json!({"a b": "x"})),
            ("headers", json!({"x-a": "c\r\nd: e"})),
            ("headers", json!({"x-a": 1})),
            ("retry", json!({"max_retries": -1})),
            ("retry", json!({"delay_seconds": -1})),
            ("retry", json!({"delay": 1})),
            ("rate_limit", json!(0)),
            ("rate_limit", json!(1001)),
            ("rate_limit", json!(1.5)),
            ("trace", json!("perhaps")),
            ("disabled", json!("perhaps")),
            ("filter", json!([1])),
            // An empty text takes nothing back: only null does.
            ("filter", json!("")),
            ("events", json!("")),
            ("headers", json!("")),
            ("disabled", json!("")),
            ("url", json!("")),
            ("secret", json!("")),
            ("retry", json!("")),
            ("order", json!("random")),
            ("colour", json!("red")),
        ] {
            assert_eq!(read(json!({name: value})).unwrap_err(), [name], "{value}");
        }
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let settings = settings(json!({"url": "https://example.com/h"}));
        assert_eq!((settings.format, settings.order), (BodyFormat::Dual, OrderScope::Task));
        assert_eq!((settings.retry, settings.rate_limit, settings.operational), (None, None, Operational::No));
        assert!(settings.trace);
        assert_eq!(event_names(&settings), ["*"]);
        assert_eq!(read(json!({})).unwrap().settings(SERVER).unwrap_err().name(), "url");
    }

    #[test]
    fn the_operational_event_is_chosen_by_its_name_and_not_by_a_star() {
        let chosen = |events: Value| {
            let settings = settings(json!({"url": "https://example.com/h", "events": events}));
            (settings.operational, event_names(&settings))
        };
        assert_eq!(chosen(json!(["*"])), (Operational::No, vec!["*".to_owned()]));
        assert_eq!(chosen(json!(["endpoint_disabled"])), (Operational::Only, vec!["endpoint_disabled".to_owned()]));
        let both = vec!["task_*".to_owned(), "endpoint_disabled".to_owned()];
        assert_eq!(chosen(json!(["task.*", "endpoint.*"])), (Operational::Also, both));
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_takes_back() {
        let mut settings = settings(json!({
            "url": "https://example.com/h", "description": "a", "events": ["task_*"], "filter": {"a": 1, "b": 2},
            "retry": {"max_retries": 7}, "rate_limit": 9, "trace": false,
        }));
        assert_eq!(settings.retry, Some(RetrySettings { max_retries: 7, delay_ms: 5000 }));
        let patch = json!({"filter": {"a": null, "c": 3}, "retry": {"delay_seconds": 0.5}, "description": null});
        read(patch).unwrap().apply(&mut settings, SERVER).unwrap();
        assert_eq!(Value::Object(settings.filter.clone()), json!({"b": 2, "c": 3}));
        assert_eq!(settings.retry, Some(RetrySettings { max_retries: 7, delay_ms: 500 }));
        assert_eq!((settings.description.as_str(), settings.rate_limit), ("", Some(9)));
        assert!(!settings.trace);
        let back = json!({"filter": null, "retry": null, "rate_limit": null, "trace": null, "events": null});
        read(back).unwrap().apply(&mut settings, SERVER).unwrap();
        assert!(settings.filter.is_empty() && settings.retry.is_none() && settings.rate_limit.is_none());
        assert!(settings.trace);
        assert_eq!(event_names(&settings), ["*"]);
    }

    #[test]
    fn headers_and_token_are_merged_and_bounded() {
        let mut credentials = Credentials::default();
        let apply = |value: Value, credentials: &mut Credentials| read(value).unwrap().apply_credentials(credentials);
        apply(json!({"headers": {"X-A": "1", "X-B": "2"}, "auth_token": "t"}), &mut credentials).unwrap();
        apply(json!({"headers": {"x-a": null, "X-C": "3"}, "auth_token": null}), &mut credentials).unwrap();
        assert_eq!(credentials.headers.keys().collect::<Vec<_>>(), ["x-b", "x-c"]);
        assert!(credentials.auth_token.is_none());
        let many: JsonObject = (0..32).map(|n| (format!("x-{n}"), json!("v"))).collect();
        assert_eq!(apply(json!({"headers": many}), &mut credentials).unwrap_err().name(), "headers");
    }

    #[test]
    fn another_origin_keeps_of_the_credentials_what_is_given_anew() {
        let stored = || Credentials {
            secrets: vec![],
            auth_token: Some(Secret::new("t")),
            headers: ["x-a", "x-b", "x-c"].map(|name| (name.to_owned(), Secret::new("v"))).into(),
        };
        for (given, dropped, left) in [
            (json!({}), vec!["auth_token", "headers.x-a", "headers.x-b", "headers.x-c"], vec![]),
            (json!({"auth_token": "new"}), vec!["headers.x-a", "headers.x-b", "headers.x-c"], vec!["token"]),
            (json!({"headers": {"X-A": "new", "x-b": null}, "auth_token": null}), vec!["headers.x-c"], vec!["x-a"]),
            (json!({"headers": null}), vec!["auth_token"], vec![]),
        ] {
            let (draft, mut credentials) = (read(given.clone()).unwrap(), stored());
            assert_eq!(draft.drop_credentials(&mut credentials), dropped, "{given}");
            draft.apply_credentials(&mut credentials).unwrap();
            let token = credentials.auth_token.iter().map(|token| ("token", token));
            let headers = credentials.headers.iter().map(|(name, value)| (name.as_str(), value));
            let all: Vec<_> = token.chain(headers).collect();
            assert_eq!(all.iter().map(|(name, _)| *name).collect::<Vec<_>>(), left, "{given}");
            assert!(all.iter().all(|(_, value)| value.expose() == "new"), "{given}");
        }
    }

    #[test]
    fn a_filter_is_bounded() {
        let many: JsonObject = (0..17).map(|n| (n.to_string(), json!(n))).collect();
        let draft = read(json!({"url": "https://example.com/", "filter": many})).unwrap();
        assert_eq!(draft.settings(SERVER).unwrap_err().name(), "filter");
    }

    #[test]
    fn an_id_is_plain_and_not_the_tasks() {
        assert!(given::endpoint_id("crm-1_a").is_ok());
        for bad in ["", "task", "A", "a/b", "a#1", "a~b", "a b", &"a".repeat(65)] {
            assert!(given::endpoint_id(bad).is_err(), "{bad}");
        }
    }
}
