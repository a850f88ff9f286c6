//! Limits for JSON from outside: nesting and memory.

use serde_json::Value;

/// A JSON object.
pub type JsonObject = serde_json::Map<String, Value>;

/// Maximum nesting of JSON from a caller or a step. `serde_json` refuses to read more than 127 levels; stored and sent JSON
/// wraps this in a few more levels, and a stored task that cannot be read back would never end.
pub const JSON_DEPTH_MAX: usize = 100;

/// Whether an object is nested at most [`JSON_DEPTH_MAX`] levels, the object itself being the first.
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

/// Maximum memory of the parsed events of one page, bytes, as estimated by [`tree_bytes`]: a page of a thousand events of
/// usual size stays below it, and a few concurrent readers stay below the memory of a small server.
pub const PAGE_BYTES_MAX: usize = 16 << 20;

/// Memory of a parsed JSON value beyond its text, bytes. The worst case is an object with one entry: some 350 bytes of
/// allocations for four characters of text.
const VALUE_BYTES: usize = 100;

/// Estimate of the memory of a JSON text once parsed, bytes, rather too high: its length plus a constant per character that may
/// begin a value. A text of many small values takes up to fifty times its length.
pub fn tree_bytes(text: &str) -> usize {
    let values = text.bytes().filter(|byte| matches!(byte, b'[' | b'{' | b',' | b':')).count();
    text.len().saturating_add(values.saturating_mul(VALUE_BYTES))
}

/// Memory budget of a page of items.
#[derive(Debug)]
pub struct PageBudget {
    left: usize,
    is_empty: bool,
}

impl PageBudget {
    /// A budget of `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { left: bytes_max, is_empty: true }
    }

    /// Reserves `bytes` for an item and returns whether it fits. The first item always fits.
    pub fn takes(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        let takes = left.is_some() || self.is_empty;
        self.left = left.unwrap_or(0);
        self.is_empty = false;
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_reckoned_by_their_number() {
        assert_eq!(tree_bytes("\"aaaa\""), 6);
        let many = format!("[{}0]", "{\"\":0},".repeat(1000));
        assert!(tree_bytes(&many) > 300 * 1000, "{}", tree_bytes(&many));
    }

    #[test]
    fn a_page_takes_its_first_item_and_then_what_fits() {
        let mut page = PageBudget::new(10);
        assert!(page.takes(100) && !page.takes(1));
        let mut page = PageBudget::new(10);
        assert!(page.takes(4) && page.takes(6) && !page.takes(1));
    }
}
