//! Parses values of settings. Errors name the setting, the value and what is allowed.

use super::sources::{ConfigError, Value, Written};
use super::units;
use morag_core::Secret;
use morag_core::webhook::{InvalidWebhookProxy, WebhookProxy, check_signing_secret};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

impl Written<'_> {
    /// The value of a setting, if it is set.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        self.get(key).map(|value| value.text.clone())
    }

    /// The value of a secret setting.
    pub(super) fn secret(&self, key: &str) -> Option<Secret> {
        self.value(key).map(Secret::new)
    }

    /// A signing secret. Errors do not show it.
    pub(super) fn signing_secret(&self, key: &str) -> Result<Option<Secret>, ConfigError> {
        let Some(Value { text, name }) = self.get(key) else { return Ok(None) };
        let checked = check_signing_secret(text).map(|()| Some(Secret::new(text.clone())));
        checked.map_err(|error| ConfigError::new(format!("{name} cannot sign: {error}")))
    }

    /// The value of a setting that has a default.
    pub(super) fn required(&self, key: &str) -> Result<String, ConfigError> {
        self.value(key).ok_or_else(|| ConfigError::new(format!("{key} is not set")))
    }

    /// The error of a value that is not allowed. It shows the value, so it is not for secrets.
    pub(super) fn refused(&self, key: &str, allowed: &str) -> ConfigError {
        match self.get(key) {
            Some(Value { text, name }) => ConfigError::new(format!("{name} is {text:?}: give {allowed}")),
            None => ConfigError::new(format!("{key} is not set: give {allowed}")),
        }
    }

    /// A whole number within limits.
    pub(super) fn number(&self, key: &str, min: u64, max: u64) -> Result<u64, ConfigError> {
        let parsed = self.required(key)?.parse::<u64>().ok().filter(|number| (min..=max).contains(number));
        parsed.ok_or_else(|| self.refused(key, &format!("a whole number, {min} to {max}")))
    }

    /// A number of bytes above 0.
    pub(super) fn size(&self, key: &str) -> Result<u64, ConfigError> {
        let parsed = units::bytes(&self.required(key)?).filter(|bytes| *bytes > 0);
        parsed.ok_or_else(|| {
            self.refused(key, &format!("a number of bytes above 0, or with a unit: {}, like 100MiB", units::SIZES))
        })
    }

    /// A number of bytes, which may be 0.
    pub(super) fn size_or_zero(&self, key: &str) -> Result<u64, ConfigError> {
        let parsed = units::bytes(&self.required(key)?);
        parsed.ok_or_else(|| {
            self.refused(key, &format!("a number of bytes, or with a unit: {}, like 256MiB; 0 for none", units::SIZES))
        })
    }

    /// A duration within limits; in `unit` where the value has no unit of its own.
    pub(super) fn time(
        &self,
        key: &str,
        unit: Duration,
        allowed: RangeInclusive<Duration>,
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

    /// A list of networks or single addresses.
    pub(super) fn networks(&self, key: &str) -> Result<Vec<ipnet::IpNet>, ConfigError> {
        let text = self.value(key).unwrap_or_default();
        let network = |part: &str| {
            // A single address is a network of one address.
            part.parse::<ipnet::IpNet>().or_else(|_| part.parse::<IpAddr>().map(ipnet::IpNet::from))
        };
        list(&text)
            .map(network)
            .collect::<Result<_, _>>()
            .map_err(|_| self.refused(key, "networks like 127.0.0.0/8 or fd00::/8, separated by commas"))
    }

    /// A proxy. Errors do not show it: it may contain a password.
    pub(super) fn proxy(&self, key: &str) -> Result<Option<WebhookProxy>, ConfigError> {
        let Some(Value { text, name }) = self.get(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: InvalidWebhookProxy| {
            ConfigError::new(format!("{name} cannot be used, {error}: give one like http://proxy.example:3128"))
        })
    }

    /// An address to listen on.
    pub(super) fn host(&self, key: &str) -> Result<IpAddr, ConfigError> {
        match self.required(key)?.as_str() {
            "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
            text => text.parse().map_err(|_| self.refused(key, "an IP address like 127.0.0.1, 0.0.0.0 or ::1")),
        }
    }
}

/// The parts of a comma separated text.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}
