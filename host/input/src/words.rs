//! Values that are one of some words.

use morag_core::caller::Scope;
use morag_core::plugin::Capability;
use morag_core::ports::DeliveryState;
use morag_core::task::StatusWord;
use morag_core::webhook::{BodyFormat, OrderScope};
use serde::de::{DeserializeOwned, Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A type whose values are words.
pub trait Words: Copy + Serialize + DeserializeOwned + 'static {
    /// Name of its schema in the OpenAPI document.
    const NAME: &'static str;

    /// Every value, in the order of the documentation.
    const ALL: &'static [Self];
}

impl Words for StatusWord {
    const NAME: &'static str = "TaskState";
    const ALL: &'static [Self] = &Self::ALL;
}

impl Words for DeliveryState {
    const NAME: &'static str = "DeliveryState";
    const ALL: &'static [Self] = &Self::ALL;
}

impl Words for OrderScope {
    const NAME: &'static str = "DeliveryOrder";
    const ALL: &'static [Self] = &[Self::Task, Self::Document];
}

impl Words for BodyFormat {
    const NAME: &'static str = "BodyFormat";
    const ALL: &'static [Self] = &[Self::Dual, Self::Envelope, Self::Flat, Self::MoragUi];
}

impl Words for Scope {
    const NAME: &'static str = "Scope";
    const ALL: &'static [Self] = &Self::ALL;
}

impl Words for Capability {
    const NAME: &'static str = "Capability";
    const ALL: &'static [Self] = &Self::ALL;
}

/// A task's state. Such names are for utoipa's derives, which look into the parameters of a generic type.
pub type TaskState = Word<StatusWord>;

/// A delivery's state.
pub type DeliveryWord = Word<DeliveryState>;

/// What a body looks like.
pub type FormatWord = Word<BodyFormat>;

/// Of what a sequence is counted.
pub type OrderWord = Word<OrderScope>;

/// One of some words: an enum in the OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<T>(pub T);

impl<T: Words> Word<T> {
    /// The words.
    fn all() -> Vec<serde_json::Value> {
        T::ALL.iter().filter_map(|word| serde_json::to_value(word).ok()).collect()
    }
}

impl<T: Words> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Words> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word = serde_json::from_value(serde_json::Value::String(text)).map(Self);
        word.map_err(|_| {
            let all = Self::all();
            let words: Vec<_> = all.iter().filter_map(serde_json::Value::as_str).collect();
            let expected = match words.split_last() {
                Some((last, [])) => (*last).to_owned(),
                Some((last, before)) => format!("{} or {last}", before.join(", ")),
                None => "nothing".to_owned(),
            };
            D::Error::invalid_value(Unexpected::Other("text"), &expected.as_str())
        })
    }
}

impl<T: Words> PartialSchema for Word<T> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::all())).into()
    }
}

impl<T: Words> ToSchema for Word<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed(T::NAME)
    }
}
