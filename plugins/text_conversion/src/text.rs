//! Plain text and markdown.

use morag_conversion::document::{Properties, keywords, property};
use morag_conversion::escape::{Context, push_escaped, push_line, rule};
use morag_conversion::formats;
use morag_conversion::{Converted, dates, encoding, failures, markdown};
use morag_step::Failure;
use std::collections::HashMap;

/// Bytes of a text that are converted: source, decoded text and markdown are held at once, in a step of 512 MiB.
pub const TEXT_BYTES_MAX: usize = 64 << 20;

/// Decodes a text under [`TEXT_BYTES_MAX`].
///
/// # Errors
/// `DOCUMENT_TOO_LARGE`.
pub fn read(bytes: &[u8], declared: Option<&str>) -> Result<(String, String), Failure> {
    if bytes.len() > TEXT_BYTES_MAX {
        let size = bytes.len();
        return Err(failures::too_large(format!(
            "it has {size} bytes of text, and at most {TEXT_BYTES_MAX} are converted"
        )));
    }
    let (text, label) = encoding::decode(bytes, declared);
    Ok((markdown::normalise(&text), label))
}

/// Passes markdown through with line ends of one kind. A front matter's title, author, date and language are read.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert_markdown(bytes: &[u8]) -> Result<Converted, Failure> {
    let (text, label) = read(bytes, None)?;
    let properties = front_matter(&text);
    done(&formats::MD, markdown::finish(&text), label, properties)
}

/// Writes plain text as markdown that reads the same: what would be markup by accident is escaped; underlined and
/// numbered headings become headings, lists stay lists, and blocks set in columns become code.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert_plain(bytes: &[u8]) -> Result<Converted, Failure> {
    let (text, label) = read(bytes, None)?;
    done(&formats::TXT, markdown::finish(&plain_to_markdown(&text)), label, Properties::default())
}

fn done(
    format: &'static formats::Format,
    text: String,
    label: String,
    properties: Properties,
) -> Result<Converted, Failure> {
    if text.is_empty() {
        return Err(failures::empty("the file has no text but white space"));
    }
    Ok(Converted { encoding: Some(label), properties, ..Converted::without_pages(format, text) })
}

/// The properties in a YAML front matter: plain `key: value` lines only.
fn front_matter(text: &str) -> Properties {
    let mut properties = Properties::default();
    let Some(rest) = text.trim_start_matches('\n').strip_prefix("---\n") else { return properties };
    let Some(end) = rest.find("\n---") else { return properties };
    for line in rest[..end].lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        match key {
            "title" => properties.title = property(value),
            "author" => properties.author = property(value),
            "description" => properties.subject = property(value),
            "lang" | "language" => properties.language = property(value),
            "date" => properties.creation_date = dates::iso(value),
            "keywords" | "tags" => properties.keywords = keywords(value.trim_matches(['[', ']'])),
            _ => {}
        }
    }
    properties
}

fn plain_to_markdown(text: &str) -> String {
    // `1. Buy milk` may be an item of a list; where `1.1 Scope` exists too it is a heading.
    let numbered = text.lines().any(|line| section_number(line.trim()).is_some_and(|depth| depth > 1));
    // A table of contents has the same lines as the headings: the last one of the same is the heading.
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        if section_number(line.trim()).is_some() {
            last.insert(line.trim(), index);
        }
    }
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut block: Vec<&str> = Vec::new();
    for (index, line) in text.lines().chain([""]).enumerate() {
        if !line.trim().is_empty() {
            block.push(line);
        } else if !block.is_empty() {
            match block[..] {
                [only] if last.get(only.trim()).is_some_and(|last| *last != index - 1) => write_prose(&mut out, &block),
                _ => write_block(&mut out, &block, numbered),
            }
            out.push('\n');
            block.clear();
        }
    }
    out
}

fn write_block(out: &mut String, lines: &[&str], numbered: bool) {
    match lines {
        [over, title, under, rest @ ..]
            if rule(over).is_some() && rule(over) == rule(under) && rule(title).is_none() =>
        {
            heading(out, 1, title, rest, numbered);
        }
        [title, under, rest @ ..] if underlines(title, under) => {
            heading(out, if rule(under) == Some('=') { 1 } else { 2 }, title, rest, numbered);
        }
        [line] if rule(line).is_some() => out.push_str("---\n"),
        [line] if section_number(line.trim()).is_some_and(|depth| depth > 1 || numbered) => {
            let depth = section_number(line.trim()).unwrap_or(1);
            heading(out, depth.min(5) + 1, line, &[], numbered);
        }
        _ if in_columns(lines) => write_code(out, lines),
        _ => write_prose(out, lines),
    }
}

fn heading(out: &mut String, level: usize, title: &str, rest: &[&str], numbered: bool) {
    out.push_str(&"#".repeat(level));
    out.push(' ');
    push_escaped(out, title.trim(), Context::of(&[title]));
    out.push('\n');
    if !rest.is_empty() {
        out.push('\n');
        write_block(out, rest, numbered);
    }
}

fn underlines(title: &str, under: &str) -> bool {
    let (title, under_len) = (title.trim(), under.trim().chars().count());
    rule(title).is_none() && rule(under).is_some() && under_len * 2 >= title.chars().count() && title.len() < 200
}

/// The depth of a section's number, for a line that looks like a numbered heading: `1.2 Scope` is 2.
fn section_number(line: &str) -> Option<usize> {
    let (number, title) = line.split_once(' ')?;
    let parts: Vec<&str> = number.trim_end_matches('.').split('.').collect();
    let numeric = parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
    // A bare `3 Apples` is no heading: either a dot follows the number or it has several parts.
    let marked = parts.len() > 1 || number.ends_with('.');
    let title = title.trim();
    let heading = title.chars().next().is_some_and(|c| c.is_alphabetic() && !c.is_lowercase())
        && title.chars().count() <= 80
        && !title.ends_with(['.', ',', ';', ':', '?', '!']);
    (numeric && marked && heading).then_some(parts.len())
}

/// Half of the lines, two at least, have gaps of three spaces inside: a table or a drawing of characters.
fn in_columns(lines: &[&str]) -> bool {
    let gaps = lines.iter().filter(|line| line.trim().contains("   ") || line.trim().contains('\t')).count();
    gaps >= 2 && gaps * 2 >= lines.len()
}

fn indent(line: &str) -> usize {
    let blank = line.len() - line.trim_start().len();
    line[..blank].chars().map(|c| if c == '\t' { 4 } else { 1 }).sum()
}

fn write_code(out: &mut String, lines: &[&str]) {
    let common = lines.iter().map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0);
    let longest = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    out.push_str(&fence);
    out.push('\n');
    for line in lines {
        out.push_str(line[common..].trim_end());
        out.push('\n');
    }
    out.push_str(&fence);
    out.push('\n');
}

fn write_prose(out: &mut String, lines: &[&str]) {
    let context = Context::of(lines);
    let base = lines.iter().map(|line| indent(line)).min().unwrap_or(0);
    let list = item(lines[0].trim()).is_some();
    for (index, line) in lines.iter().enumerate() {
        let text = line.trim();
        match item(text) {
            // Deeper items stay deeper; elsewhere an indent would be code.
            Some(marker) => {
                if list && index > 0 {
                    out.push_str(&" ".repeat((indent(line) - base).min(12)));
                }
                out.push_str(if marker == "•" { "-" } else { marker });
                out.push(' ');
                push_line(out, text[marker.len()..].trim_start(), context, true);
            }
            None => {
                if list && index > 0 {
                    out.push_str(&" ".repeat((indent(line) - base).min(3)));
                }
                push_line(out, text, context, index == 0);
            }
        }
        out.push('\n');
    }
}

/// The marker of a list's item: `-`, `*`, `+`, `•`, `1.`, `1)`.
fn item(text: &str) -> Option<&str> {
    let (marker, rest) = text.split_once(' ')?;
    let digits = marker.trim_end_matches(['.', ')']);
    // A longer number is a year or an amount.
    let ordered = marker.len() == digits.len() + 1
        && (1..=3).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit());
    ((matches!(marker, "-" | "*" | "+" | "•") || ordered) && !rest.trim().is_empty()).then_some(marker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser};

    #[test]
    fn markdown_passes_through() {
        let converted =
            convert_markdown(b"---\ntitle: \"A plan\"\nauthor: Jo\ndate: 2024-05-06\n---\r\n# A\r\n\r\n- *b*\r\n")
                .unwrap();
        assert!(converted.markdown.ends_with("# A\n\n- *b*\n"));
        assert_eq!(converted.properties.title.as_deref(), Some("A plan"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-05-06"));
        assert_eq!(converted.encoding.as_deref(), Some("utf-8"));
    }

    #[test]
    fn white_space_alone_is_empty() {
        assert_eq!(convert_plain(b" \r\n\t\n").unwrap_err().code, "EMPTY_DOCUMENT");
        assert_eq!(convert_markdown(b"\xff\xfe\r\0\n\0").unwrap_err().code, "EMPTY_DOCUMENT");
    }

    #[test]
    fn headings_lists_and_columns_of_plain_text() {
        let text = "The Title\n=========\n\n1. Scope\n\n1.1 What is in\n\n   Some text\n   goes on here.\n\n * one\n * two\n\nName      Age\nJane      42\n";
        let expected = "# The Title\n\n## 1. Scope\n\n### 1.1 What is in\n\nSome text\ngoes on here.\n\n* one\n* two\n\n```\nName      Age\nJane      42\n```\n\n";
        assert_eq!(plain_to_markdown(text), expected);
    }

    #[test]
    fn a_numbered_list_is_no_heading() {
        assert_eq!(plain_to_markdown("1. Buy milk\n\n2. Call Bob\n"), "1. Buy milk\n\n2. Call Bob\n\n");
    }

    #[test]
    fn only_what_would_be_markup_is_escaped() {
        let same = "It costs 3 * 4 < 20 & more, see snake_case and `code` at [1].";
        assert_eq!(plain_to_markdown(same), format!("{same}\n\n"));
        assert_eq!(plain_to_markdown("# no heading"), "\\# no heading\n\n");
        assert_eq!(plain_to_markdown("a <b> &amp; *c* _d_ [e](f)"), "a \\<b> \\&amp; \\*c\\* \\_d_ \\[e](f)\n\n");
        assert_eq!(plain_to_markdown("1986. That was a year"), "1986\\. That was a year\n\n");
    }

    #[test]
    fn contents_are_not_headings() {
        let text = "1.1 Scope\n\n1.2 Terms\n\nText.\n\n1.1 Scope\n\nMore.\n";
        assert_eq!(plain_to_markdown(text), "1.1 Scope\n\n### 1.2 Terms\n\nText.\n\n### 1.1 Scope\n\nMore.\n\n");
    }

    fn letters(text: &str) -> String {
        text.chars().filter(|c| c.is_alphabetic()).collect()
    }

    proptest! {
        // What a reader of the markdown sees has every letter of the text, in order.
        #[test]
        fn no_letter_is_lost(text in "([a-c#*_<>&\\[\\]()`~|=+:.!/1 \\\\-]|\n){0,60}") {
            let markdown = plain_to_markdown(&text);
            let shown: String = Parser::new(&markdown)
                .map(|event| match event {
                    Event::Text(text) | Event::Code(text) => text.to_string(),
                    _ => String::new(),
                })
                .collect();
            prop_assert_eq!(letters(&shown), letters(&text), "{}", markdown);
        }

        #[test]
        fn any_bytes_are_some_text(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for converted in [convert_plain(&bytes), convert_markdown(&bytes)] {
                prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| !done.markdown.is_empty()));
            }
        }
    }
}
