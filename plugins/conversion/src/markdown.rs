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

/// One line of plain text as the beginning of a paragraph that reads the same: what would be markup is escaped.
pub fn push_plain(out: &mut String, line: &str) {
    let line = line.trim();
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let list_mark = digits > 0 && line[digits..].starts_with(['.', ')']);
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        let next = line[at + c.len_utf8()..].chars().next().unwrap_or(' ');
        let escaped = match c {
            '#' | '>' | '+' | '=' | '-' => at == 0,
            '~' => next == '~' || before == '~',
            '.' | ')' => list_mark && at == digits,
            '`' => true,
            '*' => !(before.is_whitespace() && next.is_whitespace()) || at == 0,
            '_' => !(before.is_alphanumeric() && next.is_alphanumeric()),
            ']' => matches!(next, '(' | '[' | ':'),
            '<' => next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?'),
            '&' => next.is_ascii_alphabetic() || next == '#',
            '\\' => next.is_ascii_punctuation() || next == ' ',
            '|' => at == 0,
            _ => false,
        };
        if escaped {
            out.push('\\');
        }
        out.push(if c.is_control() { ' ' } else { c });
        before = c;
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
    fn only_what_would_be_markup_is_escaped() {
        let plain = |text: &str| {
            let mut out = String::new();
            push_plain(&mut out, text);
            out
        };
        for same in ["3.5 kg", "a - b", "snake_case", "5 * 3", "AT & T", "x < 3", "[00:00:01] said", "C#"] {
            assert_eq!(plain(same), same);
        }
        for (text, escaped) in [
            ("# one", "\\# one"),
            ("- one", "\\- one"),
            ("1. one", "1\\. one"),
            ("*bold*", "\\*bold\\*"),
            ("_so_", "\\_so\\_"),
            ("[a](b)", "[a\\](b)"),
            ("<b>", "\\<b>"),
            ("&lt;", "\\&lt;"),
            ("\\*", "\\\\\\*"),
            ("---", "\\---"),
        ] {
            assert_eq!(plain(text), escaped);
        }
    }

    #[test]
    fn a_cell_is_one_line() {
        let mut out = String::new();
        push_cell(&mut out, " a|b\r\n c ");
        assert_eq!(out, "a\\|b c");
    }
}
