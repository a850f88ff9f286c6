//! What `document.json` says, read leniently: another converter may write only a part of it, or none.

use morag_step::{Data, Failure, Level, Task, blob_bytes};
use serde_json::Value;

/// What is used of `document.json`.
#[derive(Debug, Default)]
pub struct Document {
    /// Media type.
    pub media_type: Option<String>,
    /// Label of the text encoding.
    pub encoding: Option<String>,
    /// Number of pages.
    pub page_count: Option<u64>,
    /// The properties.
    pub properties: Properties,
}

/// The document's own properties.
#[derive(Debug, Default)]
pub struct Properties(Data);

impl Document {
    /// Reads `document.json`; one that is absent or not JSON counts as empty.
    pub fn read(task: &dyn Task) -> Result<Self, Failure> {
        let Some(blob) = task.artifact("document.json") else { return Ok(Self::default()) };
        let json: Value = match serde_json::from_slice(&blob_bytes(blob.as_ref())?) {
            Ok(json) => json,
            Err(error) => {
                task.log(Level::Warn, &format!("document.json is not JSON and is left out: {error}"));
                return Ok(Self::default());
            }
        };
        let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
        let properties = json.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Self {
            media_type: text("media_type"),
            encoding: text("encoding"),
            page_count: json.get("page_count").and_then(Value::as_u64),
            properties: Properties(properties),
        })
    }
}

impl Properties {
    /// A property that is a text with more than white space.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Every property that says something.
    pub fn without_nulls(&self) -> Data {
        let says = |value: &Value| match value {
            Value::Null => false,
            Value::Array(list) => !list.is_empty(),
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        };
        self.0.iter().filter(|(_, value)| says(value)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
