//! Plain text within markdown: what would be markup by accident is escaped, and nothing else, so that the text stays readable.

/// The character of a line that is only one of `= - ~ * _`, three times or more.
pub fn rule(line: &str) -> Option<char> {
    let line = line.trim();
    let first = line.chars().next().filter(|c| "=-~*_".contains(*c))?;
    (line.len() >= 3 && line.chars().all(|c| c == first)).then_some(first)
}

/// Writes a line of plain text as markdown that reads the same. `starts_block`: the line is the first of its paragraph, so that a line of
/// dashes cannot make a heading of the one before it.
pub fn push_line(out: &mut String, text: &str, context: Context, starts_block: bool) {
    let first = text.chars().next().unwrap_or(' ');
    let hashes = text.len() - text.trim_start_matches('#').len();
    let marks_heading = (1..=6).contains(&hashes) && text[hashes..].chars().next().is_none_or(char::is_whitespace);
    let underlines = !starts_block && (text.chars().all(|c| c == '=') || text.chars().all(|c| c == '-'));
    let fences = text.starts_with("```") || text.starts_with("~~~");
    // `-` alone, or `+ ` with nothing after it, is an empty item.
    let empty_item = matches!(text, "-" | "*" | "+");
    if marks_heading || underlines || fences || empty_item || (rule(text).is_some() && first != '=') {
        out.push('\\');
        out.push(first);
        push_escaped(out, &text[first.len_utf8()..], context);
        return;
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let ordered =
        text[digits..].strip_prefix(['.', ')']).is_some_and(|rest| !rest.starts_with(|c: char| !c.is_whitespace()));
    if (1..=9).contains(&digits) && ordered {
        out.push_str(&text[..digits]);
        out.push('\\');
        push_escaped(out, &text[digits..], context);
        return;
    }
    push_escaped(out, text, context);
}

/// Writes one line of plain text as the beginning of a paragraph; control characters are blanks.
pub fn push_paragraph(out: &mut String, line: &str) {
    let line: String = line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    push_line(out, &line, Context::of(&[&line]), true);
}

/// What a block holds that decides about its escapes.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Brackets make a link or define one.
    links: bool,
}

impl Context {
    /// Of the lines of a block.
    pub fn of(lines: &[&str]) -> Self {
        let links = lines.iter().any(|line| ["](", "]:", "]["].iter().any(|part| line.contains(part)));
        Self { links }
    }
}

/// Writes text within a line, its markup escaped.
pub fn push_escaped(out: &mut String, text: &str, context: Context) {
    let mut before = ' ';
    let mut rest = text;
    // Brackets that are open: one that closes none here would close one that the block has before this text.
    let mut open = 0u32;
    while let Some(c) = rest.chars().next() {
        let after = rest[c.len_utf8()..].chars().next().unwrap_or(' ');
        if let Some(span) = (c == '`' && before != '`').then(|| code_span(rest)).flatten() {
            out.push_str(span);
            before = '`';
            rest = &rest[span.len()..];
            continue;
        }
        let escape = match c {
            '`' => true,
            '*' => !(before.is_whitespace() && after.is_whitespace()),
            '_' => !before.is_alphanumeric() && !after.is_whitespace(),
            '~' => after == '~' || before == '~',
            '<' => after.is_ascii_alphabetic() || matches!(after, '/' | '!' | '?'),
            '&' => after == '#' || after.is_ascii_alphabetic(),
            '[' => {
                open += 1;
                context.links
            }
            ']' => {
                let is_unopened = open == 0;
                open = open.saturating_sub(1);
                is_unopened && context.links
            }
            '\\' => after.is_ascii_punctuation() || after == ' ' && rest.len() == 1,
            _ => false,
        };
        if escape {
            out.push('\\');
        }
        out.push(c);
        before = c;
        rest = &rest[c.len_utf8()..];
    }
}

/// `` `word` `` at the start of the text, which is code to its reader too.
fn code_span(text: &str) -> Option<&str> {
    let end = text[1..].find('`')? + 1;
    let inner = &text[1..end];
    let clean = !inner.is_empty() && inner.trim() == inner && !text[end + 1..].starts_with('`');
    clean.then_some(&text[..=end])
}

/// A text of one line or several as one line of markdown.
pub fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    push_escaped(&mut out, &text.split_whitespace().collect::<Vec<_>>().join(" "), Context { links: true });
    out
}

/// Plain text as the words of a link or a picture: one line, in which nothing is markup.
pub fn label(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_markup = match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '~' | '$' => true,
            '&' => chars.peek().is_some_and(|after| *after == '#' || after.is_ascii_alphabetic()),
            // `[^` begins the reference to a note.
            '^' => out.is_empty(),
            c if c.is_control() => continue,
            _ => false,
        };
        if is_markup {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The same where it stands alone: it begins no block either.
pub fn plain_label(text: &str) -> String {
    let label = label(text);
    let mark = match label.trim_start_matches(|c: char| c.is_ascii_digit()) {
        rest if rest.len() == label.len() && label.starts_with(['#', '>', '-', '+', '=']) => 0,
        rest if rest.len() < label.len() && rest.starts_with(['.', ')']) => label.len() - rest.len(),
        _ => return label,
    };
    format!("{}\\{}", &label[..mark], &label[mark..])
}

/// Plain text as paragraphs of markdown: line ends are kept, a line that begins with `>` stays a quotation.
pub fn paragraphs(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut block: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            block.push(line.trim());
            continue;
        }
        let context = Context::of(&block);
        for (index, line) in block.drain(..).enumerate() {
            push_line(&mut out, line, context, index == 0);
            out.push('\n');
        }
        if !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
    }
    out
}

/// Writes a heading of level 1 to 6: deeper ones are of level 6.
pub fn push_heading(out: &mut String, level: usize, text: &str) {
    if !out.is_empty() {
        out.push_str(if out.ends_with("\n\n") {
            ""
        } else if out.ends_with('\n') {
            "\n"
        } else {
            "\n\n"
        });
    }
    out.push_str(&"#".repeat(level.clamp(1, 6)));
    out.push(' ');
    let text = inline(text);
    out.push_str(&text);
    // `# a #` is read as `# a`.
    if text.ends_with('#') {
        out.truncate(out.len() - 1);
        out.push_str("\\#");
    }
    out.push_str("\n\n");
}

/// Writes a fenced block, with a fence longer than any within it. `language` may be empty.
pub fn push_fenced(out: &mut String, language: &str, text: &str) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let language: String =
        language.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '+' | '#' | '.')).take(30).collect();
    out.push_str(&fence);
    out.push_str(&language);
    out.push('\n');
    out.push_str(text.trim_end_matches('\n'));
    out.push_str(if text.trim_end_matches('\n').is_empty() { "" } else { "\n" });
    out.push_str(&fence);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_would_be_markup_are_escaped() {
        assert_eq!(paragraphs("# a\n---\n> b\n\n1. c\n* d"), "\\# a\n\\---\n> b\n\n1\\. c\n* d\n\n");
        assert_eq!(inline(" a\n*b* [c](d) "), "a \\*b\\* \\[c](d)");
    }

    #[test]
    fn a_paragraph_of_plain_text_reads_the_same() {
        let plain = |text: &str| {
            let mut out = String::new();
            push_paragraph(&mut out, text);
            out
        };
        for same in ["3.5 kg", "a - b", "snake_case", "5 * 3", "AT & T", "x < 3", "[00:00:01] said", "C#"] {
            assert_eq!(plain(same), same);
        }
        for (text, escaped) in [
            ("# one", "\\# one"),
            ("1. one", "1\\. one"),
            ("*bold*", "\\*bold\\*"),
            ("_so_", "\\_so_"),
            ("[a](b)", "\\[a](b)"),
            ("<b>", "\\<b>"),
            ("&lt;", "\\&lt;"),
            ("---", "\\---"),
            (" a\u{7}b\n", "a b"),
        ] {
            assert_eq!(plain(text), escaped);
        }
    }

    /// The bracket that it closes may stand before some other markup: `[a *b*](c)`.
    #[test]
    fn a_bracket_that_closes_none_makes_no_link() {
        let written = |text: &str| {
            let mut out = String::new();
            push_escaped(&mut out, text, Context::of(&[text]));
            out
        };
        assert_eq!(written("](javascript:1)"), "\\](javascript:1)");
        assert_eq!((written("a] b"), written("[a](b)")), ("a] b".into(), "\\[a](b)".into()));
    }

    #[test]
    fn headings_are_lines_of_their_own() {
        let mut out = String::from("a\n");
        push_heading(&mut out, 9, "C\n#");
        assert_eq!(out, "a\n\n###### C \\#\n\n");
    }

    #[test]
    fn a_fence_is_longer_than_those_within() {
        let mut out = String::new();
        push_fenced(&mut out, "c++ x", "````\n");
        assert_eq!(out, "`````c++x\n````\n`````\n");
    }
}
