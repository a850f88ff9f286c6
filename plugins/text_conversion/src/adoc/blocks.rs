//! Blocks: sections, paragraphs, and what stands between lines of the same marks.

use super::{DEPTH_MAX, Document, attribute};
use crate::blocks::{formula, gap, indent, paragraph, picture, push_block, push_code, push_quote};

/// What stands in brackets before a block, and its title.
#[derive(Debug, Default, Clone)]
pub(super) struct Style {
    /// Words by their places: `source,ruby` are two.
    pub(super) words: Vec<String>,
    pub(super) title: Option<String>,
}

impl Style {
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }

    fn word(&self, index: usize) -> &str {
        self.words.get(index).map(String::as_str).unwrap_or_default()
    }
}

impl Document {
    /// Writes the blocks of some lines.
    pub(super) fn blocks(&mut self, out: &mut String, lines: &[&str], depth: usize) {
        if depth > DEPTH_MAX {
            return push_code(out, "", lines);
        }
        let mut style = Style::default();
        let mut at = 0;
        while let Some(line) = lines.get(at).copied() {
            if line.is_empty() || line == "+" {
                at += 1;
                continue;
            }
            if let Some(used) = self.line(line, &mut style) {
                at += used;
                continue;
            }
            at += self.block(out, &lines[at..], std::mem::take(&mut style), depth).max(1);
        }
    }

    /// Takes a line that is no text of its own: comments, attributes, what is said about the next block.
    fn line(&mut self, line: &str, style: &mut Style) -> Option<usize> {
        if line.starts_with("//") && !line.starts_with("////") {
            return Some(1);
        }
        if let Some((name, value)) = attribute(line) {
            self.set(name, value);
            return Some(1);
        }
        if line.starts_with("include::") {
            self.included += 1;
            return Some(1);
        }
        let silent = ["ifdef::", "ifndef::", "ifeval::", "endif::", "toc::", "<<<"];
        if silent.iter().any(|start| line.starts_with(start)) {
            return Some(1);
        }
        if line.starts_with('[') && line.ends_with(']') {
            let inner = &line[1..line.len() - 1];
            // An anchor: `[[id]]`.
            if !inner.starts_with('[') {
                // `%header`, `#id` and `.role` may be joined to a word.
                let words =
                    inner.split(',').flat_map(|word| word.split_inclusive('%').map(|word| word.trim_end_matches('%')));
                let word =
                    |word: &str| word.trim().trim_matches('"').split(['#', '.']).next().unwrap_or_default().to_owned();
                style.words.extend(words.map(word).take(20));
            }
            return Some(1);
        }
        let title = line
            .strip_prefix('.')
            .filter(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || "`*_\"'".contains(c)));
        if let Some(title) = title {
            style.title = Some(title.to_owned());
            return Some(1);
        }
        None
    }

    /// Writes the block at the start; says how many lines it has.
    pub(super) fn block(&mut self, out: &mut String, lines: &[&str], style: Style, depth: usize) -> usize {
        let line = lines[0];
        if let Some((level, text)) = heading(line) {
            let text = self.inline(text);
            gap(out);
            out.push_str(&format!("{} {text}\n\n", "#".repeat(level.min(6))));
            return 1;
        }
        if matches!(line, "'''" | "---" | "***" | "- - -" | "* * *") {
            push_block(out, "---");
            return 1;
        }
        if let Some(title) = &style.title {
            let title = self.inline(title);
            push_block(out, &format!("**{title}**"));
        }
        if let Some((inner, used)) = delimited(lines) {
            self.delimited(out, line, inner, &style, depth);
            return used;
        }
        if let Some(image) = line
            .strip_prefix("image::")
            .or_else(|| line.strip_prefix("video::"))
            .or_else(|| line.strip_prefix("audio::"))
            && let Some((target, text)) = image.split_once('[')
        {
            let alt = text.trim_end_matches(']').split(',').next().unwrap_or_default().trim_matches('"');
            let (alt, target) = (self.substitute(alt), self.substitute(target));
            push_block(out, &picture(&alt, &target));
            return 1;
        }
        if let Some(used) = self.list(out, lines, depth) {
            return used;
        }
        let used = lines.iter().position(|line| line.is_empty() || ends_paragraph(line)).unwrap_or(lines.len()).max(1);
        let own = &lines[..used];
        if indent(line) > 0 {
            push_code(out, "", own);
            return used;
        }
        self.paragraph(out, own, &style);
        used
    }

    fn paragraph(&mut self, out: &mut String, lines: &[&str], style: &Style) {
        let text = lines.join("\n");
        if matches!(style.word(0), "source" | "listing" | "literal") {
            return push_code(out, style.word(1), lines);
        }
        let named = text.split_once(": ").filter(|(name, _)| admonition(name).is_some());
        let (name, text) = named.map_or((style.word(0), text.as_str()), |(name, text)| (name, text));
        let markdown = self.inline(text.trim());
        match admonition(name) {
            Some(title) => push_quote(out, &format!("**{title}:** {markdown}")),
            None if matches!(name, "quote" | "verse") => push_quote(out, &with_author(&markdown, style)),
            None => push_block(out, &paragraph(&markdown)),
        }
    }

    fn delimited(&mut self, out: &mut String, mark: &str, lines: &[&str], style: &Style, depth: usize) {
        let table = mark.ends_with("===") && mark.len() == 4 && !mark.starts_with('=');
        if table {
            return self.table(out, lines, style, mark);
        }
        if let Some(language) = mark.strip_prefix("```") {
            return push_code(out, language, lines);
        }
        if style.has("stem") || style.has("latexmath") || style.has("asciimath") {
            return push_block(out, &formula(&lines.join("\n")));
        }
        let source = matches!(style.word(0), "source" | "listing" | "literal");
        match mark.as_bytes() {
            // Comments, and text for other programs.
            [b'/', ..] | [b'+', ..] => {}
            [b'.', ..] => push_code(out, "", lines),
            [b'-', b'-', b'-', ..] => push_code(out, style.word(1), lines),
            _ if source => push_code(out, style.word(1), lines),
            _ => {
                let mut inner = String::new();
                self.blocks(&mut inner, lines, depth + 1);
                match (mark.as_bytes().first(), admonition(style.word(0))) {
                    (_, Some(title)) => push_quote(out, &format!("**{title}:**\n\n{}", inner.trim_start_matches('\n'))),
                    (Some(b'_'), _) => push_quote(out, &with_author(&inner, style)),
                    (Some(b'*'), _) => push_quote(out, &inner),
                    _ if style.word(0) == "quote" => push_quote(out, &with_author(&inner, style)),
                    _ => push_block(out, &inner),
                }
            }
        }
    }
}

/// A quotation with who said it, and where.
fn with_author(text: &str, style: &Style) -> String {
    let who: Vec<&str> = style.words.iter().skip(1).map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
    if who.is_empty() {
        text.to_owned()
    } else {
        format!("{}\n\n— {}", text.trim_end(), morag_conversion::escape::inline(&who.join(", ")))
    }
}

/// `== Title` and its level.
fn heading(line: &str) -> Option<(usize, &str)> {
    let (marks, text) = line.split_once(' ')?;
    let level = marks.len();
    let only = |c: u8| marks.bytes().all(|b| b == c);
    ((1..=6).contains(&level) && (only(b'=') || only(b'#')) && !text.trim().is_empty())
        .then(|| (level, text.trim().trim_end_matches('=').trim_end()))
}

fn admonition(name: &str) -> Option<&'static str> {
    Some(match name {
        "NOTE" => "Note",
        "TIP" => "Tip",
        "WARNING" => "Warning",
        "IMPORTANT" => "Important",
        "CAUTION" => "Caution",
        _ => return None,
    })
}

/// Whether a line begins or ends a block: four marks or more of a kind, two dashes, three backticks, a table.
pub(super) fn is_mark(line: &str) -> bool {
    if line == "--" || line.starts_with("```") {
        return true;
    }
    let first = line.bytes().next().unwrap_or_default();
    let same = line.len() >= 4 && b"-.=_*/+".contains(&first) && line.bytes().all(|b| b == first);
    same || line.len() == 4 && b"|,:!".contains(&first) && line.ends_with("===")
}

fn ends_paragraph(line: &str) -> bool {
    is_mark(line)
        || line == "+"
        || line.starts_with("//")
        || line.starts_with("endif::")
        || line.starts_with("ifdef::")
        || line.starts_with("include::")
}

/// The lines between two of the same marks; to the end where the second is missing.
fn delimited<'a, 'b>(lines: &'b [&'a str]) -> Option<(&'b [&'a str], usize)> {
    let mark = lines[0];
    if !is_mark(mark) {
        return None;
    }
    let end = if mark.starts_with("```") { "```" } else { mark };
    Some(match lines[1..].iter().position(|line| *line == end) {
        Some(len) => (&lines[1..=len], len + 2),
        None => (&lines[1..], lines.len()),
    })
}
