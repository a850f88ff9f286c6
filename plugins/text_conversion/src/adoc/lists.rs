//! Lists: with bullets, with numbers, of terms.

use super::Document;
use super::blocks::{Style, is_mark};
use crate::blocks::{indent, push_block, push_item};

/// Levels of a list that are indented; deeper ones are shown there.
const LEVELS_MAX: usize = 10;

/// The beginning of an item.
#[derive(Debug, PartialEq, Eq)]
enum Marker<'a> {
    /// Bullets, by their mark and number.
    Bullet(char, usize),
    /// Numbers, by how many dots; a callout has none.
    Number(usize),
    /// A term, by how many colons.
    Term(&'a str, usize),
}

/// An item, with what belongs to it.
struct Item {
    level: usize,
    marker: String,
    text: String,
}

impl Document {
    /// Writes the list at the start; says how many lines it has.
    pub(super) fn list(&mut self, out: &mut String, lines: &[&str], depth: usize) -> Option<usize> {
        marker(lines[0])?;
        let mut items: Vec<Item> = Vec::new();
        // Markers of the levels around: the same marker again is the same level.
        let mut levels: Vec<(u8, usize, usize)> = Vec::new();
        let mut at = 0;
        while let Some((own, text)) = lines.get(at).and_then(|line| marker(line)) {
            let kind = match own {
                Marker::Bullet(mark, count) => (mark as u8, count),
                Marker::Number(count) => (b'.', count),
                Marker::Term(_, count) => (b':', count),
            };
            match levels.iter().position(|(mark, count, _)| (*mark, *count) == kind) {
                Some(level) => levels.truncate(level + 1),
                None => levels.push((kind.0, kind.1, 0)),
            }
            let number = levels.last_mut().map_or(1, |level| {
                level.2 += 1;
                level.2
            });
            let mut parts: Vec<String> = Vec::new();
            let used = self.item(&mut parts, text, &lines[at + 1..], depth);
            at += 1 + used;
            let text = parts.join("\n\n");
            let (marker, text) = match own {
                Marker::Bullet(..) => ("-".to_owned(), text),
                Marker::Number(_) => (format!("{number}."), text),
                Marker::Term(term, _) => ("-".to_owned(), format!("**{}**: {text}", self.inline(term))),
            };
            items.push(Item { level: levels.len() - 1, marker, text });
            let blanks = lines[at..].iter().take_while(|line| line.is_empty()).count();
            // After a blank line a list goes on, unless one of another kind begins on its outermost level.
            let next = lines.get(at + blanks).and_then(|line| marker_kind(line));
            let goes_on =
                next.is_some_and(|next| levels.iter().any(|(mark, count, _)| (*mark, *count) == next) || blanks == 0);
            if !goes_on {
                break;
            }
            at += blanks;
        }
        let mut text = String::new();
        let mut indents = [0; LEVELS_MAX + 1];
        for item in &items {
            let level = item.level.min(LEVELS_MAX - 1);
            indents[level + 1] = indents[level] + item.marker.len() + 1;
            let mut own = String::new();
            push_item(&mut own, &item.marker, &item.text);
            let indent = " ".repeat(indents[level]);
            for line in own.lines() {
                if !line.is_empty() {
                    text.push_str(&indent);
                    text.push_str(line);
                }
                text.push('\n');
            }
        }
        push_block(out, &text);
        Some(at)
    }

    /// Reads what belongs to an item: its lines, and blocks joined by a line with a plus sign; says how many lines these are.
    fn item(&mut self, parts: &mut Vec<String>, first: &str, lines: &[&str], depth: usize) -> usize {
        let mut text = vec![first.trim()];
        let mut at = 0;
        // A term's text may come after a blank line, indented.
        if first.is_empty()
            && lines.first().is_some_and(|line| line.is_empty())
            && lines.get(1).is_some_and(|line| indent(line) > 0)
        {
            at = 1;
        }
        while let Some(line) =
            lines.get(at).filter(|line| !line.is_empty() && **line != "+" && marker(line).is_none() && !is_mark(line))
        {
            if !line.starts_with("//") {
                text.push(line.trim());
            }
            at += 1;
        }
        let text = text.join("\n");
        let (task, text) = match text.get(..4) {
            Some("[x] " | "[*] ") => ("[x] ", &text[4..]),
            Some("[ ] ") => ("[ ] ", &text[4..]),
            _ => ("", text.as_str()),
        };
        parts.push(format!("{task}{}", self.inline(text.trim())));
        while lines.get(at) == Some(&"+") && lines.get(at + 1).is_some_and(|line| !line.is_empty()) {
            let mut rest = &lines[at + 1..];
            at += 1;
            let mut style = Style::default();
            while let Some(line) =
                rest.first().filter(|line| line.starts_with('[') && line.ends_with(']') || is_title(line))
            {
                match line.strip_prefix('.') {
                    Some(title) => style.title = Some(title.to_owned()),
                    None => {
                        style.words =
                            line[1..line.len() - 1].split(',').take(20).map(|word| word.trim().to_owned()).collect()
                    }
                }
                rest = &rest[1..];
                at += 1;
            }
            if rest.is_empty() {
                break;
            }
            // A block that is a list of its own would take the items that follow it.
            let used = if depth < super::DEPTH_MAX && marker(rest[0]).is_none() {
                let mut own = String::new();
                let used = self.block(&mut own, rest, style, depth + 1).max(1);
                parts.push(own.trim_matches('\n').to_owned());
                used
            } else {
                0
            };
            at += used;
        }
        at
    }
}

fn is_title(line: &str) -> bool {
    line.strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}

fn marker_kind(line: &str) -> Option<(u8, usize)> {
    Some(match marker(line)?.0 {
        Marker::Bullet(mark, count) => (mark as u8, count),
        Marker::Number(count) => (b'.', count),
        Marker::Term(_, count) => (b':', count),
    })
}

/// The marker of an item, and its text.
fn marker(line: &str) -> Option<(Marker<'_>, &str)> {
    let trimmed = line.trim_start();
    if let Some((mark, text)) = trimmed.split_once(' ') {
        let count = mark.chars().count();
        if !mark.is_empty() && mark.bytes().all(|b| b == b'*') || mark == "-" || mark == "•" {
            return Some((Marker::Bullet(mark.chars().next()?, count), text));
        }
        if !mark.is_empty() && mark.bytes().all(|b| b == b'.') {
            return Some((Marker::Number(count), text));
        }
        let numbered = mark
            .strip_suffix('.')
            .is_some_and(|number| (1..=9).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit()));
        let callout = mark.strip_prefix('<').and_then(|mark| mark.strip_suffix('>'));
        if numbered
            || callout
                .is_some_and(|number| number == "." || !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        {
            return Some((Marker::Number(0), text));
        }
    }
    let at = trimmed.find("::").filter(|at| *at > 0 && *at < 200)?;
    let colons = trimmed[at..].bytes().take_while(|b| *b == b':').count();
    let text = &trimmed[at + colons..];
    let ends = (2..=4).contains(&colons) && (text.is_empty() || text.starts_with(' '));
    ends.then(|| (Marker::Term(&trimmed[..at], colons), text.trim()))
}
