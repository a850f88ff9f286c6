//! Limits of the items of a call, which several capabilities share.

use morag_core::JsonObject;
use morag_core::ports::CapabilityError;

/// Items that one call may carry: bounds the memory of a call. The WIT says so.
const ITEMS_MAX: usize = 256;

/// Bytes of JSON that one item may carry. The WIT says so.
const JSON_BYTES_MAX: usize = 64 << 10;

/// Refuses a call with too many items.
pub(super) fn check_items<T>(items: &[T]) -> Result<(), CapabilityError> {
    match items.len() <= ITEMS_MAX {
        true => Ok(()),
        false => Err(CapabilityError::Limit(format!("at most {ITEMS_MAX} items a call"))),
    }
}

/// Converts the items of a call, after checking how many there are.
pub(super) fn convert<T, U>(
    items: Vec<T>,
    convert: impl Fn(T) -> Result<U, CapabilityError>,
) -> Result<Vec<U>, CapabilityError> {
    check_items(&items)?;
    items.into_iter().map(convert).collect()
}

/// Parses the JSON object text of an item.
pub(super) fn properties(text: &str) -> Result<JsonObject, CapabilityError> {
    if text.len() > JSON_BYTES_MAX {
        return Err(CapabilityError::Limit(format!("at most {JSON_BYTES_MAX} bytes of JSON an item")));
    }
    serde_json::from_str(text).map_err(|error| CapabilityError::Invalid(format!("not a JSON object: {error}")))
}
