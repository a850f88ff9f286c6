//! Data of step events.

/// The step-specific keys of a step event.
pub type Data = serde_json::Map<String, serde_json::Value>;

/// Converts a JSON object to [`Data`]; any other value becomes the empty object.
pub fn data(value: serde_json::Value) -> Data {
    match value {
        serde_json::Value::Object(map) => map,
        _ => Data::new(),
    }
}
