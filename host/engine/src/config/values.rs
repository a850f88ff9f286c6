//! Parses values of settings. One that cannot be used is noted, with its name and what is allowed, and a value that can be stands in for it:
//! so all are told at once. Settings that have a note are never used.

use super::sources::Written;
use super::units;
use crate::endpoints::seal::Sealer;
use morag_core::Secret;
use morag_core::webhook::{InvalidWebhookProxy, WebhookProxy, check_signing_secret};
use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;
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

    /// A signing secret. Notes do not show it.
    pub(super) fn signing_secret(&self, key: &str) -> Option<Secret> {
        let text = &self.get(key)?.text;
        match check_signing_secret(text) {
            Ok(()) => Some(Secret::new(text.clone())),
            Err(error) => {
                self.note(key, &format!("cannot sign: {error}"));
                None
            }
        }
    }

    /// A key that credentials are sealed with. Notes do not show it.
    pub(super) fn seal_key(&self, key: &str) -> Option<Secret> {
        let secret = self.secret(key)?;
        if let Err(error) = Sealer::new(&secret) {
            let text = "Where credentials are stored already, give the key that they were stored with";
            self.note(key, &format!("cannot be used: {error}. {text}"));
        }
        Some(secret)
    }

    /// The value of a setting that has a default.
    pub(super) fn required(&self, key: &str) -> String {
        self.value(key).unwrap_or_else(|| {
            self.note(key, "is not set");
            String::new()
        })
    }

    /// Notes that a value is not allowed. The note shows the value, so it is not for secrets.
    pub(super) fn refuse(&self, key: &str, allowed: &str) {
        match self.get(key) {
            Some(value) => self.note(key, &format!("is {:?}: give {allowed}", morag_core::shown(&value.text))),
            None => self.note(key, &format!("is not set: give {allowed}")),
        }
    }

    /// A value of a setting that has a default, parsed; `stand_in` for one that is not allowed.
    fn parsed<T>(&self, key: &str, parse: impl FnOnce(&str) -> Option<T>, stand_in: T, allowed: &str) -> T {
        parse(&self.required(key)).unwrap_or_else(|| {
            self.refuse(key, allowed);
            stand_in
        })
    }

    /// A whole number within limits.
    pub(super) fn number(&self, key: &str, min: u64, max: u64) -> u64 {
        let number = |text: &str| text.parse().ok().filter(|number| (min..=max).contains(number));
        self.parsed(key, number, min, &format!("a whole number, {min} to {max}"))
    }

    /// A number of bytes above 0.
    pub(super) fn size(&self, key: &str) -> u64 {
        let allowed = format!("a number of bytes above 0, or with a unit: {}, like 100MiB", units::SIZES);
        self.parsed(key, |text| units::bytes(text).filter(|bytes| *bytes > 0), 1, &allowed)
    }

    /// A number of bytes, which may be 0.
    pub(super) fn size_or_zero(&self, key: &str) -> u64 {
        let allowed = format!("a number of bytes, or with a unit: {}, like 256MiB; 0 for none", units::SIZES);
        self.parsed(key, units::bytes, 0, &allowed)
    }

    /// A duration within limits; in `unit` where the value has no unit of its own.
    pub(super) fn time(&self, key: &str, unit: Duration, allowed: RangeInclusive<Duration>) -> Duration {
        let word = match unit.as_secs() {
            86_400 => "days",
            3_600 => "hours",
            _ => "seconds",
        };
        let count = |time: &Duration| time.as_secs_f64() / unit.as_secs_f64();
        let (min, max) = (count(allowed.start()), count(allowed.end()));
        let text = format!("{word}, {min} to {max}, or with a unit like 500ms, 30s, 5m, 2h, 7d");
        let time = |text: &str| units::duration(text, unit).filter(|time| allowed.contains(time));
        self.parsed(key, time, *allowed.start(), &text)
    }

    /// One of some words; the first stands in.
    pub(super) fn word<T: Copy>(&self, key: &str, words: [(&str, T); 2]) -> T {
        let [(first, stand_in), (second, _)] = words;
        let word = |text: &str| words.into_iter().find(|(word, _)| *word == text).map(|(_, value)| value);
        self.parsed(key, word, stand_in, &format!("{first} or {second}"))
    }

    /// A value of a type whose error says what is allowed; `stand_in` for one that is not.
    pub(super) fn of_type<T: FromStr<Err: Display>>(&self, key: &str, text: &str, stand_in: T) -> T {
        text.parse().unwrap_or_else(|allowed: T::Err| {
            self.refuse(key, &allowed.to_string());
            stand_in
        })
    }

    /// A list of networks or single addresses.
    pub(super) fn networks(&self, key: &str) -> Vec<ipnet::IpNet> {
        let text = self.value(key).unwrap_or_default();
        let network = |part: &str| {
            // A single address is a network of one address.
            part.parse::<ipnet::IpNet>().or_else(|_| part.parse::<IpAddr>().map(ipnet::IpNet::from))
        };
        let networks: Result<_, _> = list(&text).map(network).collect();
        networks.unwrap_or_else(|_| {
            self.refuse(key, "networks like 127.0.0.0/8 or fd00::/8, separated by commas");
            Vec::new()
        })
    }

    /// A proxy. Notes do not show it: it may contain a password.
    pub(super) fn proxy(&self, key: &str) -> Option<WebhookProxy> {
        let refuse = |error: InvalidWebhookProxy| {
            self.note(key, &format!("cannot be used, {error}: give one like http://proxy.example:3128"));
        };
        self.get(key)?.text.parse().map_err(refuse).ok()
    }

    /// An address to listen on.
    pub(super) fn host(&self, key: &str) -> IpAddr {
        let host = |text: &str| match text {
            "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            text => text.parse().ok(),
        };
        self.parsed(key, host, Ipv4Addr::LOCALHOST.into(), "an IP address like 127.0.0.1, 0.0.0.0 or ::1")
    }
}

/// The parts of a comma separated text.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}
