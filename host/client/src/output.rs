//! Writing to stdout.

use serde_json::Value;
use std::io::Write as _;

/// Writes a line. Where nobody reads stdout any more, as in `morag history ID | head -1`, there is nothing left to do, and
/// no reason to fail: `println!` would panic.
pub fn line(text: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// A value for a terminal: control characters, which could steer it, are left out.
pub fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}
