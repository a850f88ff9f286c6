//! Values with bounds, which are read and documented by the same type.

use morag_core::Timestamp;
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Longest cursor that is taken: the server's own are far shorter.
const CURSOR_BYTES_MAX: usize = 512;

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const MIN: u64, const MAX: u64>(pub u64);

/// A whole number from `MIN` to `MAX`, or `DEFAULT` where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeOr<const MIN: u64, const MAX: u64, const DEFAULT: u64>(pub u64);

impl<const MIN: u64, const MAX: u64, const DEFAULT: u64> Default for WholeOr<MIN, MAX, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

/// Reads a number within bounds; an absent one is the default, if there is one.
struct Bounded {
    min: u64,
    max: u64,
    default: Option<u64>,
}

impl Visitor<'_> for Bounded {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max {
            u64::MAX => write!(f, "a whole number, {} or more", self.min),
            max => write!(f, "a whole number, {} to {max}", self.min),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<u64, E> {
        match (self.min..=self.max).contains(&number) {
            true => Ok(number),
            false => Err(E::invalid_value(serde::de::Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<u64, E> {
        self.default.ok_or_else(|| E::invalid_type(serde::de::Unexpected::Unit, &self))
    }
}

fn number(min: u64, max: u64) -> ObjectBuilder {
    let bounded = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(min));
    // Clients read numbers as signed ones.
    if max <= i64::MAX as u64 { bounded.maximum(Some(max)) } else { bounded }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Bounded { min: MIN, max: MAX, default: None }).map(Self)
    }
}

impl<const MIN: u64, const MAX: u64> PartialSchema for Whole<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        number(MIN, MAX).into()
    }
}

impl<const MIN: u64, const MAX: u64> ToSchema for Whole<MIN, MAX> {}

impl<'de, const MIN: u64, const MAX: u64, const DEFAULT: u64> Deserialize<'de> for WholeOr<MIN, MAX, DEFAULT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(Bounded { min: MIN, max: MAX, default: Some(DEFAULT) }).map(Self)
    }
}

impl<const MIN: u64, const MAX: u64, const DEFAULT: u64> PartialSchema for WholeOr<MIN, MAX, DEFAULT> {
    fn schema() -> RefOr<Schema> {
        number(MIN, MAX).default(Some(DEFAULT.into())).into()
    }
}

impl<const MIN: u64, const MAX: u64, const DEFAULT: u64> ToSchema for WholeOr<MIN, MAX, DEFAULT> {}

/// A text of 1 to `MAX` bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<const MAX: usize>(pub String);

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match (1..=MAX).contains(&text.len()) {
            true => Ok(Self(text)),
            false => Err(D::Error::invalid_length(text.len(), &format!("a text of at most {MAX} bytes").as_str())),
        }
    }
}

impl<const MAX: usize> PartialSchema for Text<MAX> {
    fn schema() -> RefOr<Schema> {
        // Characters: a schema has no limit in bytes, and no character takes less than one.
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX)).into()
    }
}

impl<const MAX: usize> ToSchema for Text<MAX> {}

/// The `next_cursor` of the page before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.len() <= CURSOR_BYTES_MAX {
            true => Ok(Self(text)),
            false => Err(D::Error::invalid_length(text.len(), &"a next_cursor of an answer")),
        }
    }
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).max_length(Some(CURSOR_BYTES_MAX)).examples(["4711"]).into()
    }
}

impl ToSchema for Cursor {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Cursor")
    }
}

/// A time as of RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // An unencoded plus in a query was decoded to a space.
        let time = text.replace(' ', "+").parse();
        let expected = &"a time like 2026-01-31T10:00:00Z";
        time.map(Self).map_err(|_| D::Error::invalid_value(serde::de::Unexpected::Other("text"), expected))
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let time = ObjectBuilder::new().schema_type(Type::String).format(Some(format));
        time.examples(["2026-01-31T10:00:00Z"]).into()
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}
