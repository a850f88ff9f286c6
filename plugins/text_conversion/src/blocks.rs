//! Blocks of markdown that several formats write.

pub use morag_conversion::escape::code_span;
use morag_conversion::escape::{self, guard_line, label, push_fenced};
use morag_conversion::markdown::push_cell;

/// Ends what was written by a blank line, if anything was.
pub fn gap(out: &mut String) {
    if !out.is_empty() && !out.ends_with("\n\n") {
        out.push_str(if out.ends_with('\n') { "\n" } else { "\n\n" });
    }
}

/// Writes markdown as a block of its own.
pub fn push_block(out: &mut String, markdown: &str) {
    let markdown = markdown.trim_matches('\n').trim_end();
    if !markdown.trim().is_empty() {
        gap(out);
        out.push_str(markdown);
        out.push_str("\n\n");
    }
}

/// Writes an item of a list: its further lines are below the text of its first.
pub fn push_item(out: &mut String, marker: &str, markdown: &str) {
    let indent = " ".repeat(marker.chars().count() + 1);
    let mut lines = markdown.trim_matches('\n').trim_end().lines();
    out.push_str(marker);
    out.push(' ');
    out.push_str(lines.next().unwrap_or_default());
    out.push('\n');
    for line in lines {
        if !line.trim().is_empty() {
            out.push_str(&indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// Writes a quotation.
pub fn push_quote(out: &mut String, markdown: &str) {
    let markdown = markdown.trim_matches('\n').trim_end();
    if markdown.trim().is_empty() {
        return;
    }
    gap(out);
    for line in markdown.lines() {
        out.push_str(if line.is_empty() { ">" } else { "> " });
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
}

/// Writes a table, its first row as the header; rows are filled up to the widest. Cells are markdown of one line; bars within are escaped.
pub fn push_table(out: &mut String, rows: &[Vec<String>]) {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    if width == 0 {
        return;
    }
    gap(out);
    for (index, row) in rows.iter().enumerate() {
        out.push('|');
        for column in 0..width {
            out.push(' ');
            push_cell(out, row.get(column).map(String::as_str).unwrap_or_default());
            out.push_str(if out.ends_with(' ') { "|" } else { " |" });
        }
        out.push('\n');
        if index == 0 {
            out.push('|');
            out.push_str(&" --- |".repeat(width));
            out.push('\n');
        }
    }
    out.push('\n');
}

/// A link; the text alone where the target is none that a reader should follow. `text` is markdown.
pub fn link(text: &str, target: &str) -> String {
    let Some(address) = morag_conversion::address::target(target) else { return text.to_owned() };
    let text = if text.trim().is_empty() { label(target) } else { closed(text.trim()) };
    format!("[{text}]({address})")
}

/// A picture; its words alone where the target is none that a reader should follow. Both are plain text.
pub fn picture(alt: &str, target: &str) -> String {
    let alt = if alt.trim().is_empty() { target } else { alt };
    morag_conversion::link::picture(alt, target, None)
}

/// Markdown in which no bracket closes one before it.
fn closed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut open, mut is_escaped) = (0u32, false);
    for c in text.chars() {
        match c {
            '[' if !is_escaped => open += 1,
            ']' if !is_escaped && open == 0 => out.push('\\'),
            ']' if !is_escaped => open -= 1,
            _ => {}
        }
        is_escaped = c == '\\' && !is_escaped;
        out.push(c);
    }
    out
}

/// A line without its indent of some columns; tabs are four.
pub fn dedent(line: &str, columns: usize) -> &str {
    let mut left = columns;
    let mut at = 0;
    for c in line.chars() {
        let width = match c {
            ' ' => 1,
            '\t' => 4,
            _ => break,
        };
        if left < width {
            break;
        }
        left -= width;
        at += c.len_utf8();
    }
    &line[at..]
}

/// Columns that a line is indented by; tabs are four.
pub fn indent(line: &str) -> usize {
    line.chars()
        .map_while(|c| match c {
            ' ' => Some(1),
            '\t' => Some(4),
            _ => None,
        })
        .sum()
}

/// A formula of its own; nothing for an empty one.
pub fn formula(latex: &str) -> String {
    let latex = escape::formula(latex);
    if latex.is_empty() { latex } else { format!("$$\n{latex}\n$$") }
}

/// A formula within a line; nothing for an empty one.
pub fn inline_formula(latex: &str) -> String {
    let latex = escape::formula(latex).split_whitespace().collect::<Vec<_>>().join(" ");
    if latex.is_empty() { latex } else { format!("${latex}$") }
}

/// Markdown of one paragraph, whose lines begin nothing else.
pub fn paragraph(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(guard_line).collect();
    let text = lines.join("\n");
    match text.chars().next() {
        Some('#' | '>' | '+' | '-') => format!("\\{text}"),
        _ => text,
    }
}

/// Writes lines as code, without the indent that all have.
pub fn push_code(out: &mut String, language: &str, lines: &[&str]) {
    let common = lines.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap_or(0);
    let text = lines.iter().map(|line| dedent(line, common)).collect::<Vec<_>>().join("\n");
    let text = text.trim_matches('\n');
    if !text.trim().is_empty() {
        gap(out);
        push_fenced(out, language, text);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stand_apart() {
        let mut out = String::new();
        push_block(&mut out, "a\n");
        push_item(&mut out, "-", "b\n\nc");
        push_quote(&mut out, "d\n\ne");
        push_table(&mut out, &[vec!["f|".into()], vec!["g".into(), String::new()]]);
        assert_eq!(out, "a\n\n- b\n\n  c\n\n> d\n>\n> e\n\n| f\\| | |\n| --- | --- |\n| g | |\n\n");
    }

    #[test]
    fn links_and_pictures_go_where_a_reader_should() {
        assert_eq!(link("a *b*", " http://x/(1) "), "[a *b*](http://x/%281%29)");
        assert_eq!(link("a](javascript:1) b", "c d"), "[a\\](javascript:1) b](c%20d)");
        assert_eq!(link("a [b] \\[c]", "x"), "[a [b] \\[c\\]](x)");
        assert_eq!((link("a", "JavaScript:1").as_str(), link("", "x").as_str()), ("a", "[x](x)"));
        assert_eq!(picture("a](b) <i>", "x.png"), "![a\\](b) \\<i>](x.png)");
        assert_eq!((picture("a", "data:text/html,x").as_str(), picture(" ", "x").as_str()), ("a", "![x](x)"));
    }

    #[test]
    fn indents_are_of_columns() {
        assert_eq!((indent("\t a"), dedent("\t a", 4), dedent(" a", 4)), (5, " a", "a"));
    }
}
