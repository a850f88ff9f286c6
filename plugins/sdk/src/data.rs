//! What a step says of itself in an event.

/// The step-specific keys of a step event.
pub type Data = serde_json::Map<String, serde_json::Value>;

/// A JSON object as [`Data`]; anything but an object becomes the empty one.
pub fn data(value: serde_json::Value) -> Data {
    match value {
        serde_json::Value::Object(map) => map,
        _ => Data::new(),
    }
}
