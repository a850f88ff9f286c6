//! Characters of a page's text that may be markup by what follows them, which is only seen when the whole line is written.

use html5ever::tendril::StrTendril;
use morag_conversion::address::is_entity;
use morag_conversion::escape::{begins_tag, is_delimiter_row};

/// Characters that stand for others in the tree: what these begin is only seen when the whole line is written ([`put_back`]). No page has
/// them, since [`without_marks`] leaves control characters out.
const LESS: char = '\u{1}';
const AND: char = '\u{2}';
const MARK: char = '\u{3}';
const BAR: char = '\u{4}';
/// [`BAR`] as a text.
pub const BAR_TEXT: &str = "\u{4}";
/// At the beginning and the end of code within a line.
pub const CODE: char = '\u{5}';

/// A text without control characters; where it is no code, others stand for those that may be markup by what follows them.
pub fn without_marks(text: &str, in_code: bool) -> StrTendril {
    let shown = text.chars().filter_map(|c| match c {
        '\n' | '\r' | '\t' | '\u{c}' => Some(c),
        c if c.is_control() => None,
        '<' if !in_code => Some(LESS),
        '&' if !in_code => Some(AND),
        '!' if !in_code => Some(MARK),
        '|' if !in_code => Some(BAR),
        c => Some(c),
    });
    StrTendril::from(shown.collect::<String>())
}

/// Tables without the spaces that align their columns, which are most of the bytes of a wide table, and with bars escaped
/// as other readers of markdown than browsers know it; and the characters that others stood for.
pub fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Marks of the block of code that is open.
    let mut fence = 0;
    for line in text.split_inclusive('\n') {
        // Within lists and quotations.
        let inner = line.trim_start_matches(|c: char| c.is_ascii_digit() || " >-.".contains(c));
        let marks = inner.len() - inner.trim_start_matches('`').len();
        let info = inner[marks..].trim_end();
        if fence > 0 || (marks >= 3 && !info.contains('`')) {
            out.push_str(line);
            fence = match fence {
                0 => marks,
                open if marks >= open && info.is_empty() => 0,
                open => open,
            };
            continue;
        }
        if !line.starts_with('|') {
            // A line of no-break spaces is a blank one, and one blank line is enough.
            match line.trim().is_empty() {
                true if out.ends_with("\n\n") => {}
                true => out.push('\n'),
                false => put_back(&mut out, line, false),
            }
            continue;
        }
        let words = line.replace("&#124;", "\\|");
        let mut row = String::with_capacity(words.len());
        for word in words.split_whitespace() {
            if !row.is_empty() {
                row.push(' ');
            }
            // A delimiter row is three dashes a column, however wide the column was.
            row.push_str(if word.len() > 3 && word.bytes().all(|b| b == b'-') { "---" } else { word });
        }
        put_back(&mut out, &row, true);
        if line.ends_with('\n') {
            out.push('\n');
        }
    }
    out
}

/// Writes a line with the characters of its text that others stood for, escaped where they would be markup.
fn put_back(out: &mut String, line: &str, is_row: bool) {
    // Real bars are those of our own tables, and within code.
    let text = line.trim_start_matches(' ');
    out.push_str(&line[..line.len() - text.len()]);
    if !is_row && is_delimiter_row(&text.trim_end().replace(BAR, "|")) {
        out.push('\\');
    }
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let (c, is_markup) = match c {
            LESS => ('<', rest.starts_with(|after| after == MARK || begins_tag(after))),
            AND => ('&', is_entity(rest)),
            MARK => ('!', rest.starts_with('[')),
            BAR => ('|', is_row),
            CODE => {
                // Two spans of code beside each other would be one.
                if rest.starts_with(CODE) {
                    out.push(' ');
                }
                continue;
            }
            c => (c, false),
        };
        if is_markup {
            out.push('\\');
        }
        out.push(c);
    }
}
