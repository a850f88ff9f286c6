//! Whether traces are sent, and how, by the standard variables of OpenTelemetry
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>, <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! The SDK reads them itself, and goes on in silence where it does not know a value. So all that can be wrong is read here, and given to it.

use super::header_list::headers;
use anyhow::{Context as _, anyhow, bail, ensure};
use axum::http::HeaderMap;
use reqwest::Url;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// Milliseconds for one request to the collector. One that takes ten minutes is of no use.
const TIMEOUT_MS: RangeInclusive<u64> = 1..=600_000;

/// Milliseconds between requests. None would keep a core busy, and after a minute traces are late.
const DELAY_MS: RangeInclusive<u64> = 1..=60_000;

/// Spans that wait. Each has a few hundred bytes, and their places are reserved at the start.
const QUEUE: RangeInclusive<usize> = 1..=65_536;

/// What a variable says: its name, and its value without spaces around it.
type Said = (String, String);

/// Traces are sent. The values are the specification's where no variable says another.
#[derive(Clone, PartialEq)]
pub(super) struct TraceSettings {
    /// Where to. It may have a key in its query.
    pub(super) endpoint: Url,
    /// What the requests have. Values are marked as secrets.
    pub(super) headers: HeaderMap,
    /// Time for one request to the collector.
    pub(super) timeout: Duration,
    /// Time between two requests.
    pub(super) delay: Duration,
    /// How many spans may wait.
    pub(super) queue: usize,
    /// How many spans a request has; not more than wait.
    pub(super) batch: usize,
    /// Which traces are sent.
    pub(super) sampling: Sampling,
    /// The service's name, if a variable says it.
    pub(super) service: Option<String>,
}

/// Without the address and the headers.
impl fmt::Debug for TraceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceSettings").field("service", &self.service).finish_non_exhaustive()
    }
}

/// Which traces are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampling {
    /// Whether a trace that has begun elsewhere is treated as it is there.
    pub(super) follows_parent: bool,
    /// The part of the others that is sent, from 0 to 1.
    pub(super) ratio: f64,
}

impl TraceSettings {
    /// Reads the variables. None: no collector is named, or traces are switched off. An empty variable is as if it were not there, as the
    /// specification says.
    ///
    /// # Errors
    /// A value that cannot be followed. The text names the variable, and shows no address and no header: they may have credentials.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Self>> {
        let get = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let said = |name: &str| Some((name.to_owned(), get(name)?));
        // Of the two names, that of traces alone has precedence.
        let of_exporter = |what: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
            names.iter().find_map(|name| said(name))
        };
        let Some(named) = of_exporter("ENDPOINT") else { return Ok(None) };
        match get("OTEL_SDK_DISABLED").map(|word| word.to_ascii_lowercase()).as_deref() {
            None | Some("false") => {}
            Some("true") => return Ok(None),
            Some(_) => bail!("OTEL_SDK_DISABLED must be true or false"),
        }
        match get("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => bail!("OTEL_TRACES_EXPORTER is {other:?}: MoRAG has otlp and none"),
        }
        let mut wrong = Wrong::default();
        if let Some((name, protocol)) = of_exporter("PROTOCOL").filter(|(_, protocol)| protocol != "http/protobuf") {
            wrong.note(anyhow!(
                "{name} is {protocol:?}: MoRAG speaks http/protobuf, which most collectors take on port 4318"
            ));
        }
        if let Some((name, compression)) = of_exporter("COMPRESSION").filter(|(_, word)| word != "none") {
            wrong.note(anyhow!("{name} is {compression:?}: MoRAG sends traces uncompressed"));
        }
        let endpoint = wrong.ok(endpoint(&named));
        let headers = of_exporter("HEADERS").map_or_else(|| Ok(HeaderMap::new()), |(name, list)| headers(&name, &list));
        let headers = wrong.ok(headers);
        let timeout = wrong.ok(number(of_exporter("TIMEOUT"), TIMEOUT_MS, 10_000));
        let delay = wrong.ok(number(said("OTEL_BSP_SCHEDULE_DELAY"), DELAY_MS, 5_000));
        let queue = wrong.ok(number(said("OTEL_BSP_MAX_QUEUE_SIZE"), QUEUE, 2048));
        // As many as may wait at most, where that is not known.
        let wait_max = queue.unwrap_or(*QUEUE.end());
        let batch = wrong.ok(number(said("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"), 1..=wait_max, wait_max.min(512)));
        let sampling = wrong.ok(sampling(get("OTEL_TRACES_SAMPLER").as_deref(), said("OTEL_TRACES_SAMPLER_ARG")));
        let of_attributes = wrong.ok(service(get("OTEL_RESOURCE_ATTRIBUTES")));
        wrong.result()?;
        let read = || {
            Some(Self {
                endpoint: endpoint?,
                headers: headers?,
                timeout: Duration::from_millis(timeout?),
                delay: Duration::from_millis(delay?),
                queue: queue?,
                batch: batch?,
                sampling: sampling?,
                service: get("OTEL_SERVICE_NAME").or(of_attributes?),
            })
        };
        Ok(read())
    }
}

/// What is wrong with the variables: all of it is told at once.
#[derive(Default)]
struct Wrong(Vec<anyhow::Error>);

impl Wrong {
    fn note(&mut self, error: anyhow::Error) {
        self.0.push(error);
    }

    /// The value; none where an error is noted.
    fn ok<T>(&mut self, result: anyhow::Result<T>) -> Option<T> {
        result.map_err(|error| self.note(error)).ok()
    }

    fn result(mut self) -> anyhow::Result<()> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(self.0.remove(0)),
            count => {
                let texts: String = self.0.iter().map(|error| format!("\n  {error:#}")).collect();
                bail!("the variables for traces have {count} errors:{texts}")
            }
        }
    }
}

impl TraceSettings {
    /// Host and port of the collector. The rest of the address may have a key.
    pub(super) fn destination(&self) -> String {
        let host = self.endpoint.host_str().unwrap_or_default();
        match self.endpoint.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

/// Where traces are sent: the general variable names the collector, the other one the whole URL.
fn endpoint((name, value): &Said) -> anyhow::Result<Url> {
    let url = value.parse::<Url>().ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut url = url.with_context(|| format!("{name} must be a URL such as http://localhost:4318"))?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    ensure!(!has_user, "{name} must have no user name or password: give them in OTEL_EXPORTER_OTLP_HEADERS");
    if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    url.set_fragment(None);
    Ok(url)
}

/// A number within its range.
fn number<T>(said: Option<Said>, range: RangeInclusive<T>, default: T) -> anyhow::Result<T>
where
    T: FromStr + PartialOrd + fmt::Display,
{
    let Some((name, text)) = said else { return Ok(default) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.with_context(|| format!("{name} must be a number from {} to {}", range.start(), range.end()))
}

fn sampling(sampler: Option<&str>, argument: Option<Said>) -> anyhow::Result<Sampling> {
    // Also where the sampler has no ratio: who gives one by mistake has forgotten the sampler.
    let argument = number(argument, 0.0..=1.0, 1.0)?;
    let (follows_parent, ratio) = match sampler {
        None | Some("parentbased_always_on") => (true, 1.0),
        Some("parentbased_always_off") => (true, 0.0),
        Some("parentbased_traceidratio") => (true, argument),
        Some("always_on") => (false, 1.0),
        Some("always_off") => (false, 0.0),
        Some("traceidratio") => (false, argument),
        Some(other) => bail!(
            "OTEL_TRACES_SAMPLER is {other:?}: it must be always_on, always_off or traceidratio, or one of these after parentbased_"
        ),
    };
    Ok(Sampling { follows_parent, ratio })
}

/// The service's name of a list of attributes. The SDK reads the others.
fn service(attributes: Option<String>) -> anyhow::Result<Option<String>> {
    let mut service = None;
    for pair in attributes.iter().flat_map(|list| list.split(',')).filter(|pair| !pair.trim().is_empty()) {
        let named = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty());
        let (key, value) = named.ok_or_else(|| anyhow!("OTEL_RESOURCE_ATTRIBUTES must be name=value,…"))?;
        if key.trim() == "service.name" {
            service = Some(value.trim().to_owned()).filter(|name| !name.is_empty());
        }
    }
    Ok(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Option<TraceSettings>> {
        let find = |name: &str| variables.iter().rev().find(|(known, _)| *known == name);
        TraceSettings::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    /// With a collector, and these.
    fn on(variables: &[(&str, &str)]) -> TraceSettings {
        read(&[&[ENDPOINT], variables].concat()).unwrap().unwrap()
    }

    #[test]
    fn traces_are_off_unless_a_collector_is_named() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("OTEL_SERVICE_NAME", "a"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap(), None);
        assert_eq!(
            read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " "), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")]).unwrap(),
            None
        );
    }

    #[test]
    fn without_other_variables_the_values_are_the_specifications() {
        let settings = TraceSettings {
            endpoint: "http://localhost:4318/v1/traces".parse().unwrap(),
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(10),
            delay: Duration::from_secs(5),
            queue: 2048,
            batch: 512,
            sampling: Sampling { follows_parent: true, ratio: 1.0 },
            service: None,
        };
        assert!(on(&[]) == settings);
        let blank = ["HEADERS", "TIMEOUT", "PROTOCOL", "COMPRESSION"].map(|what| format!("OTEL_EXPORTER_OTLP_{what}"));
        let blank = blank.iter().map(|name| (name.as_str(), " ")).collect::<Vec<_>>();
        let others = [("OTEL_TRACES_SAMPLER", ""), ("OTEL_TRACES_SAMPLER_ARG", ""), ("OTEL_BSP_SCHEDULE_DELAY", " ")];
        assert!(on(&blank) == settings && on(&others) == settings);
    }

    #[test]
    fn the_general_endpoint_is_a_collector_and_that_of_traces_a_whole_url() {
        let url = |variables: &[(&str, &str)]| read(variables).unwrap().unwrap().endpoint.to_string();
        let general = |value| url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", value)]);
        assert_eq!(general("https://a.example/otlp/"), "https://a.example/otlp/v1/traces");
        assert_eq!(general(" http://a.example:4318?key=1 "), "http://a.example:4318/v1/traces?key=1");
        let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "HTTPS://a.example/here");
        assert_eq!(url(&[whole]), "https://a.example/here");
        assert_eq!(url(&[ENDPOINT, whole]), "https://a.example/here");
        assert_eq!(url(&[ENDPOINT, (whole.0, " ")]), "http://localhost:4318/v1/traces");
    }

    #[test]
    fn they_can_be_switched_off_all_the_same() {
        assert_eq!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]).unwrap(), None);
        assert_eq!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]).unwrap(), None);
        on(&[("OTEL_SDK_DISABLED", "False"), ("OTEL_TRACES_EXPORTER", "otlp")]);
    }

    #[test]
    fn what_is_said_of_traces_alone_has_precedence() {
        let both = [("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250")];
        assert_eq!(on(&both).timeout, Duration::from_millis(250));
        assert_eq!(on(&both[..1]).timeout, Duration::from_secs(1));
        let headers = |of_traces| {
            let settings =
                on(&[("OTEL_EXPORTER_OTLP_HEADERS", "a=1"), ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", of_traces)]);
            settings.headers.keys().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!((headers("b=2"), headers("")), (vec!["b".to_owned()], vec!["a".to_owned()]));
    }

    #[test]
    fn the_services_name_is_that_of_the_variables() {
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod, service.name = ours");
        assert_eq!(on(&[attributes]).service.as_deref(), Some("ours"));
        assert_eq!(on(&[attributes, ("OTEL_SERVICE_NAME", "mine")]).service.as_deref(), Some("mine"));
    }

    #[test]
    fn a_sampler_may_have_a_ratio() {
        let sampling = |sampler, ratio| {
            let Sampling { follows_parent, ratio } =
                on(&[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", ratio)]).sampling;
            (follows_parent, ratio)
        };
        assert_eq!(sampling(" traceidratio ", " 0.25 "), (false, 0.25));
        assert_eq!(sampling("parentbased_traceidratio", "0"), (true, 0.0));
        assert_eq!(sampling("traceidratio", ""), (false, 1.0));
        assert_eq!(sampling("always_off", ""), (false, 0.0));
        assert_eq!(sampling("parentbased_always_off", ""), (true, 0.0));
    }

    #[test]
    fn the_queue_has_limits() {
        let settings = on(&[("OTEL_BSP_MAX_QUEUE_SIZE", "64"), ("OTEL_BSP_SCHEDULE_DELAY", "1")]);
        assert_eq!((settings.queue, settings.batch, settings.delay), (64, 64, Duration::from_millis(1)));
        let settings = on(&[("OTEL_BSP_MAX_QUEUE_SIZE", "64"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")]);
        assert_eq!((settings.queue, settings.batch), (64, 16));
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_name_and_without_an_address() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "600001"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=1,b c=s3cret"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_TRACES_SAMPLER_ARG", "half"),
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_SDK_DISABLED", "1"),
            ("OTEL_BSP_SCHEDULE_DELAY", "0"),
            ("OTEL_BSP_SCHEDULE_DELAY", "60001"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "65537"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2049"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1"),
            ("OTEL_RESOURCE_ATTRIBUTES", "production"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "user:s3cret@collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:s3cret@collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://s3cret@collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ] {
            let error = format!("{:#}", read(&[ENDPOINT, (name, value)]).unwrap_err());
            assert!(error.contains(name) && !error.contains("s3cret"), "{error}");
        }
        for ratio in ["1.1", "-0.1", "NaN", "half"] {
            let sampler = ("OTEL_TRACES_SAMPLER", "traceidratio");
            let error = read(&[ENDPOINT, sampler, ("OTEL_TRACES_SAMPLER_ARG", ratio)]).unwrap_err().to_string();
            assert!(error.contains("OTEL_TRACES_SAMPLER_ARG"), "{error}");
        }
    }

    #[test]
    fn all_that_cannot_be_followed_is_told_at_once() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many"),
            ("OTEL_TRACES_SAMPLER_ARG", "half"),
        ];
        // It may be right: how many may wait is not known.
        let batch = ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096");
        let error = format!("{:#}", read(&[&variables[..], &[batch]].concat()).unwrap_err());
        assert!(error.contains("have 5 errors") && error.lines().count() == 6 && !error.contains("s3cret"), "{error}");
        variables.iter().for_each(|(name, _)| assert!(error.contains(name), "{name}: {error}"));
        assert!(!error.contains(batch.0), "{error}");
    }

    #[test]
    fn user_information_is_refused_with_what_to_do() {
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:b@localhost:4318")]).unwrap_err().to_string();
        assert!(error.contains("OTEL_EXPORTER_OTLP_HEADERS"), "{error}");
    }

    #[test]
    fn of_the_address_host_and_port_are_told() {
        let told = |url| on(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url)]).destination();
        assert_eq!(told("https://a.example/s3cret?key=s3cret"), "a.example:443");
        assert_eq!(told("http://[::1]:4318/"), "[::1]:4318");
    }

    #[test]
    fn without_a_collector_the_other_variables_are_not_read() {
        assert_eq!(read(&[("OTEL_SDK_DISABLED", "yes"), ("OTEL_TRACES_SAMPLER_ARG", "half")]).unwrap(), None);
    }

    #[test]
    fn settings_are_not_shown() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318?key=s3cret"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret"),
        ]);
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
