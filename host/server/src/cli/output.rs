//! Writing to stdout.

use std::io::Write as _;

/// Writes a line. Where nobody reads stdout any more, as in `morag history ID | head -1`, there is nothing left to do, and
/// no reason to fail: `println!` would panic.
pub fn line(text: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}
