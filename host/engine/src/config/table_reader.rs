//! Reads a table of `morag.toml` key by key. Errors name the path of the key; an unknown key is an error.

use super::sources::{ConfigError, Written, as_text};
use super::units;
use morag_core::{JsonObject, Secret};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::{Table, Value};

/// An error of a key.
pub(super) fn refuse(path: &str, text: impl Display) -> ConfigError {
    ConfigError::of_key(path, text)
}

/// Reads a table. [`TableReader::nothing_else`] then refuses the keys that were not read.
pub(super) struct TableReader<'a> {
    /// Path of the table in errors.
    pub(super) path: String,
    /// The table.
    pub(super) table: &'a Table,
    known: Vec<&'static str>,
}

impl<'a> TableReader<'a> {
    /// A table at this path.
    pub(super) fn new(path: String, table: &'a Table) -> Self {
        Self { path, table, known: Vec::new() }
    }

    /// The path of one of its keys.
    pub(super) fn path_of(&self, key: &str) -> String {
        format!("{}.{key}", self.path)
    }

    /// An error of one of its keys.
    pub(super) fn refuse(&self, key: &str, text: impl Display) -> ConfigError {
        refuse(&self.path_of(key), text)
    }

    /// The value of a key, of any type.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.table.get(key)
    }

    /// Refuses a key that was not read.
    pub(super) fn nothing_else(&self) -> Result<(), ConfigError> {
        match self.table.keys().find(|key| !self.known.contains(&key.as_str())) {
            Some(key) => Err(self.refuse(
                key,
                match morag_input::nearest(key, self.known.iter().copied()) {
                    Some(near) => format!("unknown key: did you mean {near}?"),
                    None => format!("unknown key; the keys are {}", self.known.join(", ")),
                },
            )),
            None => Ok(()),
        }
    }

    /// A string.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(self.refuse(key, "give a string")),
        }
    }

    /// A list of strings.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>, ConfigError> {
        let refuse = |this: &Self| this.refuse(key, "give a list of strings");
        match self.take(key) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                let texts: Option<_> = items.iter().map(|item| Some(item.as_str()?.trim().to_owned())).collect();
                texts.map(Some).ok_or_else(|| refuse(self))
            }
            Some(_) => Err(refuse(self)),
        }
    }

    /// A string, or a list of strings that is not empty.
    pub(super) fn text_or_texts(&mut self, key: &'static str) -> Result<Vec<&'a str>, ConfigError> {
        let wrong = |this: &Self| this.refuse(key, "give a string, or a list of strings that is not empty");
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(items)) if !items.is_empty() => {
                items.iter().map(|item| item.as_str().ok_or_else(|| wrong(self))).collect()
            }
            Some(_) => Err(wrong(self)),
        }
    }

    /// A table as JSON; empty where the key is absent.
    pub(super) fn object(&mut self, key: &'static str) -> Result<JsonObject, ConfigError> {
        let Some(TableReader { path, table, .. }) = self.table(key)? else { return Ok(JsonObject::default()) };
        let entry = |(name, value): (&String, &Value)| Ok((name.clone(), json(&format!("{path}.{name}"), value)?));
        table.iter().map(entry).collect()
    }

    /// A nested table.
    pub(super) fn table(&mut self, key: &'static str) -> Result<Option<TableReader<'a>>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(TableReader::new(self.path_of(key), table))),
            Some(_) => Err(self.refuse(key, "give a table like { name = value }")),
        }
    }

    /// A list of nested tables.
    pub(super) fn tables(&mut self, key: &'static str) -> Result<Vec<TableReader<'a>>, ConfigError> {
        let refuse = |this: &Self| this.refuse(key, "give a list of tables like [{ name = value }]");
        let items = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(refuse(self)),
        };
        let path = |place| format!("{}.{key}[{place}]", self.path);
        let one = |(place, item): (usize, &'a Value)| Some(TableReader::new(path(place), item.as_table()?));
        let tables: Option<Vec<_>> = items.iter().enumerate().map(one).collect();
        tables.ok_or_else(|| refuse(self))
    }

    /// A boolean.
    pub(super) fn flag(&mut self, key: &'static str, value: &mut bool) -> Result<(), ConfigError> {
        match self.take(key) {
            None => Ok(()),
            Some(Value::Boolean(given)) => {
                *value = *given;
                Ok(())
            }
            Some(_) => Err(self.refuse(key, "give true or false")),
        }
    }

    /// The value of the environment variable that a key names.
    pub(super) fn variable(&mut self, written: &Written<'_>, key: &'static str) -> Result<Option<Secret>, ConfigError> {
        let Some(name) = self.text(key)? else { return Ok(None) };
        let value = written.environment(&name);
        let value = value.ok_or_else(|| self.refuse(key, "give the name of an environment variable that is set"))?;
        Ok(Some(Secret::new(value.trim())))
    }

    /// A whole number.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        allowed: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ConfigError> {
        let Some(given) = self.take(key) else { return Ok(None) };
        let number = given.as_integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| allowed.contains(number));
        let (min, max) = (allowed.start(), allowed.end());
        number.map(Some).ok_or_else(|| self.refuse(key, format!("give a whole number, {min} to {max}")))
    }

    /// A whole number from 0; `value` is unchanged where the key is absent.
    pub(super) fn count(&mut self, key: &'static str, max: u64, value: &mut u64) -> Result<(), ConfigError> {
        if let Some(number) = self.number(key, 0..=max)? {
            *value = number;
        }
        Ok(())
    }

    /// The same for `usize`.
    pub(super) fn count_usize(&mut self, key: &'static str, max: u64, value: &mut usize) -> Result<(), ConfigError> {
        let mut number = *value as u64;
        self.count(key, max, &mut number)?;
        *value = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(())
    }

    /// A size; `value` is unchanged where the key is absent.
    pub(super) fn bytes(
        &mut self,
        key: &'static str,
        allowed: RangeInclusive<u64>,
        value: &mut u64,
    ) -> Result<(), ConfigError> {
        if let Some(given) = self.take(key) {
            let bytes = as_text(given).and_then(|text| units::bytes(&text));
            let bytes = bytes.filter(|bytes| allowed.contains(bytes));
            let (min, max) = (allowed.start(), allowed.end());
            let refused = || {
                self.refuse(key, format!("give bytes, {min} to {max}, or with a unit: {}, like 256MiB", units::SIZES))
            };
            *value = bytes.ok_or_else(refused)?;
        }
        Ok(())
    }

    /// A duration, in seconds where no unit is given; `value` is unchanged where the key is absent.
    pub(super) fn time(
        &mut self,
        key: &'static str,
        allowed: RangeInclusive<Duration>,
        value: &mut Duration,
    ) -> Result<(), ConfigError> {
        if let Some(given) = self.take(key) {
            let second = Duration::from_secs(1);
            let time = as_text(given).and_then(|text| units::duration(&text, second));
            let time = time.filter(|time| allowed.contains(time));
            let (min, max) = (allowed.start(), allowed.end());
            let refused = || self.refuse(key, format!("give seconds, or like 500ms, 30s, 5m: {min:?} to {max:?}"));
            *value = time.ok_or_else(refused)?;
        }
        Ok(())
    }
}

/// A TOML value as JSON, which has no infinite numbers.
fn json(path: &str, value: &Value) -> Result<serde_json::Value, ConfigError> {
    Ok(match value {
        Value::String(text) => serde_json::Value::from(text.as_str()),
        Value::Integer(number) => serde_json::Value::from(*number),
        Value::Boolean(flag) => serde_json::Value::from(*flag),
        Value::Float(number) => serde_json::Number::from_f64(*number)
            .map(serde_json::Value::Number)
            .ok_or_else(|| refuse(path, "give a finite number"))?,
        // JSON has no dates: a step gets the text.
        Value::Datetime(date) => serde_json::Value::from(date.to_string()),
        Value::Array(items) => {
            let item = |(place, item): (usize, &Value)| json(&format!("{path}[{place}]"), item);
            serde_json::Value::Array(items.iter().enumerate().map(item).collect::<Result<_, _>>()?)
        }
        Value::Table(table) => {
            let entry = |(key, inner): (&String, &Value)| Ok((key.clone(), json(&format!("{path}.{key}"), inner)?));
            serde_json::Value::Object(table.iter().map(entry).collect::<Result<_, ConfigError>>()?)
        }
    })
}
