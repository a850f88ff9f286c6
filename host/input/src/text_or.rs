//! A value that may be written as a text, too.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// Name by which [`TextOr`] asks the reader which of both a value is.
pub(crate) const TEXT_OR: &str = "morag_input::TextOr";

/// A text, or a value of another kind: an object, a list or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOr<T> {
    /// The text.
    Text(String),
    /// The other value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a value of another kind")
            }
            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<TextOr<T>, D::Error> {
                T::deserialize(deserializer).map(TextOr::Value)
            }
        }
        deserializer.deserialize_newtype_struct(TEXT_OR, Either(PhantomData))
    }
}
