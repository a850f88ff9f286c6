//! Markup within lines.

use super::Document;
use crate::blocks::{code_span, inline_formula, link, picture};
use morag_conversion::escape::{Context, join, push_escaped};

/// Bytes of marked text: a longer one has lost its end, which is not looked for again and again.
const SPAN_BYTES_MAX: usize = 1_000;
/// Marked text within marked text, and notes within notes.
const DEPTH_MAX: usize = 8;
/// Notes of a document.
const FOOTNOTES_MAX: usize = 10_000;

impl Document {
    /// A text of one line or several as markdown.
    pub(super) fn inline(&mut self, text: &str) -> String {
        let text = self.substitute(text);
        self.marked_text(&text, 0)
    }

    fn marked_text(&mut self, text: &str, depth: usize) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut plain = String::new();
        let mut rest = text;
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            if c == '\\' && rest[1..].starts_with(|c: char| c.is_ascii_punctuation()) {
                // What is escaped is no markup.
                let escaped = rest[1..].chars().next().unwrap_or_default();
                plain.push(escaped);
                before = 'a';
                rest = &rest[1 + escaped.len_utf8()..];
                continue;
            }
            // Two spaces at the end of a line, or a plus sign: the line's end stays.
            if let Some(after) = rest.strip_prefix(" +\n") {
                flush(&mut out, &mut plain);
                out.push_str("\\\n");
                rest = after;
                before = ' ';
                continue;
            }
            let marked = if depth > DEPTH_MAX { None } else { self.marked(rest, before, depth) };
            match marked {
                Some((markdown, len)) if len > 0 => {
                    flush(&mut out, &mut plain);
                    join(&mut out, &markdown);
                    before = rest[..len].chars().next_back().unwrap_or(' ');
                    rest = &rest[len..];
                }
                _ => {
                    plain.push(c);
                    before = c;
                    rest = &rest[c.len_utf8()..];
                }
            }
        }
        flush(&mut out, &mut plain);
        out
    }

    /// Marked text at the start: its markdown, and its bytes.
    fn marked(&mut self, rest: &str, before: char, depth: usize) -> Option<(String, usize)> {
        let free = !before.is_alphanumeric() && before != '_';
        let first = rest.chars().next()?;
        match first {
            '`' | '*' | '_' | '#' | '+' => {
                let (text, len) = between(rest, first, free)?;
                let markdown = match first {
                    '`' => code_span(text.trim_matches('+')),
                    '+' => escaped(text),
                    '*' => wrapped("**", &self.marked_text(text, depth + 1)),
                    '_' => wrapped("*", &self.marked_text(text, depth + 1)),
                    _ => self.marked_text(text, depth + 1),
                };
                Some((markdown, len))
            }
            '<' if rest.starts_with("<<") => {
                let end = near(rest).find(">>")?;
                let target = &rest[2..end];
                let text = target.split_once(',').map_or(target, |(_, text)| text).trim();
                Some((self.marked_text(text, depth + 1), end + 2))
            }
            // `[role]#text#` and anchors `[[id]]`.
            '[' if rest.starts_with("[[") => near(rest).find("]]").map(|end| (String::new(), end + 2)),
            '[' if free => {
                let end = near(rest).find(']')?;
                rest[end + 1..].starts_with(['#', '*', '_', '`']).then_some((String::new(), end + 1))
            }
            c if c.is_ascii_lowercase() && free => self.macro_of(rest, depth),
            _ => None,
        }
    }

    /// `name:target[text]`, and addresses.
    fn macro_of(&mut self, rest: &str, depth: usize) -> Option<(String, usize)> {
        // No name is longer.
        const NAME_BYTES_MAX: usize = 12;
        let colon = rest.bytes().take(NAME_BYTES_MAX).position(|b| b == b':')?;
        let name = &rest[..colon];
        let near = near(rest);
        if matches!(name, "http" | "https" | "ftp" | "irc" | "mailto") {
            let end = near
                .find(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '<' | '>' | '"'))
                .unwrap_or(near.len());
            let address = &rest[..end];
            if !address.contains("//") && name != "mailto" {
                return None;
            }
            let Some((text, len)) = bracketed(&near[end..]) else {
                // What an address has is no markup but for these.
                let is_plain = !address.contains(['`', '\\', '*', '~', '&', '!']);
                return Some((if is_plain { address.to_owned() } else { escaped(address) }, end));
            };
            let shown = self.marked_text(without_attributes(text), depth + 1);
            return Some((link(&shown, address), end + len));
        }
        if !matches!(
            name,
            "link"
                | "xref"
                | "image"
                | "icon"
                | "footnote"
                | "footnoteref"
                | "kbd"
                | "btn"
                | "menu"
                | "stem"
                | "latexmath"
                | "asciimath"
                | "pass"
                | "anchor"
                | "indexterm"
        ) {
            return None;
        }
        let open = near.find('[')?;
        let target = &near[colon + 1..open];
        if target.contains(char::is_whitespace) && name != "menu" {
            return None;
        }
        let (text, len) = bracketed(&near[open..])?;
        let markdown = match name {
            "link" => {
                let shown = self.marked_text(without_attributes(text), depth + 1);
                if shown.is_empty() { link(&escaped(target), target) } else { link(&shown, target) }
            }
            "xref" => self.marked_text(if text.is_empty() { target } else { text }, depth + 1),
            "image" => picture(without_attributes(text), target),
            "footnote" | "footnoteref" => {
                if self.footnotes.len() >= FOOTNOTES_MAX || text.is_empty() {
                    format!(" ({})", self.marked_text(text, depth + 1))
                } else {
                    let number = self.footnotes.len();
                    self.footnotes.push(String::new());
                    self.footnotes[number] = self.marked_text(text, depth + 1).replace('\n', " ");
                    format!("[^{}]", number + 1)
                }
            }
            "kbd" => code_span(text),
            "menu" => escaped(&format!("{target} > {text}")),
            "stem" | "latexmath" | "asciimath" => inline_formula(text),
            "btn" | "pass" => escaped(text),
            _ => String::new(),
        };
        Some((markdown, open + len))
    }
}

fn near(rest: &str) -> &str {
    &rest[..rest.floor_char_boundary(SPAN_BYTES_MAX)]
}

fn wrapped(mark: &str, text: &str) -> String {
    if text.trim().is_empty() { text.to_owned() } else { format!("{mark}{}{mark}", text.trim()) }
}

fn escaped(text: &str) -> String {
    morag_conversion::escape::inline_part(text)
}

fn flush(out: &mut String, plain: &mut String) {
    if !plain.is_empty() {
        let mut own = String::with_capacity(plain.len());
        push_escaped(&mut own, plain, Context::of_part(plain));
        join(out, &own);
        plain.clear();
    }
}

/// What is between a mark, once or twice, and the bytes of all. A single mark needs words' ends around it.
fn between(rest: &str, mark: char, free: bool) -> Option<(&str, usize)> {
    let double: String = [mark, mark].iter().collect();
    if let Some(inner) = rest.strip_prefix(&double) {
        let end = near(inner).find(&double).filter(|end| *end > 0)?;
        return Some((&inner[..end], end + 4));
    }
    let inner = near(rest).get(1..)?;
    if !free || inner.starts_with(char::is_whitespace) {
        return None;
    }
    let mut from = 0;
    // An end within a word is none: the next ones are looked at, but not all of a long text.
    for _ in 0..10 {
        let at = from + inner.get(from..)?.find(mark)?;
        let after = inner[at + 1..].chars().next();
        if at > 0
            && !inner[..at].ends_with(char::is_whitespace)
            && after.is_none_or(|c| !c.is_alphanumeric() && c != mark)
        {
            return Some((&inner[..at], at + 2));
        }
        from = at + 1;
    }
    None
}

/// What is in the brackets at the start, and the bytes with them.
fn bracketed(text: &str) -> Option<(&str, usize)> {
    if !text.starts_with('[') {
        return None;
    }
    let end = text.char_indices().find(|(at, c)| *c == ']' && !text[..*at].ends_with('\\'))?.0;
    Some((&text[1..end], end + 1))
}

/// The text of a link or a picture, without what comes after it: `text,window=_blank`.
fn without_attributes(text: &str) -> &str {
    let text = match text.split_once(',') {
        Some((text, rest)) if rest.contains('=') || text.starts_with('"') => text,
        Some((text, _)) if text.is_empty() => text,
        _ => text,
    };
    text.trim_end_matches('^').trim_matches('"')
}
