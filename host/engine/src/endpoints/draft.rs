//! What somebody asks of an endpoint, over HTTP or in `morag.toml`: read, checked, and put into its settings. Pure.
//!
//! One reading for both, and for creating and changing: a change is a JSON merge patch (RFC 7396), and a new endpoint is one
//! to the defaults.

use super::headers::{HEADERS_MAX, header_value, own_header_name};
use morag_core::webhook::{
    AddressPolicy, BodyFormat, Credentials, EndpointId, EndpointSettings, EventFilter, EventGlob, Operational,
    OrderScope, RetrySettings, WebhookUrl, check_signing_secret,
};
use morag_core::{JsonObject, Secret, is_depth_allowed};
use serde_json::Value;
use std::collections::BTreeMap;

/// Event type of the operational event, and the patterns of it. `*` alone is of the tasks' events: who wants them all need not
/// want those of operating.
const OPERATIONAL: [&str; 4] = ["endpoint_disabled", "endpoint.disabled", "endpoint_*", "endpoint.*"];

/// Longest description, characters: a paragraph.
const DESCRIPTION_MAX: usize = 1000;

/// Keys of a filter: every task is compared with each of every endpoint.
const FILTER_KEYS_MAX: usize = 16;

/// A filter as JSON text, bytes, for the same reason.
const FILTER_BYTES_MAX: usize = 4096;

/// Attempts a second: beyond this a limit is none.
const RATE_MAX: u64 = 1000;

/// Characters of an endpoint's secret: shorter ones can be guessed, longer ones add nothing to HMAC-SHA256. What every secret must
/// have beside, [`check_signing_secret`] says.
const SECRET_LENGTH: std::ops::RangeInclusive<usize> = 16..=512;

/// Longest id: part of names in the store and in the log.
const ID_LENGTH_MAX: usize = 64;

/// Names that an endpoint's settings have.
pub const KEYS: [&str; 12] = [
    "url",
    "description",
    "events",
    "format",
    "secret",
    "auth_token",
    "headers",
    "retry",
    "rate_limit",
    "disabled",
    "filter",
    "order",
];

/// A setting that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Name of the setting.
    pub name: String,
    /// What is wrong and what is allowed, with the name in it.
    pub msg: String,
}

impl Problem {
    /// A problem of a setting.
    pub fn new(name: &str, msg: impl Into<String>) -> Self {
        Self { name: name.to_owned(), msg: msg.into() }
    }
}

/// What is asked; of what is none, nothing is asked. An inner none takes the setting back to its default.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Where to.
    pub url: Option<WebhookUrl>,
    /// What to sign with.
    pub secret: Option<Secret>,
    /// Whether nothing is to be sent to it.
    pub disabled: Option<bool>,
    description: Option<String>,
    events: Option<(EventFilter, Operational)>,
    format: Option<BodyFormat>,
    order: Option<OrderScope>,
    retry: Option<Option<RetryDraft>>,
    rate_limit: Option<Option<u32>>,
    auth_token: Option<Option<Secret>>,
    filter: Option<Option<JsonObject>>,
    headers: Option<Option<BTreeMap<String, Option<Secret>>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct RetryDraft {
    max_retries: Option<u32>,
    delay_ms: Option<u64>,
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

/// A secret that a caller may give.
pub fn signing_secret(text: &str) -> Result<Secret, String> {
    let (min, max) = (SECRET_LENGTH.start(), SECRET_LENGTH.end());
    if !SECRET_LENGTH.contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("secret must have {min} to {max} printable ASCII characters without spaces"));
    }
    let checked = check_signing_secret(text).map(|()| Secret::new(text));
    checked.map_err(|error| format!("secret cannot be used: {error}; leave it out, and one is made"))
}

/// Reads settings one by one and notes what is wrong.
struct Reader<'a> {
    object: &'a JsonObject,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The value of a name; null is a value.
    fn read<T>(&mut self, name: &str, parse: impl FnOnce(&Value) -> Result<T, String>) -> Option<T> {
        match parse(self.object.get(name)?) {
            Ok(value) => Some(value),
            Err(msg) => {
                self.problems.push(Problem::new(name, msg));
                None
            }
        }
    }

    /// The value of a name; an inner none for null.
    fn optional<T>(&mut self, name: &str, parse: impl FnOnce(&Value) -> Result<T, String>) -> Option<Option<T>> {
        self.read(name, |value| if value.is_null() { Ok(None) } else { parse(value).map(Some) })
    }
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().map(str::trim).ok_or_else(|| format!("{name} must be a text"))
}

impl Draft {
    /// Reads an object. An unknown name is refused: a misspelt one would be a setting that is silently not there.
    pub fn read(object: &JsonObject, policy: &AddressPolicy) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { object, problems: Vec::new() };
        for name in object.keys().filter(|name| !KEYS.contains(&name.as_str())) {
            let shown: String = name.chars().take(40).collect();
            let msg = format!("there is no setting {shown:?} of an endpoint: choose of {}", KEYS.join(", "));
            reader.problems.push(Problem::new(&shown, msg));
        }
        let draft = Self {
            url: reader.read("url", |value| url(text("url", value)?, policy)),
            secret: reader.optional("secret", |value| signing_secret(text("secret", value)?)).flatten(),
            disabled: reader
                .optional("disabled", |value| value.as_bool().ok_or_else(|| "disabled must be true or false".into()))
                .map(Option::unwrap_or_default),
            description: reader.optional("description", description).map(Option::unwrap_or_default),
            events: reader.optional("events", events).map(Option::unwrap_or_default),
            format: reader.optional("format", format).map(Option::unwrap_or_default),
            order: reader.optional("order", order).map(Option::unwrap_or_default),
            retry: reader.optional("retry", retry),
            rate_limit: reader.optional("rate_limit", rate_limit),
            auth_token: reader.optional("auth_token", |value| {
                header_value("auth_token", text("auth_token", value)?.to_owned()).map(Secret::new)
            }),
            filter: reader.optional("filter", |value| {
                value.as_object().cloned().ok_or_else(|| "filter must be an object of metadata keys and values".into())
            }),
            headers: reader.optional("headers", headers),
        };
        match reader.problems.is_empty() {
            true => Ok(draft),
            false => Err(reader.problems),
        }
    }

    /// Whether it changes what is sealed, the secret apart.
    pub fn changes_credentials(&self) -> bool {
        self.auth_token.is_some() || self.headers.is_some()
    }

    /// Settings of a new endpoint. `server_retry`: what an endpoint does that says nothing of retries, or only half.
    pub fn settings(&self, server_retry: RetrySettings) -> Result<EndpointSettings, Problem> {
        let url = self.url.clone().ok_or_else(|| Problem::new("url", "url is required"))?;
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
        if let Some(retry) = self.retry {
            settings.retry = retry.map(|asked| {
                let before = settings.retry.unwrap_or(server_retry);
                let max_retries = asked.max_retries.unwrap_or(before.max_retries);
                RetrySettings { max_retries, delay_ms: asked.delay_ms.unwrap_or(before.delay_ms) }
            });
            if settings.retry.is_some_and(|retry| retry.policy().is_err()) {
                return Err(Problem::new("retry", "retry must be at most 20 retries and a delay of at most a day"));
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
            false => Err(Problem::new("headers", format!("headers are more than {HEADERS_MAX}"))),
        }
    }
}

fn check_filter(filter: &JsonObject) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(filter).map_or(usize::MAX, |text| text.len());
    match filter.len() <= FILTER_KEYS_MAX && bytes <= FILTER_BYTES_MAX && is_depth_allowed(filter) {
        true => Ok(()),
        false => {
            let msg = format!("filter must have at most {FILTER_KEYS_MAX} keys and {FILTER_BYTES_MAX} bytes of JSON");
            Err(Problem::new("filter", msg))
        }
    }
}

/// A URL that deliveries may go to, as far as that can be said without looking its name up.
pub fn url(text: &str, policy: &AddressPolicy) -> Result<WebhookUrl, String> {
    // The texts of the core name the field that a task has for it.
    let parsed: WebhookUrl = text.parse().map_err(|error| {
        format!("{error}").replace("webhook_url", "url").replace("webhook_auth_token", "auth_token")
    })?;
    parsed.check_literal(policy).map_err(|refused| refused.to_string())?;
    Ok(parsed)
}

fn description(value: &Value) -> Result<String, String> {
    let description = text("description", value)?;
    match description.chars().count() <= DESCRIPTION_MAX && !description.chars().any(char::is_control) {
        true => Ok(description.to_owned()),
        false => Err(format!("description must be one line of at most {DESCRIPTION_MAX} characters")),
    }
}

fn events(value: &Value) -> Result<(EventFilter, Operational), String> {
    let wrong = || "events must be a list of event names, or patterns like task_*".to_owned();
    let names = value.as_array().ok_or_else(wrong)?;
    let names: Vec<&str> =
        names.iter().map(|name| name.as_str().map(str::trim)).collect::<Option<_>>().ok_or_else(wrong)?;
    let (operational, tasks): (Vec<&str>, Vec<&str>) = names.into_iter().partition(|name| OPERATIONAL.contains(name));
    let globs: Result<Vec<EventGlob>, _> = tasks.iter().map(|name| name.parse()).collect();
    let filter = globs.and_then(EventFilter::new).map_err(|error| format!("events: {error}, or {}", OPERATIONAL[0]))?;
    let operational = match (operational.is_empty(), tasks.is_empty()) {
        (true, _) => Operational::No,
        (false, true) => Operational::Only,
        (false, false) => Operational::Also,
    };
    Ok((filter, operational))
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

fn format(value: &Value) -> Result<BodyFormat, String> {
    let format = text("format", value)?.parse();
    format.map_err(|()| "format must be dual, envelope, flat or morag-ui".into())
}

fn order(value: &Value) -> Result<OrderScope, String> {
    match text("order", value)? {
        "task" => Ok(OrderScope::Task),
        "document" => Ok(OrderScope::Document),
        _ => Err("order must be task or document".into()),
    }
}

fn rate_limit(value: &Value) -> Result<u32, String> {
    let rate = value.as_u64().filter(|rate| (1..=RATE_MAX).contains(rate)).and_then(|rate| u32::try_from(rate).ok());
    rate.ok_or_else(|| format!("rate_limit must be a whole number of attempts a second, 1 to {RATE_MAX}"))
}

fn retry(value: &Value) -> Result<RetryDraft, String> {
    let wrong = || "retry must be an object of max_retries (0 to 20) and delay_seconds (0 to 86400)".to_owned();
    let mut draft = RetryDraft::default();
    for (name, value) in value.as_object().ok_or_else(wrong)? {
        match name.as_str() {
            "max_retries" => {
                let retries = value.as_u64().and_then(|number| u32::try_from(number).ok());
                draft.max_retries = Some(retries.ok_or_else(wrong)?);
            }
            "delay_seconds" => {
                let seconds = value.as_f64().and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
                let millis = seconds.and_then(|delay| u64::try_from(delay.as_millis()).ok());
                draft.delay_ms = Some(millis.ok_or_else(wrong)?);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(draft)
}

fn headers(value: &Value) -> Result<BTreeMap<String, Option<Secret>>, String> {
    let given = value.as_object().ok_or("headers must be an object of names and texts")?;
    // One that takes away is no header more.
    if given.len() > 2 * HEADERS_MAX {
        return Err(format!("headers are more than {HEADERS_MAX}"));
    }
    let mut headers = BTreeMap::new();
    for (name, value) in given {
        let name = own_header_name(name)?;
        let value = match value {
            Value::Null => None,
            value => {
                let text = value.as_str().ok_or_else(|| format!("the value of the header {name} must be a text"))?;
                Some(Secret::new(header_value(&format!("the value of the header {name}"), text.to_owned())?))
            }
        };
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SERVER: RetrySettings = RetrySettings { max_retries: 3, delay_ms: 5000 };

    fn read(value: Value) -> Result<Draft, Vec<String>> {
        let object = value.as_object().unwrap().clone();
        let draft = Draft::read(&object, &AddressPolicy::default());
        draft.map_err(|problems| problems.into_iter().map(|problem| problem.name).collect())
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
            ("disabled", json!("perhaps")),
            ("filter", json!([1])),
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
        assert_eq!(event_names(&settings), ["*"]);
        assert_eq!(read(json!({})).unwrap().settings(SERVER).unwrap_err().name, "url");
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
            "retry": {"max_retries": 7}, "rate_limit": 9,
        }));
        assert_eq!(settings.retry, Some(RetrySettings { max_retries: 7, delay_ms: 5000 }));
        let patch = json!({"filter": {"a": null, "c": 3}, "retry": {"delay_seconds": 0.5}, "description": null});
        read(patch).unwrap().apply(&mut settings, SERVER).unwrap();
        assert_eq!(Value::Object(settings.filter.clone()), json!({"b": 2, "c": 3}));
        assert_eq!(settings.retry, Some(RetrySettings { max_retries: 7, delay_ms: 500 }));
        assert_eq!((settings.description.as_str(), settings.rate_limit), ("", Some(9)));
        let back = json!({"filter": null, "retry": null, "rate_limit": null, "events": null});
        read(back).unwrap().apply(&mut settings, SERVER).unwrap();
        assert!(settings.filter.is_empty() && settings.retry.is_none() && settings.rate_limit.is_none());
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
        assert_eq!(apply(json!({"headers": many}), &mut credentials).unwrap_err().name, "headers");
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
        assert_eq!(draft.settings(SERVER).unwrap_err().name, "filter");
    }

    #[test]
    fn an_id_is_plain_and_not_the_tasks() {
        assert!(endpoint_id("crm-1_a").is_ok());
        for bad in ["", "task", "A", "a/b", "a#1", "a~b", "a b", &"a".repeat(65)] {
            assert!(endpoint_id(bad).is_err(), "{bad}");
        }
    }
}
