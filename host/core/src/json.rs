//! JSON that comes from outside.

use serde_json::Value;

/// A JSON object.
pub type JsonObject = serde_json::Map<String, Value>;

/// Levels of nesting that a caller's or a step's JSON may have. `serde_json` reads 127 and no more; what we keep and send
/// wraps theirs in a few levels of ours, and a stored task that cannot be read again would never end.
pub const JSON_DEPTH_MAX: usize = 100;

/// Whether an object is nested no deeper than [`JSON_DEPTH_MAX`], itself being the first level.
pub fn is_depth_allowed(object: &JsonObject) -> bool {
    fn within(value: &Value, levels: usize) -> bool {
        match value {
            Value::Array(items) => levels > 0 && items.iter().all(|item| within(item, levels - 1)),
            Value::Object(object) => levels > 0 && object.values().all(|item| within(item, levels - 1)),
            _ => true,
        }
    }
    object.values().all(|value| within(value, JSON_DEPTH_MAX - 1))
}
