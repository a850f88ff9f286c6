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

/// What the events of one page may take of memory once they are read, bytes, as [`tree_bytes`] reckons: a page of a thousand
/// events of usual size stays below it, and a few readers at once stay below the memory of a small server.
pub const PAGE_BYTES_MAX: usize = 16 << 20;

/// What a value of JSON takes beyond its text once it is read: an object with one entry is the worst, with some 350 bytes of
/// allocations for four signs of text.
const VALUE_BYTES: usize = 100;

/// Memory that a JSON text takes once it is read, bytes, roughly and rather too much: its length, and so much for each sign that
/// may begin a value. What a text with many small values takes is fifty times its length.
pub fn tree_bytes(text: &str) -> usize {
    let values = text.bytes().filter(|byte| matches!(byte, b'[' | b'{' | b',' | b':')).count();
    text.len().saturating_add(values.saturating_mul(VALUE_BYTES))
}

/// Counts what the texts of a page take, and says where it is full.
#[derive(Debug)]
pub struct PageBudget {
    left: usize,
    is_empty: bool,
}

impl PageBudget {
    /// A page that may take so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { left: bytes_max, is_empty: true }
    }

    /// Whether there is room for an item that takes so many bytes; then it is counted. There always is for the first.
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
