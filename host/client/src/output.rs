//! Writing to stdout.

use serde_json::Value;
use std::io::Write as _;

/// Writes a line. Errors are ignored: a reader such as `head -1` closes the pipe early, which is no failure, and `println!` would
/// panic.
pub fn line(text: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// A value for a terminal, without control characters, which could change the terminal's state.
pub fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}
