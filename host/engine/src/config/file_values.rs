//! Values of the tables of `morag.toml`, each with its bounds.

use super::units;
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

/// A size of `MIN` to `MAX` bytes: a number, or a text with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size<const MIN: u64, const MAX: u64>(pub(super) u64);

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Size<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = format!("bytes, {MIN} to {MAX}, or with a unit: {}, like 256MiB", units::SIZES);
        let bytes = |text: &str| units::bytes(text).filter(|bytes| (MIN..=MAX).contains(bytes));
        deserializer.deserialize_any(WithUnit { expected, parse: bytes, value: PhantomData }).map(Self)
    }
}

/// A time of `MIN_MS` to `MAX_MS` milliseconds: a number of seconds, or a text with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span<const MIN_MS: u64, const MAX_MS: u64>(pub(super) Duration);

impl<'de, const MIN_MS: u64, const MAX_MS: u64> Deserialize<'de> for Span<MIN_MS, MAX_MS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (min, max) = (Duration::from_millis(MIN_MS), Duration::from_millis(MAX_MS));
        let expected = format!("seconds, or like 500ms, 30s, 5m: {min:?} to {max:?}");
        let time = |text: &str| units::duration(text, Duration::from_secs(1)).filter(|time| (min..=max).contains(time));
        deserializer.deserialize_any(WithUnit { expected, parse: time, value: PhantomData }).map(Self)
    }
}

/// Reads a number, or the text of one with its unit.
struct WithUnit<T, F> {
    expected: String,
    parse: F,
    value: PhantomData<T>,
}

impl<T, F: Fn(&str) -> Option<T>> WithUnit<T, F> {
    fn of<E: serde::de::Error>(&self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Other("a value"), &self.expected.as_str()))
    }
}

impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for WithUnit<T, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        self.of(text)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        self.of(&number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        self.of(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        self.of(&number.to_string())
    }
}

/// A list of `MIN` to `MAX` elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List<T, const MIN: usize, const MAX: usize>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>, const MIN: usize, const MAX: usize> Deserialize<'de> for List<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elements = Vec::deserialize(deserializer)?;
        match (MIN..=MAX).contains(&elements.len()) {
            true => Ok(Self(elements)),
            false => {
                let bounds = if MIN == 0 { "at most".to_owned() } else { format!("{MIN} to") };
                let expected = format!("a list of {bounds} {MAX}");
                Err(D::Error::invalid_length(elements.len(), &expected.as_str()))
            }
        }
    }
}

/// The text of a value that says by itself what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed<T>(pub(super) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_input::FieldObject;

    #[derive(Debug, Deserialize)]
    struct Table {
        size: Option<Size<1, 2048>>,
        time: Option<Span<500, 60_000>>,
        list: Option<List<u64, 1, 2>>,
    }

    fn read(json: &str) -> Result<Table, String> {
        let object: FieldObject = serde_json::from_str(json).unwrap();
        morag_input::read_table(&object).map_err(|problems| problems[0].to_string())
    }

    #[test]
    fn a_value_is_a_number_or_has_a_unit() {
        for (json, bytes, ms) in [
            (r#"{"size": 7, "time": 7}"#, 7, 7_000),
            (r#"{"size": 7.0, "time": 1.5}"#, 7, 1_500),
            (r#"{"size": "2KiB", "time": "500ms"}"#, 2048, 500),
            (r#"{"size": " 2 kB", "time": "1 m"}"#, 2000, 60_000),
        ] {
            let table = read(json).unwrap();
            assert_eq!((table.size, table.time), (Some(Size(bytes)), Some(Span(Duration::from_millis(ms)))), "{json}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_with_the_bounds() {
        for value in ["0", "2049", "-1", "1.5", "1e99", "\"2.1KiB\"", "\"5ecret\"", "true", "[1]", "{\"5ecret\": 1}"] {
            let said = read(&format!("{{\"size\": {value}}}")).unwrap_err();
            assert_eq!(said, "size must be bytes, 1 to 2048, or with a unit: KiB, MiB, GiB, kB, MB or GB, like 256MiB");
        }
        for value in ["0.4", "61", "-1", "\"2h\"", "\"5ecret\"", "true", "[1]", "{}"] {
            let said = read(&format!("{{\"time\": {value}}}")).unwrap_err();
            assert_eq!(said, "time must be seconds, or like 500ms, 30s, 5m: 500ms to 60s");
        }
        for value in ["[]", "[1, 2, 3]"] {
            assert_eq!(read(&format!("{{\"list\": {value}}}")).unwrap_err(), "list must be a list of 1 to 2");
        }
        assert_eq!(read("{\"list\": [1, 2]}").unwrap().list, Some(List(vec![1, 2])));
    }
}
