//! Reading the sources into a [`Config`].

use super::settings::{self, SETTINGS};
use super::{Config, LogFormat, plugins_dir, units};
use morag_core::Secret;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Read when no `--config` names another file, if it is there.
const FILE_DEFAULT: &str = "morag.toml";

/// Key that works on loopback when the operator set none: the guides' own.
const KEY_OF_LOOPBACK: &str = "test-api-key";

/// Longest time any setting takes: 100 years, so that no sum of times overflows.
const TIME_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// Names of the contract that this version does not act on: said at start, because silence would look like consent.
const NOT_YET: [&str; 5] = ["QDRANT_URL", "NEO4J_URI", "NEO4J_USER", "OPENAI_BASE_URL", "QDRANT_API_KEY"];

/// The settings cannot be used. The text names the setting, its value unless it is secret, and what is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

/// Where settings come from.
pub struct Sources<'a> {
    /// The file of `--config`.
    pub file: Option<&'a Path>,
    /// The environment, name to value. An empty value counts as absent.
    pub environment: BTreeMap<String, String>,
    /// Folder of the running binary, where `plugins` is looked for.
    pub binary_dir: Option<PathBuf>,
}

impl Sources<'_> {
    /// The process's own environment and binary.
    pub fn of_process(file: Option<&Path>) -> Sources<'_> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let binary_dir = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
        Sources { file, environment: std::env::vars_os().filter_map(text).collect(), binary_dir }
    }
}

/// Values as written, by key, each with the name it was given under.
struct Written<'a> {
    values: BTreeMap<&'static str, (String, String)>,
    sources: &'a Sources<'a>,
}

impl Config {
    /// Reads every source and checks every value.
    pub fn load(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        let written = Written::read(sources)?;
        let redis = written.environment("REDIS_URL");
        if redis.is_some() {
            return Err(ConfigError(
                "REDIS_URL is set, but this version has the embedded store only; Redis comes with a later one: unset it".into(),
            ));
        }
        let mut warnings: Vec<_> = NOT_YET
            .into_iter()
            .filter(|name| written.environment(name).is_some())
            .map(|name| format!("{name} is set, but this version does not use it: it has embedded stores only"))
            .collect();

        let api_host = written.host()?;
        let api_keys = written.api_keys(api_host, &mut warnings)?;
        let seconds = Duration::from_secs(1);
        let plugins_dir = match written.value("plugins_dir") {
            Some(dir) => PathBuf::from(dir),
            None => plugins_dir::find(sources.binary_dir.as_deref()),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let secret = |key| written.value(key).map(Secret::new);
        Ok(Self {
            api_host,
            api_port: written.number("api_port", 0, u64::from(u16::MAX))? as u16,
            api_keys,
            compile_cache_dir: match written.value("compile_cache_dir") {
                Some(dir) => PathBuf::from(dir),
                None => PathBuf::from(written.required("data_dir")?).join("compiled"),
            },
            data_dir: written.required("data_dir")?.into(),
            plugins_dir,
            max_upload_size_bytes: written.size("max_upload_size_bytes")?,
            worker_concurrency: match written.value("worker_concurrency") {
                Some(_) => written.number("worker_concurrency", 1, 1024)? as usize,
                None => cores,
            },
            queue_tasks_max: written.number("queue_tasks_max", 1, 1_000_000_000)?,
            lease: written.time("lease_seconds", seconds, seconds..=Duration::from_secs(3600))?,
            process_wait: written.time("process_wait_seconds", seconds, Duration::ZERO..=Duration::from_secs(3600))?,
            webhook_timeout: written.time(
                "webhook_timeout",
                seconds,
                Duration::from_millis(1)..=Duration::from_secs(600),
            )?,
            webhook_max_retries: written.number("webhook_max_retries", 0, 20)? as u32,
            webhook_retry_delay: written.time(
                "webhook_retry_delay",
                seconds,
                Duration::ZERO..=Duration::from_secs(24 * 3600),
            )?,
            webhook_secrets: [secret("webhook_secret"), secret("webhook_previous_secret")]
                .into_iter()
                .flatten()
                .collect(),
            webhook_allow_networks: written.networks("webhook_allow_networks")?,
            webhook_concurrency: written.number("webhook_concurrency", 1, 4096)? as usize,
            webhook_host_concurrency: written.number("webhook_host_concurrency", 1, 4096)? as usize,
            history_retention: written.time(
                "history_retention_days",
                Duration::from_secs(24 * 3600),
                Duration::ZERO..=TIME_MAX,
            )?,
            temp_retention: written.time(
                "temp_retention_hours",
                Duration::from_secs(3600),
                Duration::ZERO..=TIME_MAX,
            )?,
            log_format: match written.required("log_format")?.as_str() {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(written.refused("log_format", "text or json")),
            },
            log_filter: written.required("log")?,
            warnings,
        })
    }
}

impl<'a> Written<'a> {
    fn read(sources: &'a Sources<'a>) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        for setting in SETTINGS.iter().filter(|setting| !setting.default.is_empty()) {
            values.insert(setting.key, (setting.default.to_owned(), format!("{} (default)", setting.key)));
        }
        let path = sources.file.unwrap_or(Path::new(FILE_DEFAULT));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read_file(path, &text, &mut values)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && sources.file.is_none() => {}
            Err(error) => {
                let path = path.display();
                return Err(ConfigError(format!("cannot read the configuration file {path}: {error}")));
            }
        }
        for setting in SETTINGS {
            if let Some(value) = sources.environment.get(setting.env).filter(|value| !value.trim().is_empty()) {
                values.insert(setting.key, (value.trim().to_owned(), setting.env.to_owned()));
            }
        }
        Ok(Self { values, sources })
    }

    fn read_file(
        path: &Path,
        text: &str,
        values: &mut BTreeMap<&'static str, (String, String)>,
    ) -> Result<(), ConfigError> {
        let shown = path.display();
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // The error's own text would show the line, which can hold a secret.
            let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            ConfigError(format!("{shown}, line {line}: not valid TOML: {}", error.message()))
        })?;
        for (key, value) in &table {
            let Some(setting) = settings::by_key(key) else {
                return Err(ConfigError(format!(
                    "{shown}: there is no setting `{key}`: `morag config table` lists them all"
                )));
            };
            let written = as_text(value)
                .ok_or_else(|| ConfigError(format!("{shown}: {key} must be a text, a number or a list of texts")))?;
            if !written.is_empty() {
                values.insert(setting.key, (written, format!("{key} in {shown}")));
            }
        }
        Ok(())
    }

    fn environment(&self, name: &str) -> Option<&String> {
        self.sources.environment.get(name).filter(|value| !value.trim().is_empty())
    }

    fn value(&self, key: &str) -> Option<String> {
        self.values.get(key).map(|(value, _)| value.clone())
    }

    fn required(&self, key: &str) -> Result<String, ConfigError> {
        self.value(key).ok_or_else(|| ConfigError(format!("{key} is not set")))
    }

    /// The setting's value is not among what is allowed.
    fn refused(&self, key: &str, allowed: &str) -> ConfigError {
        match self.values.get(key) {
            Some((value, name)) => ConfigError(format!("{name} is {value:?}: give {allowed}")),
            None => ConfigError(format!("{key} is not set: give {allowed}")),
        }
    }

    fn number(&self, key: &str, min: u64, max: u64) -> Result<u64, ConfigError> {
        let parsed = self.required(key)?.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
        parsed.ok_or_else(|| self.refused(key, &format!("a whole number, {min} to {max}")))
    }

    fn size(&self, key: &str) -> Result<u64, ConfigError> {
        let parsed = units::bytes(&self.required(key)?).filter(|bytes| *bytes > 0);
        parsed.ok_or_else(|| self.refused(key, "a number of bytes above 0, or like 100MiB"))
    }

    fn time(
        &self,
        key: &str,
        unit: Duration,
        allowed: std::ops::RangeInclusive<Duration>,
    ) -> Result<Duration, ConfigError> {
        let parsed = units::duration(&self.required(key)?, unit).filter(|time| allowed.contains(time));
        parsed.ok_or_else(|| {
            let word = match unit.as_secs() {
                86_400 => "days",
                3_600 => "hours",
                _ => "seconds",
            };
            let count = |time: &Duration| time.as_secs_f64() / unit.as_secs_f64();
            let (min, max) = (count(allowed.start()), count(allowed.end()));
            self.refused(key, &format!("{word}, {min} to {max}, or with a unit like 500ms, 30s, 5m, 2h, 7d"))
        })
    }

    fn networks(&self, key: &str) -> Result<Vec<ipnet::IpNet>, ConfigError> {
        let text = self.value(key).unwrap_or_default();
        let network = |part: &str| {
            // A single address is the network of itself.
            part.parse::<ipnet::IpNet>().or_else(|_| part.parse::<IpAddr>().map(ipnet::IpNet::from))
        };
        list(&text)
            .map(network)
            .collect::<Result<_, _>>()
            .map_err(|_| self.refused(key, "networks like 127.0.0.0/8 or fd00::/8, separated by commas"))
    }

    fn host(&self) -> Result<IpAddr, ConfigError> {
        match self.required("api_host")?.as_str() {
            "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
            text => text.parse().map_err(|_| self.refused("api_host", "an IP address like 127.0.0.1, 0.0.0.0 or ::1")),
        }
    }

    fn api_keys(&self, host: IpAddr, warnings: &mut Vec<String>) -> Result<Vec<Secret>, ConfigError> {
        let keys: Vec<_> = list(&self.value("api_keys").unwrap_or_default()).map(Secret::new).collect();
        if !keys.is_empty() {
            return Ok(keys);
        }
        if !host.is_loopback() {
            return Err(ConfigError(format!(
                "API_HOST is {host}, which others can reach, and MORAG_API_KEYS has no key: \
                 set MORAG_API_KEYS to one or more keys, or API_HOST to 127.0.0.1"
            )));
        }
        warnings.push(format!(
            "MORAG_API_KEYS is not set: the key {KEY_OF_LOOPBACK:?} works for everybody on this machine"
        ));
        Ok(vec![Secret::new(KEY_OF_LOOPBACK)])
    }
}

/// The parts of a comma separated text.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// A TOML value as it would be written in the environment.
fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.trim().to_owned()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str()).collect();
            Some(texts?.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("morag.toml");
        std::fs::write(&path, file.unwrap_or_default()).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let sources = Sources { file: Some(&path), environment, binary_dir: None };
        Config::load(&sources).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_contracts() {
        let config = load(None, &[]).unwrap();
        assert_eq!(config.listen_address().to_string(), "127.0.0.1:8000");
        assert_eq!(config.webhook_timeout, Duration::from_secs(30));
        assert_eq!((config.webhook_max_retries, config.webhook_retry_delay), (3, Duration::from_secs(5)));
        assert_eq!(config.history_retention, Duration::from_secs(7 * 86_400));
        assert_eq!(config.temp_retention, Duration::from_secs(168 * 3600));
        assert_eq!(config.max_upload_size_bytes, 100 << 20);
        assert!(config.webhook_allow_networks.is_empty() && config.webhook_secrets.is_empty());
        assert_eq!(config.api_keys, [Secret::new("test-api-key")]);
        assert!(config.warnings[0].contains("MORAG_API_KEYS"));
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let file = "api_port = 9000\nwebhook_timeout = \"2m\"\nwebhook_allow_networks = [\"127.0.0.0/8\", \"::1\"]\n";
        let config =
            load(Some(file), &[("API_PORT", "9001"), ("WEBHOOK_SECRET", "s"), ("WEBHOOK_TIMEOUT", " ")]).unwrap();
        assert_eq!(config.api_port, 9001);
        assert_eq!(config.webhook_timeout, Duration::from_secs(120));
        assert_eq!(config.webhook_allow_networks.len(), 2);
        assert_eq!(config.webhook_secrets, [Secret::new("s")]);
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = load(Some("api_prot = 1"), &[]).unwrap_err();
        assert!(error.contains("`api_prot`"), "{error}");
    }

    #[test]
    fn a_bad_value_names_the_setting_the_value_and_what_is_allowed() {
        for (name, value, allowed) in [
            ("API_PORT", "70000", "65535"),
            ("API_HOST", "example.com", "127.0.0.1"),
            ("WEBHOOK_TIMEOUT", "-1", "seconds"),
            ("WEBHOOK_MAX_RETRIES", "21", "0 to 20"),
            ("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/40", "127.0.0.0/8"),
            ("MORAG_MAX_UPLOAD_SIZE_BYTES", "0", "100MiB"),
            ("MORAG_LEASE_SECONDS", "0", "1 to 3600"),
            ("MORAG_LOG_FORMAT", "xml", "text or json"),
        ] {
            let error = load(None, &[(name, value)]).unwrap_err();
            assert!(error.contains(name) && error.contains(value) && error.contains(allowed), "{error}");
        }
    }

    #[test]
    fn others_can_reach_the_server_only_with_a_key() {
        let error = load(None, &[("API_HOST", "0.0.0.0")]).unwrap_err();
        assert!(error.contains("MORAG_API_KEYS"), "{error}");
        let config = load(None, &[("API_HOST", "0.0.0.0"), ("MORAG_API_KEYS", "a, b")]).unwrap();
        assert_eq!(config.api_keys, [Secret::new("a"), Secret::new("b")]);
        assert!(config.warnings.is_empty());
    }

    #[test]
    fn redis_is_refused_and_other_services_are_warned_of() {
        assert!(load(None, &[("REDIS_URL", "redis://x")]).unwrap_err().contains("later"));
        let config = load(None, &[("QDRANT_URL", "http://q"), ("MORAG_API_KEYS", "k")]).unwrap();
        assert!(config.warnings[0].contains("QDRANT_URL"));
    }

    #[test]
    fn a_secret_is_in_no_error_and_no_debug_text() {
        let error = load(Some("webhook_secret = \"hidden\" x"), &[]).unwrap_err();
        assert!(!error.contains("hidden"), "{error}");
        let config = load(None, &[("WEBHOOK_SECRET", "hidden"), ("MORAG_API_KEYS", "hidden")]).unwrap();
        assert!(!format!("{config:?}").contains("hidden"));
    }
}
