//! Tables of `morag.toml`, read with the path of each key: a refusal names the key, and not the value where that may be private.

use super::sources::ConfigError;
use super::units;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A table whose keys are all known.
pub(super) struct Fields<'a> {
    path: String,
    table: &'a toml::Table,
}

/// A refusal of a key.
pub(super) fn refuse(path: &str, text: impl std::fmt::Display) -> ConfigError {
    ConfigError(format!("{path}: {text}"))
}

impl<'a> Fields<'a> {
    /// Refuses the first key that is not known.
    pub(super) fn read(path: String, table: &'a toml::Table, known: &[&str]) -> Result<Self, ConfigError> {
        match table.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(Self { path, table }),
            Some(key) => {
                Err(refuse(&format!("{path}.{key}"), format!("there is no such key, there are {}", known.join(", "))))
            }
        }
    }

    /// The path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// A refusal of one of its keys.
    pub(super) fn refuse(&self, key: &str, text: impl std::fmt::Display) -> ConfigError {
        refuse(&self.path(key), text)
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'a toml::Value> {
        self.table.get(key)
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, ConfigError> {
        match self.get(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.trim())),
            Some(_) => Err(self.refuse(key, "it must be a text")),
        }
    }

    /// A text, or a list of texts; not an empty one.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&'a str>, ConfigError> {
        let wrong = || self.refuse(key, "it must be a text or a list of texts, and not empty");
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(toml::Value::String(text)) => Ok(vec![text]),
            Some(toml::Value::Array(items)) if !items.is_empty() => {
                items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// `true` or `false`; false where it is not there.
    pub(super) fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        match self.get(key) {
            None => Ok(false),
            Some(toml::Value::Boolean(flag)) => Ok(*flag),
            Some(_) => Err(self.refuse(key, "it must be true or false")),
        }
    }

    /// A whole number within limits.
    pub(super) fn number(&self, key: &str, allowed: RangeInclusive<u32>) -> Result<Option<u32>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = value.as_integer().and_then(|number| u32::try_from(number).ok()).filter(|n| allowed.contains(n));
        let (min, max) = (allowed.start(), allowed.end());
        number.map(Some).ok_or_else(|| self.refuse(key, format!("it must be a whole number, {min} to {max}")))
    }

    /// A duration up to a limit; a number alone counts in seconds.
    pub(super) fn time(&self, key: &str, max: Duration) -> Result<Option<Duration>, ConfigError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let time = match value {
            toml::Value::String(text) => units::duration(text, Duration::from_secs(1)),
            toml::Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            toml::Value::Float(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
            _ => None,
        };
        let seconds = max.as_secs();
        time.filter(|time| *time <= max).map(Some).ok_or_else(|| {
            self.refuse(key, format!("it must be a time like 500ms, 10s or 5m, at most {seconds} seconds"))
        })
    }

    /// A table.
    pub(super) fn table(&self, key: &str) -> Result<Option<&'a toml::Table>, ConfigError> {
        match self.get(key) {
            None => Ok(None),
            Some(toml::Value::Table(table)) => Ok(Some(table)),
            Some(_) => Err(self.refuse(key, "it must be a table, like { key = \"value\" }")),
        }
    }

    /// A table as JSON.
    pub(super) fn object(&self, key: &str) -> Result<morag_core::JsonObject, ConfigError> {
        let Some(table) = self.table(key)? else { return Ok(Default::default()) };
        let entry = |(name, value): (&String, &toml::Value)| {
            Ok((name.clone(), json(&format!("{}.{name}", self.path(key)), value)?))
        };
        table.iter().map(entry).collect()
    }
}

/// A TOML value as JSON, which has no infinite numbers.
fn json(path: &str, value: &toml::Value) -> Result<Value, ConfigError> {
    Ok(match value {
        toml::Value::String(text) => Value::from(text.as_str()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::from(*flag),
        toml::Value::Float(number) => serde_json::Number::from_f64(*number)
            .map(Value::Number)
            .ok_or_else(|| refuse(path, "it must be a finite number"))?,
        // JSON has no dates: a step sees the text.
        toml::Value::Datetime(date) => Value::from(date.to_string()),
        toml::Value::Array(items) => {
            let item = |(place, item): (usize, &toml::Value)| json(&format!("{path}[{place}]"), item);
            Value::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(table) => {
            let entry =
                |(key, inner): (&String, &toml::Value)| Ok((key.clone(), json(&format!("{path}.{key}"), inner)?));
            Value::Object(table.iter().map(entry).collect::<Result<_, ConfigError>>()?)
        }
    })
}
