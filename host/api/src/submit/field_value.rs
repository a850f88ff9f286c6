//! Limits of a submission's values, and the items of a batch while they are read.

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

pub use morag_input::{FieldObject, FieldValue, NAME_BYTES_MAX, NAMES_MAX};

/// Longest value of a field other than the file, bytes: the limit of metadata, the longest of them.
pub const FIELD_BYTES_MAX: usize = morag_core::task::METADATA_BYTES_MAX;

/// Most items of a batch (`docs/http-api.md#submit-a-batch`).
pub const ITEMS_MAX: usize = 50;

/// Longest item of a batch, bytes of JSON.
pub const ITEM_BYTES_MAX: usize = morag_input::ELEMENT_BYTES_MAX;

/// Items of a batch, up to [`ITEMS_MAX`]. Further ones are counted and dropped: in a body of numbers each would take 26 times its
/// length.
#[derive(Debug, Default)]
pub struct FieldItems {
    /// The first [`ITEMS_MAX`], each as its text.
    pub kept: Vec<Box<RawValue>>,
    /// How many were given.
    pub count: usize,
}

impl<'de> Deserialize<'de> for FieldItems {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = FieldItems;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FieldItems, A::Error> {
                let mut items = FieldItems::default();
                while items.kept.len() < ITEMS_MAX {
                    let Some(item) = list.next_element()? else { break };
                    items.kept.push(item);
                }
                items.count = items.kept.len();
                while list.next_element::<IgnoredAny>()?.is_some() {
                    items.count += 1;
                }
                Ok(items)
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// The message about a value that is too long.
pub fn too_long(name: &str, bytes: &str, bytes_max: usize) -> String {
    format!("{name} has {bytes} bytes, and may have {bytes_max} at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_list_no_more_items_are_kept_than_a_batch_may_have() {
        for count in [0, 1, ITEMS_MAX, ITEMS_MAX + 1, 100_000] {
            let text = format!("[{}]", vec!["1"; count].join(","));
            let items: FieldItems = serde_json::from_str(&text).unwrap();
            assert_eq!((items.kept.len(), items.count), (count.min(ITEMS_MAX), count));
            assert!(items.kept.capacity() <= 2 * ITEMS_MAX, "{}", items.kept.capacity());
        }
        for other in ["{}", "1", "null", "[1,", "[1,}"] {
            assert!(serde_json::from_str::<FieldItems>(other).is_err(), "{other}");
        }
    }
}
