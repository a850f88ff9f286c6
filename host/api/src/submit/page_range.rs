//! The pages of a document that are to be converted.

use morag_input::Whole;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The number of a page, from 1. No document that is taken has as many pages (`docs/formats.md#limits`).
pub type PageNumber = Whole<1, 1_000_000>;

/// What a range must be; it follows "… must be".
const EXPECTED: &str = "the first and the last page, from 1, such as [2, 5]";

/// First and last page, both of them included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRange {
    /// First page, from 1.
    pub first: u64,
    /// Last page, not before the first.
    pub last: u64,
}

impl<'de> Deserialize<'de> for PageRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Vec::<PageNumber>::deserialize(deserializer)?.as_slice() {
            [Whole(first), Whole(last)] if first <= last => Ok(Self { first: *first, last: *last }),
            [Whole(first), Whole(last)] => {
                Err(D::Error::custom(format!("page_range begins at {first}, after its end {last}")))
            }
            _ => Err(D::Error::invalid_value(Unexpected::Other("list"), &EXPECTED)),
        }
    }
}

impl PartialSchema for PageRange {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(PageNumber::schema()).min_items(Some(2)).max_items(Some(2)).into()
    }
}

impl ToSchema for PageRange {}
