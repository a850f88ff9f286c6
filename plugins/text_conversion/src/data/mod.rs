//! Data in text: JSON, YAML and XML. Each is read into a [`Value`], which [`write`] makes readable.

pub mod json;
mod write;
pub mod xml;
pub mod yaml;

/// Values within values. Real data has under twenty; reading and writing recurse.
pub const DEPTH_MAX: usize = 100;
/// Values of a document: they take about 150 bytes each, in a step of 512 MiB.
pub const VALUES_MAX: usize = 1_000_000;
/// Bytes of data that are read into values: those of larger documents stay as they were written.
pub const DATA_BYTES_MAX: usize = 32 << 20;

/// A value as it was written: numbers are not rounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number, `true`, `false`, `null`.
    Plain(String),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Value>),
    /// Names and values in order; a name may be there twice.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// The value of a name: the last one, as JSON readers have it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(entries) => entries.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The values of a list; none for anything else.
    pub fn list(&self) -> &[Value] {
        match self {
            Self::List(values) => values,
            _ => &[],
        }
    }

    /// Values in it, with itself.
    pub fn count(&self) -> usize {
        match self {
            Self::Plain(_) | Self::Text(_) => 1,
            Self::List(values) => 1 + values.iter().map(Self::count).sum::<usize>(),
            Self::Object(entries) => 1 + entries.iter().map(|(_, value)| value.count()).sum::<usize>(),
        }
    }
}
