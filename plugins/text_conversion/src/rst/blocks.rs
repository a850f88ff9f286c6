//! Blocks: titles, paragraphs, lists, quotations, code.

use super::{DEPTH_MAX, Document};
use crate::blocks::{code_span, dedent, gap, indent, paragraph, push_block, push_code, push_item, push_quote};
use morag_conversion::document::property;

impl Document {
    /// Writes the blocks of some lines, whose indent is that of the block around them.
    pub(super) fn blocks(&mut self, out: &mut String, lines: &[&str], depth: usize) {
        if depth > DEPTH_MAX {
            return push_code(out, "", lines);
        }
        let mut at = 0;
        while let Some(line) = lines.get(at).copied() {
            at += if line.trim().is_empty() { 1 } else { self.block(out, &lines[at..], depth).max(1) };
        }
    }

    /// Writes the block at the start; says how many lines it has.
    fn block(&mut self, out: &mut String, lines: &[&str], depth: usize) -> usize {
        let line = lines[0];
        if indent(line) > 0 {
            let (inner, used) = indented(lines);
            let mut quoted = String::new();
            self.blocks(&mut quoted, &inner, depth + 1);
            push_quote(out, &quoted);
            return used;
        }
        if let Some(used) = self.title(out, lines, depth) {
            return used;
        }
        if line == ".." || line.starts_with(".. ") {
            let (first, used) = explicit(lines);
            self.explicit(out, &first, depth);
            return used;
        }
        if line.starts_with("__ ") {
            return 1;
        }
        if let Some(used) = self.fields(out, lines, depth) {
            return used;
        }
        self.begun = true;
        if line.starts_with(">>> ") {
            let used = until_blank(lines);
            push_code(out, "pycon", &lines[..used]);
            return used;
        }
        if line == "|" || line.starts_with("| ") {
            return self.line_block(out, lines);
        }
        if let Some(used) = self.table(out, lines) {
            return used;
        }
        if marker(line).is_some() {
            return self.list(out, lines, depth);
        }
        if let Some(used) = self.options(out, lines, depth) {
            return used;
        }
        let definition = lines.get(1).is_some_and(|next| indent(next) > 0 && !next.trim().is_empty());
        if definition && !line.ends_with("::") {
            return self.definitions(out, lines, depth);
        }
        self.paragraph(out, lines)
    }

    /// A title with a line below it, or above it too; or a line alone, which is a break.
    fn title(&mut self, out: &mut String, lines: &[&str], depth: usize) -> Option<usize> {
        let (text, mark, above, used) = match lines {
            [over, title, under, ..]
                if rule(over).is_some()
                    && rule(over) == rule(under)
                    && !title.trim().is_empty()
                    && rule(title).is_none() =>
            {
                (*title, rule(over)?, true, 3)
            }
            [title, under, ..]
                if rule(title).is_none()
                    && rule(under).is_some()
                    && width(under) >= width(title).min(4)
                    && !title.starts_with(".. ") =>
            {
                (*title, rule(under)?, false, 2)
            }
            [line, rest @ ..]
                if rule(line).is_some() && line.len() >= 4 && rest.first().is_none_or(|next| next.is_empty()) =>
            {
                self.begun = true;
                push_block(out, "---");
                return Some(1);
            }
            _ => return None,
        };
        // Titles are of the document; within other blocks they only stand out.
        if depth > 0 {
            push_block(out, &format!("**{}**", self.inline(text.trim())));
            return Some(used);
        }
        let level = self.adornments.iter().position(|known| *known == (mark, above)).unwrap_or_else(|| {
            self.adornments.push((mark, above));
            self.adornments.len() - 1
        });
        if self.properties.title.is_none() && level == 0 && !self.begun {
            self.properties.title = property(text);
        } else {
            self.begun = true;
        }
        gap(out);
        out.push_str(&"#".repeat((level + 1).min(6)));
        out.push(' ');
        out.push_str(&self.inline(text.trim()));
        out.push_str("\n\n");
        Some(used)
    }

    /// Fields, `:name: value`: those of the beginning are the document's properties.
    fn fields(&mut self, out: &mut String, lines: &[&str], depth: usize) -> Option<usize> {
        field(lines[0])?;
        let mut used = 0;
        let mut items = String::new();
        while let Some((name, value)) = lines.get(used).and_then(|line| field(line)) {
            let (mut inner, more) = indented(&lines[used + 1..]);
            inner.insert(0, value);
            used += 1 + more;
            let whole = inner.join(" ");
            if depth > 0 || self.begun || !self.take_field(name, whole.trim()) {
                let mut text = String::new();
                self.blocks(&mut text, &inner, depth + 1);
                push_item(&mut items, "-", &format!("**{}**: {}", self.inline(name), text.trim()));
            }
            while lines.get(used).is_some_and(|line| line.is_empty())
                && lines.get(used + 1).is_some_and(|line| field(line).is_some())
            {
                used += 1;
            }
        }
        push_block(out, &items);
        Some(used)
    }

    fn line_block(&mut self, out: &mut String, lines: &[&str]) -> usize {
        let used = until_blank(lines);
        let texts: Vec<String> =
            lines[..used].iter().map(|line| self.inline(line.trim_start_matches('|').trim())).collect();
        // A line's end that stays one.
        push_block(out, &texts.join("\\\n"));
        used
    }

    fn list(&mut self, out: &mut String, lines: &[&str], depth: usize) -> usize {
        let mut used = 0;
        let mut items = String::new();
        let mut number = 0;
        let Some(kind) = marker(lines[0]).map(|(kind, _)| kind) else { return 1 };
        while let Some((own, text_at)) =
            lines.get(used).and_then(|line| marker(line)).filter(|(own, _)| own.is_some() == kind.is_some())
        {
            let (mut inner, more) = indented(&lines[used + 1..]);
            inner.insert(0, &lines[used][text_at..]);
            used += 1 + more;
            number = own.flatten().unwrap_or(number + 1);
            let marker = if kind.is_some() { format!("{number}.") } else { "-".into() };
            let mut text = String::new();
            self.blocks(&mut text, &inner, depth + 1);
            push_item(&mut items, &marker, &text);
            used += blanks_before(&lines[used..], |line| marker_of_same(line, kind.is_some()));
        }
        push_block(out, &items);
        used
    }

    /// Options of a command with what they do: `-v, --verbose  Say more`.
    fn options(&mut self, out: &mut String, lines: &[&str], depth: usize) -> Option<usize> {
        let option = |line: &str| {
            let dashed = line
                .strip_prefix("--")
                .or_else(|| line.strip_prefix('-'))
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
            dashed && (line.contains("  ") || !line.contains(' ') || line.contains(", -"))
        };
        if !option(lines[0]) {
            return None;
        }
        let mut used = 0;
        let mut items = String::new();
        while let Some(line) = lines.get(used).filter(|line| option(line)) {
            let (names, text) = line.split_once("  ").unwrap_or((line, ""));
            let (mut inner, more) = indented(&lines[used + 1..]);
            inner.insert(0, text.trim());
            used += 1 + more;
            let mut what = String::new();
            self.blocks(&mut what, &inner, depth + 1);
            push_item(&mut items, "-", &format!("{}: {}", code_span(names), what.trim()));
            used += blanks_before(&lines[used..], option);
        }
        push_block(out, &items);
        Some(used)
    }

    /// Terms with what they mean.
    fn definitions(&mut self, out: &mut String, lines: &[&str], depth: usize) -> usize {
        let mut used = 0;
        let mut items = String::new();
        while let [term, next, ..] = &lines[used..]
            && indent(term) == 0
            && !term.trim().is_empty()
            && !term.starts_with(".. ")
            && indent(next) > 0
            && !next.trim().is_empty()
            && marker(term).is_none()
        {
            let (inner, more) = indented(&lines[used + 1..]);
            used += 1 + more;
            let mut text = String::new();
            self.blocks(&mut text, &inner, depth + 1);
            push_item(&mut items, "-", &format!("**{}**: {}", self.inline(term), text.trim()));
            // A blank line before the next term is no end of the list.
            let next = blanks_before(&lines[used..], |line| indent(line) == 0);
            used += if lines.get(used + next + 1).is_some_and(|line| indent(line) > 0) { next } else { 0 };
        }
        push_block(out, &items);
        used
    }

    fn paragraph(&mut self, out: &mut String, lines: &[&str]) -> usize {
        let used = until_blank(lines);
        let text = lines[..used].join("\n");
        let Some(before) = text.strip_suffix("::") else {
            push_block(out, &paragraph(&self.inline(&text)));
            return used;
        };
        // Code follows; `::` alone says nothing else, and one colon stays where words come before it.
        if !before.trim().is_empty() {
            let colon = if before.ends_with(char::is_whitespace) { "" } else { ":" };
            push_block(out, &paragraph(&self.inline(&format!("{}{colon}", before.trim_end()))));
        }
        let (inner, more) = indented(&lines[used..]);
        push_code(out, "", &inner);
        used + more
    }
}

/// The lines that are indented at the start, blank ones within, without their common indent; and how many they are.
pub(super) fn indented<'a>(lines: &[&'a str]) -> (Vec<&'a str>, usize) {
    let mut used = 0;
    for (index, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if indent(line) == 0 {
            break;
        }
        used = index + 1;
    }
    let common =
        lines[..used].iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap_or(0);
    (lines[..used].iter().map(|line| dedent(line, common)).collect(), used)
}

/// A line with two dots, without them, and what is indented below it.
fn explicit<'a>(lines: &[&'a str]) -> (Vec<&'a str>, usize) {
    let (mut inner, used) = indented(&lines[1..]);
    inner.insert(0, lines[0][2..].trim_start());
    (inner, used + 1)
}

fn until_blank(lines: &[&str]) -> usize {
    lines.iter().position(|line| line.trim().is_empty()).unwrap_or(lines.len())
}

/// Blank lines, if the line after them is as wanted.
fn blanks_before(lines: &[&str], wanted: impl Fn(&str) -> bool) -> usize {
    let blanks = lines.iter().take_while(|line| line.trim().is_empty()).count();
    if lines.get(blanks).is_some_and(|line| wanted(line)) { blanks } else { 0 }
}

/// The character of a line that is only one of punctuation, three times or more.
fn rule(line: &str) -> Option<char> {
    let first = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() >= 3 && line.chars().all(|c| c == first)).then_some(first)
}

fn width(line: &str) -> usize {
    line.trim().chars().count()
}

/// `:name: value`.
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix(':')?;
    let end = rest.find(": ").or_else(|| rest.strip_suffix(':').map(str::len))?;
    let name = &rest[..end];
    // `:role:`text`` begins a paragraph.
    let plain = !name.is_empty() && !name.starts_with(' ') && !name.contains('`');
    plain.then(|| (name, rest.get(end + 1..).unwrap_or_default().trim()))
}

/// The marker of a list's item: of a numbered list its number, where it says one; and where the text begins.
#[expect(clippy::option_option, reason = "not numbered, numbered by the list, numbered by itself")]
fn marker(line: &str) -> Option<(Option<Option<u32>>, usize)> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let text_at = line.len() - rest.trim_start().len();
    if matches!(word, "-" | "*" | "+" | "•") {
        return Some((None, text_at));
    }
    let inner = word.strip_prefix('(').map_or_else(|| word.strip_suffix(['.', ')']), |word| word.strip_suffix(')'))?;
    let number = inner.parse::<u32>().ok().filter(|_| inner.len() <= 9);
    let letter = inner.len() == 1 && inner.bytes().all(|b| b.is_ascii_alphabetic());
    (inner == "#" || number.is_some() || letter && !rest.is_empty()).then_some((Some(number), text_at))
}

fn marker_of_same(line: &str, numbered: bool) -> bool {
    marker(line).is_some_and(|(kind, _)| kind.is_some() == numbered)
}
