//! Markdown writing that several formats share.

/// Line ends as `\n`; control characters that no markdown reader shows are dropped; a form feed ends a paragraph.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                out.push('\n');
            }
            '\u{c}' => out.push_str("\n\n"),
            '\n' | '\t' => out.push(c),
            '\u{feff}' => {}
            c if (c as u32) < 0x20 || c == '\u{7f}' => {}
            c => out.push(c),
        }
    }
    out
}

/// Ends a text with exactly one line end and starts it with none; nothing but white space becomes empty.
pub fn finish(text: &str) -> String {
    let text = text.trim_start_matches('\n').trim_end();
    if text.trim().is_empty() { String::new() } else { format!("{text}\n") }
}

/// A table cell: one line, pipes escaped.
pub fn push_cell(out: &mut String, text: &str) {
    let mut gap = false;
    let mut first = true;
    for c in text.trim().chars() {
        if c.is_whitespace() || c.is_control() {
            gap = true;
            continue;
        }
        if gap && !first {
            out.push(' ');
        }
        gap = false;
        first = false;
        if c == '|' {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_one_kind() {
        assert_eq!(normalise("\u{feff}a\r\nb\rc\u{0}\u{c}d"), "a\nb\nc\n\nd");
        assert_eq!(finish("\n\na \n\n"), "a\n");
        assert_eq!(finish(" \n "), "");
    }

    #[test]
    fn a_cell_is_one_line() {
        let mut out = String::new();
        push_cell(&mut out, " a|b\r\n c ");
        assert_eq!(out, "a\\|b c");
    }
}
