//! A value of a request before it is looked into. Objects and arrays stay text: read into values they take up to fifty times
//! their length, and what nobody asks for is never read.

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest value of a field that is not the file, bytes: room for long metadata, too little to hurt.
pub const FIELD_BYTES_MAX: usize = morag_core::task::METADATA_BYTES_MAX;

/// Longest item of a batch, bytes of JSON: each of its objects at its longest (metadata, options, webhook), and the rest.
pub const ITEM_BYTES_MAX: usize = 4 * FIELD_BYTES_MAX;

/// Values by name.
pub type GivenObject = BTreeMap<String, Given>;

/// A value. Cloning it copies no object or array.
#[derive(Debug, Clone)]
pub enum Given {
    /// A text, a number, a truth value or null.
    Scalar(Value),
    /// The text of an object or an array.
    Json(Arc<RawValue>),
}

impl Given {
    /// The text, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Scalar(value) => value.as_str(),
            Self::Json(_) => None,
        }
    }

    /// Whether it counts as given: an empty text and null do not, as HTML forms and generated clients send them.
    pub fn is_given(&self) -> bool {
        match self {
            Self::Scalar(Value::String(text)) => !text.trim().is_empty(),
            Self::Scalar(value) => !value.is_null(),
            Self::Json(_) => true,
        }
    }

    /// Its length as it was sent, bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Scalar(Value::String(text)) => text.len(),
            Self::Scalar(_) => 0,
            Self::Json(text) => text.get().len(),
        }
    }

    /// What an object, an array, or the text of one says; none where it is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = match self {
            Self::Scalar(Value::String(text)) => text,
            Self::Scalar(_) => return None,
            Self::Json(text) => text.get(),
        };
        serde_json::from_str(text).ok()
    }
}

impl From<String> for Given {
    fn from(text: String) -> Self {
        Self::Scalar(Value::String(text))
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        match text.get().starts_with(['{', '[']) {
            true => Ok(Self::Json(text.into())),
            false => serde_json::from_str(text.get()).map(Self::Scalar).map_err(D::Error::custom),
        }
    }
}

/// For digests of requests: as if it had been read into values, a few at a time. What is too long to be accepted counts by its
/// text.
impl Serialize for Given {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Self::Scalar(value) => return value.serialize(serializer),
            Self::Json(text) => text.get(),
        };
        if text.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(S::Error::custom)?;
            let mut array = serializer.serialize_seq(Some(items.len()))?;
            for item in items {
                match item.get().len() <= ITEM_BYTES_MAX {
                    true => array.serialize_element(&value(item.get()).map_err(S::Error::custom)?)?,
                    false => array.serialize_element(item.get())?,
                }
            }
            return array.end();
        }
        match text.len() <= ITEM_BYTES_MAX {
            true => value(text).map_err(S::Error::custom)?.serialize(serializer),
            false => text.serialize(serializer),
        }
    }
}

/// A text's values. One that is nested too deep to be read counts by its text.
fn value(text: &str) -> serde_json::Result<Value> {
    Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())))
}
