//! Members of a JSON merge patch (RFC 7396), and JSON objects as they are.

use morag_core::{JSON_DEPTH_MAX, JsonObject, is_depth_allowed};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Name by which [`Json`] asks the reader for the text of an object, which is parsed once and as a whole.
pub(crate) const JSON_TEXT: &str = "morag_input::Json";

/// A member of a merge patch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The member is absent: the value stays.
    #[default]
    Absent,
    /// Null, or an empty text: the value is taken back to its default.
    Null,
    /// The new value.
    Value(T),
}

impl<T> Patch<T> {
    /// Absent is `None`, null is `Some(None)`.
    pub fn into_option(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }

    /// The new value, if there is one.
    pub fn into_value(self) -> Option<T> {
        self.into_option().flatten()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Member<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Member<T> {
            type Value = Patch<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }
            fn visit_none<E>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Null)
            }
            fn visit_unit<E>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Patch<T>, D::Error> {
                T::deserialize(deserializer).map(Patch::Value)
            }
        }
        deserializer.deserialize_option(Member(PhantomData))
    }
}

/// A JSON object of any content, nested no deeper than the stores can return.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Json(pub JsonObject);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = JsonObject;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<JsonObject, E> {
                serde_json::from_str(text).map_err(|_| E::invalid_value(serde::de::Unexpected::Other("text"), &self))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<JsonObject, D::Error> {
                JsonObject::deserialize(deserializer)
            }
        }
        let object = deserializer.deserialize_newtype_struct(JSON_TEXT, Text)?;
        match is_depth_allowed(&object) {
            true => Ok(Self(object)),
            false => {
                let expected = format!("nested no deeper than {JSON_DEPTH_MAX} levels");
                Err(D::Error::invalid_value(serde::de::Unexpected::Map, &expected.as_str()))
            }
        }
    }
}
