//! Whether traces are sent, by the standard variables of OpenTelemetry
//! (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>, <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>).
//!
//! The SDK reads most of them itself, and goes on in silence where it does not know a value. What is read here is what decides whether there
//! are traces at all, what our own client needs, and values that a user would wait for in vain.

use anyhow::{Context as _, bail, ensure};
use std::time::Duration;

/// Time for one request to the collector if no variable says another: the specification's.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What `OTEL_TRACES_SAMPLER` may be.
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Traces are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TraceSettings {
    /// Time for one request to the collector.
    pub(super) timeout: Duration,
    /// The service's name, if a variable says it.
    pub(super) service: Option<String>,
}

impl TraceSettings {
    /// Reads the variables. None: no collector is named, or traces are switched off. An empty variable is as if it were not there, as the
    /// specification says.
    ///
    /// # Errors
    /// A value that cannot be followed. The text names the variable, and shows no address: it may have credentials.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Option<Self>> {
        let get = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        // Of the two names, that of traces alone goes first.
        let of_exporter = |what: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
            names.into_iter().find_map(|name| Some((get(&name)?, name)))
        };
        let is_off = get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let Some((endpoint, name)) = of_exporter("ENDPOINT").filter(|_| !is_off) else { return Ok(None) };
        match get("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => bail!("OTEL_TRACES_EXPORTER is {other:?}: MoRAG has otlp and none"),
        }
        let url = endpoint.parse::<reqwest::Url>();
        let is_http = url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        ensure!(is_http, "{name} must be a URL such as http://localhost:4318");
        if let Some((protocol, name)) = of_exporter("PROTOCOL").filter(|(protocol, _)| protocol != "http/protobuf") {
            bail!("{name} is {protocol:?}: MoRAG speaks http/protobuf, which most collectors take on port 4318");
        }
        if let Some((compression, name)) = of_exporter("COMPRESSION").filter(|(word, _)| word != "none") {
            bail!("{name} is {compression:?}: MoRAG sends traces uncompressed");
        }
        if let Some(sampler) = get("OTEL_TRACES_SAMPLER").filter(|word| !SAMPLERS.contains(&word.as_str())) {
            bail!("OTEL_TRACES_SAMPLER is {sampler:?}: it must be one of {}", SAMPLERS.join(", "));
        }
        let timeout = match of_exporter("TIMEOUT") {
            None => TIMEOUT,
            Some((text, name)) => {
                let millis = text.parse().ok().filter(|millis| *millis > 0);
                Duration::from_millis(millis.with_context(|| format!("{name} must be a number of milliseconds"))?)
            }
        };
        let attributes = get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let named = attributes.split(',').filter_map(|pair| pair.split_once('='));
        let named = named.filter(|(key, _)| key.trim() == "service.name").map(|(_, value)| value.trim().to_owned());
        Ok(Some(Self { timeout, service: get("OTEL_SERVICE_NAME").or(named.last()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");

    fn read(variables: &[(&str, &str)]) -> anyhow::Result<Option<TraceSettings>> {
        let find = |name: &str| variables.iter().rev().find(|(known, _)| *known == name);
        TraceSettings::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn traces_are_off_unless_a_collector_is_named() {
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[("OTEL_SERVICE_NAME", "a"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).unwrap(), None);
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap(), None);
        let on = Some(TraceSettings { timeout: TIMEOUT, service: None });
        assert_eq!(read(&[ENDPOINT]).unwrap(), on);
        assert_eq!(read(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://a.example/v1/traces")]).unwrap(), on);
    }

    #[test]
    fn they_can_be_switched_off_all_the_same() {
        assert_eq!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]).unwrap(), None);
        assert_eq!(read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]).unwrap(), None);
        assert!(read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")]).unwrap().is_some());
    }

    #[test]
    fn what_is_said_of_traces_alone_goes_first() {
        let both = [("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "250")];
        let settings = read(&[ENDPOINT, both[0], both[1]]).unwrap().unwrap();
        assert_eq!(settings.timeout, Duration::from_millis(250));
        assert_eq!(read(&[ENDPOINT, both[0]]).unwrap().unwrap().timeout, Duration::from_secs(1));
    }

    #[test]
    fn the_services_name_is_that_of_the_variables() {
        let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod, service.name = ours");
        let name = |variables: &[(&str, &str)]| read(variables).unwrap().unwrap().service;
        assert_eq!(name(&[ENDPOINT, attributes]).as_deref(), Some("ours"));
        assert_eq!(name(&[ENDPOINT, attributes, ("OTEL_SERVICE_NAME", "mine")]).as_deref(), Some("mine"));
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_name_and_without_an_address() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "user:s3cret@collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ] {
            let error = read(&[ENDPOINT, (name, value)]).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("s3cret"), "{error}");
        }
    }
}
