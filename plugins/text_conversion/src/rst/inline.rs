//! Markup within lines.

use super::Document;
use crate::blocks::{code_span, inline_formula, link};
use morag_conversion::escape::{Context, join, push_escaped};

/// Bytes of marked text: a longer one has lost its end, which is not looked for again and again.
const SPAN_BYTES_MAX: usize = 2_000;
/// Substitutions within substitutions.
const SUBSTITUTED_MAX: usize = 3;

impl Document {
    /// A text of one line or several as markdown.
    pub(super) fn inline(&self, text: &str) -> String {
        self.inline_within(text, 0)
    }

    fn inline_within(&self, text: &str, depth: usize) -> String {
        let mut out = String::with_capacity(text.len() + 16);
        let mut plain = String::new();
        let mut rest = text;
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            let starts = before.is_whitespace() || "'\"([{<-/:".contains(before);
            let marked = match c {
                '\\' => {
                    let escaped = rest[1..].chars().next();
                    // A space or a line end that is escaped is nothing.
                    plain.extend(escaped.filter(|c| !c.is_whitespace()));
                    before = escaped.unwrap_or(' ');
                    rest = &rest[1 + escaped.map_or(0, char::len_utf8)..];
                    continue;
                }
                '*' | '`' | '|' | '[' | ':' if starts => self.marked(rest, depth),
                c if c.is_alphanumeric() && !before.is_alphanumeric() && before != '_' => self.reference(rest),
                _ => None,
            };
            match marked {
                Some((markdown, len)) => {
                    flush(&mut out, &mut plain);
                    join(&mut out, &markdown);
                    before = rest[..len].chars().next_back().unwrap_or(' ');
                    rest = &rest[len..];
                }
                None => {
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
    fn marked(&self, rest: &str, depth: usize) -> Option<(String, usize)> {
        if rest.starts_with("``") {
            let (text, len) = between(rest, "``", "``")?;
            return Some((code_span(text), len));
        }
        if rest.starts_with("**") {
            let (text, len) = between(rest, "**", "**")?;
            return Some((format!("**{}**", escaped(&unescape(text))), len));
        }
        if rest.starts_with('*') {
            let (text, len) = between(rest, "*", "*")?;
            return Some((format!("*{}*", escaped(&unescape(text))), len));
        }
        if rest.starts_with('|') {
            let (name, len) = between(rest, "|", "|")?;
            let text = match self.substitutions.get(name) {
                Some(text) if depth < SUBSTITUTED_MAX => self.inline_within(text, depth + 1),
                _ => escaped(name),
            };
            let references = rest[len..].bytes().take_while(|b| *b == b'_').count().min(2);
            return Some((text, len + references));
        }
        if rest.starts_with('[') {
            let (label, len) = between(rest, "[", "]_")?;
            let label = label.trim_start_matches('#');
            let plain = !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || "-_.*".contains(c));
            return plain.then(|| (format!("[^{label}]"), len));
        }
        if let Some(after) = rest.strip_prefix(':') {
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.+:".contains(c)))?;
            let role = after[..end].strip_suffix(':').filter(|role| !role.is_empty())?;
            let (text, len) = between(&after[end..], "`", "`")?;
            return Some((self.role(role, text), 1 + end + len));
        }
        let (text, len) = between(rest, "`", "`")?;
        let tail = &rest[len..];
        let references = tail.bytes().take_while(|b| *b == b'_').count().min(2);
        if references > 0 {
            let (shown, target) = match text
                .split_once('<')
                .and_then(|(shown, target)| Some((shown.trim(), target.strip_suffix('>')?)))
            {
                Some((shown, target)) => (shown, self.target(target)),
                None => (text, self.targets.get(&text.to_lowercase()).map(String::as_str).unwrap_or_default()),
            };
            return Some((link(&escaped(&unescape(shown)), target), len + references));
        }
        // A role may come after its text.
        if let Some(role) = tail.strip_prefix(':').and_then(|tail| tail.split_once(':')).map(|(role, _)| role)
            && !role.is_empty()
            && role.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            return Some((self.role(role, text), len + role.len() + 2));
        }
        Some((format!("*{}*", escaped(&unescape(text))), len))
    }

    /// The address of an embedded target: an address, or the name of one.
    fn target<'a>(&'a self, target: &'a str) -> &'a str {
        let named = target.strip_suffix('_').and_then(|name| self.targets.get(&name.to_lowercase()));
        named.map_or(target, String::as_str)
    }

    fn role(&self, role: &str, text: &str) -> String {
        let (shown, target) =
            match text.split_once('<').and_then(|(shown, target)| Some((shown.trim(), target.strip_suffix('>')?))) {
                Some((shown, target)) if !shown.is_empty() => (shown, target),
                _ => (text, ""),
            };
        match role.rsplit(':').next().unwrap_or(role) {
            "math" => inline_formula(text),
            "strong" => format!("**{}**", escaped(shown)),
            "emphasis" | "title" | "dfn" => format!("*{}*", escaped(shown)),
            "pep" => format!("PEP {}", escaped(shown)),
            "rfc" => format!("RFC {}", escaped(shown)),
            "ref" | "doc" | "term" | "any" | "numref" | "download" | "abbr" | "guilabel" | "menuselection" | "sub"
            | "sup" | "subscript" | "superscript" | "index" | "eq" | "token" | "keyword" => {
                if target.starts_with("http") { link(&escaped(shown), target) } else { escaped(&unescape(shown)) }
            }
            _ => {
                // `~a.b.c` shows its last part, `!x` is x without a link.
                let shown = shown.strip_prefix('!').unwrap_or(shown);
                let shown = shown.strip_prefix('~').map_or(shown, |path| path.rsplit('.').next().unwrap_or(path));
                code_span(&unescape(shown))
            }
        }
    }

    /// A word with the mark of a reference, `Name_`: a link where its target is known.
    fn reference(&self, rest: &str) -> Option<(String, usize)> {
        // No name of one word is longer.
        const NAME_BYTES_MAX: usize = 100;
        let near = &rest[..rest.floor_char_boundary(NAME_BYTES_MAX)];
        let end = near.find(|c: char| !(c.is_alphanumeric() || "-_.+".contains(c))).unwrap_or(near.len());
        let word = near[..end].trim_end_matches(['.', '-', '+']);
        let name = word.strip_suffix("__").or_else(|| word.strip_suffix('_'))?;
        if name.is_empty() || rest[word.len()..].starts_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let target = self.targets.get(&name.to_lowercase());
        Some((target.map_or_else(|| escaped(name), |target| link(&escaped(name), target)), word.len()))
    }
}

fn flush(out: &mut String, plain: &mut String) {
    if !plain.is_empty() {
        let mut own = String::with_capacity(plain.len());
        push_escaped(&mut own, plain, Context::of_part(plain));
        join(out, &own);
        plain.clear();
    }
}

fn escaped(text: &str) -> String {
    morag_conversion::escape::inline_part(text)
}

fn unescape(text: &str) -> String {
    text.replace("\\ ", "").replace('\\', "")
}

/// What is between two marks at the start, and the bytes of all. The text begins and ends with no space, and something ends it.
fn between<'a>(rest: &'a str, start: &str, end: &str) -> Option<(&'a str, usize)> {
    let inner = rest.strip_prefix(start)?;
    let near = &inner[..inner.floor_char_boundary(SPAN_BYTES_MAX)];
    if near.starts_with(char::is_whitespace) {
        return None;
    }
    let mut from = 0;
    // An end within a word is none: the next one is looked at. Not all: `*a*a*a…` would be looked through again and again.
    for _ in 0..10 {
        let at = from + near.get(from..)?.find(end)?;
        let text = &near[..at];
        let after = inner[at + end.len()..].chars().next();
        let free = after.is_none_or(|c| !c.is_alphanumeric());
        if at > 0 && free && !text.ends_with(char::is_whitespace) && (end == "``" || !text.ends_with('\\')) {
            return Some((text, start.len() + at + end.len()));
        }
        from = at + end.len();
    }
    None
}
