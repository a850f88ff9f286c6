//! The caller's metadata, stored as text: parsed it takes up to fifty times its length, and only few readers of a record need
//! its values.

use crate::JsonObject;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Maximum metadata of a task, bytes of JSON text: enough for a long description of a document. Metadata is part of every task
/// event and is held in memory with every running task.
pub const METADATA_BYTES_MAX: usize = 64 << 10;

/// A JSON object as text. Cloning it copies nothing.
#[derive(Clone)]
pub struct Metadata(Arc<RawValue>);

impl Metadata {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.as_str() == "{}"
    }

    /// Parses the keys and values; not cached.
    pub fn to_object(&self) -> JsonObject {
        // The constructors guarantee an object.
        serde_json::from_str(self.as_str()).unwrap_or_default()
    }

    /// Whether it has all of these keys with these values.
    pub fn has(&self, wanted: &JsonObject) -> bool {
        if wanted.is_empty() {
            return true;
        }
        has_all(&self.to_object(), wanted)
    }
}

/// Whether an object has all of these keys with these values.
pub fn has_all(object: &JsonObject, wanted: &JsonObject) -> bool {
    wanted.iter().all(|(key, value)| object.get(key) == Some(value))
}

impl From<JsonObject> for Metadata {
    fn from(object: JsonObject) -> Self {
        // Formatting a JSON value cannot fail and yields valid JSON.
        let text = RawValue::from_string(Value::Object(object).to_string());
        Self(text.unwrap_or_else(|_| RawValue::NULL.to_owned()).into())
    }
}

impl Default for Metadata {
    fn default() -> Self {
        JsonObject::new().into()
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Metadata {}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_ref().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        match text.get().starts_with('{') {
            true => Ok(Self(text.into())),
            false => Err(serde::de::Error::custom("metadata must be a JSON object")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(value: Value) -> Metadata {
        value.as_object().cloned().unwrap().into()
    }

    #[test]
    fn it_is_stored_as_the_object_that_it_is() {
        for value in [json!({}), json!({"b": [1, null, 0.30000000000000004], "a": {"": "\u{1f600}\""}})] {
            let metadata = metadata(value.clone());
            assert_eq!(serde_json::to_string(&metadata).unwrap(), value.to_string());
            let read: Metadata = serde_json::from_str(&value.to_string()).unwrap();
            assert_eq!((&read, Value::Object(read.to_object())), (&metadata, value.clone()));
            assert_eq!(serde_json::from_value::<Metadata>(value).unwrap(), metadata);
        }
        for text in ["[]", "1", "null", "\"{}\"", "{", ""] {
            assert!(serde_json::from_str::<Metadata>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_are_wanted_with_their_values() {
        let metadata = metadata(json!({"a": 1, "b": {"c": 2}}));
        for (wanted, has) in [
            (json!({}), true),
            (json!({"a": 1}), true),
            (json!({"a": 1, "b": {"c": 2}}), true),
            (json!({"a": "1"}), false),
            (json!({"c": 2}), false),
        ] {
            assert_eq!(metadata.has(wanted.as_object().unwrap()), has, "{wanted}");
        }
    }
}
