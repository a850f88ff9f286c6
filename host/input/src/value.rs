//! A value of a request before it is read into a type. Objects and arrays stay text: parsed they take up to fifty times their
//! length, and unknown ones are never parsed.

use morag_core::task::METADATA_BYTES_MAX;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Longest element of a list that is parsed, bytes of JSON: an item of a batch, with each of its objects at its longest (metadata,
/// options, webhook), and the rest.
pub const ELEMENT_BYTES_MAX: usize = 4 * METADATA_BYTES_MAX;

/// Most names of an object: several times as many as the contract has. Each costs some hundred bytes, for each item of a batch.
pub const NAMES_MAX: usize = 256;

/// Longest name, bytes: several times as long as the contract's longest.
pub const NAME_BYTES_MAX: usize = 256;

/// Values by name, up to [`NAMES_MAX`]. Further ones are counted and dropped.
#[derive(Debug, Default)]
pub struct FieldObject {
    /// The values.
    pub values: BTreeMap<String, FieldValue>,
    /// Names that were left out because they are too long, or too many.
    pub left_out: usize,
}

impl Serialize for FieldObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FieldObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = FieldObject;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FieldObject, A::Error> {
                let mut object = FieldObject::default();
                while let Some(name) = map.next_key::<String>()? {
                    if name.len() <= NAME_BYTES_MAX && object.values.len() < NAMES_MAX {
                        object.values.insert(name, map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        object.left_out += 1;
                    }
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A value. Cloning it copies no text, object or array: the items of a batch share it.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// A text, a number, a boolean or null.
    Scalar(Arc<Value>),
    /// The text of an object or an array.
    Json(Arc<RawValue>),
}

impl FieldValue {
    /// The text, number, boolean or null; none for an object or array.
    pub fn scalar(&self) -> Option<&Value> {
        match self {
            Self::Scalar(value) => Some(value),
            Self::Json(_) => None,
        }
    }

    /// The text; none for any other value.
    pub fn as_str(&self) -> Option<&str> {
        self.scalar()?.as_str()
    }

    /// Whether it counts as present: an empty text and null do not, because HTML forms and generated clients send them for absent
    /// values.
    pub fn is_given(&self) -> bool {
        match self {
            Self::Scalar(value) => value.as_str().map_or(!value.is_null(), |text| !text.trim().is_empty()),
            Self::Json(_) => true,
        }
    }

    /// Its length as it was sent, bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Scalar(value) => value.as_str().map_or(0, str::len),
            Self::Json(text) => text.get().len(),
        }
    }

    /// An object or array, or the text of one, parsed; none if it is anything else.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        let text = match self {
            Self::Scalar(value) => value.as_str()?,
            Self::Json(text) => text.get(),
        };
        serde_json::from_str(text).ok()
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::Scalar(Arc::new(Value::String(text)))
    }
}

impl<'de> Deserialize<'de> for FieldValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        match text.get().starts_with(['{', '[']) {
            true => Ok(Self::Json(text.into())),
            false => {
                serde_json::from_str(text.get()).map(|value| Self::Scalar(Arc::new(value))).map_err(D::Error::custom)
            }
        }
    }
}

/// For digests of requests: serializes as the parsed value does, but parses only one element of a list at a time. Values that are too
/// long to be accepted are serialized as their text.
impl Serialize for FieldValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Self::Scalar(value) => return value.serialize(serializer),
            Self::Json(text) => text.get(),
        };
        if text.starts_with('[') {
            let mut list = serde_json::Deserializer::from_str(text);
            return list.deserialize_seq(Elements(serializer)).map_err(S::Error::custom);
        }
        match text.len() <= ELEMENT_BYTES_MAX {
            true => value(text).serialize(serializer),
            false => text.serialize(serializer),
        }
    }
}

/// Serializes the elements of a list one by one while it is parsed: all at once, even as references to their text, they would take
/// eight times their length.
struct Elements<S>(S);

impl<'de, S: Serializer> Visitor<'de> for Elements<S> {
    type Value = S::Ok;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<S::Ok, A::Error> {
        let mut array = self.0.serialize_seq(None).map_err(A::Error::custom)?;
        while let Some(element) = list.next_element::<&RawValue>()? {
            match element.get().len() <= ELEMENT_BYTES_MAX {
                true => array.serialize_element(&value(element.get())),
                false => array.serialize_element(element.get()),
            }
            .map_err(A::Error::custom)?;
        }
        array.end().map_err(A::Error::custom)
    }
}

/// A text's values. One that is nested too deep to be read counts by its text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_counts_by_its_elements_and_one_that_is_too_long_by_its_text() {
        let json = |text: &str| serde_json::to_string(&serde_json::from_str::<FieldValue>(text).unwrap()).unwrap();
        for (given, said) in [("[]", "[]"), ("[ ]", "[]"), ("[ 1.50 , {\"b\" : [ ]} ]", r#"[1.5,{"b":[]}]"#)] {
            assert_eq!(json(given), said);
        }
        let long = format!("[ {}]", "1,".repeat(ELEMENT_BYTES_MAX) + "1");
        assert_eq!(json(&format!("[{long}, 2]")), format!("[\"{long}\",2]"));
        assert_eq!(json(&long), long.replace(' ', ""));
    }
}
