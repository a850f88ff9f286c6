//! Plain text within markdown: what would be markup by accident is escaped, and nothing else, so that the text stays readable.

/// The character of a line that is only one of `= - ~ * _`, three times or more.
pub fn rule(line: &str) -> Option<char> {
    let line = line.trim();
    let first = line.chars().next().filter(|c| "=-~*_".contains(*c))?;
    (line.len() >= 3 && line.chars().all(|c| c == first)).then_some(first)
}

/// Whether a line would make a table of the line before it: only `|`, `-` and `:`, both a bar and a dash among them. A bar within code divides
/// a row too, so that a table by accident would open what stands in code.
pub fn is_delimiter_row(line: &str) -> bool {
    line.contains('|') && line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
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
    if is_delimiter_row(text)
        || marks_heading
        || underlines
        || fences
        || empty_item
        || (rule(text).is_some() && first != '=')
    {
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
    /// The block has more than this, which may have open brackets.
    is_part: bool,
}

impl Context {
    /// Of the lines of a block.
    pub fn of(lines: &[&str]) -> Self {
        let links = lines.iter().any(|line| ["](", "]:", "]["].iter().any(|part| line.contains(part)));
        Self { links, is_part: false }
    }

    /// Of a text that is part of a line, beside markup.
    pub fn of_part(text: &str) -> Self {
        Self { is_part: true, ..Self::of(&[text]) }
    }
}

/// Writes text within a line, its markup escaped. More may follow on the line: what its last character would begin there is escaped too.
pub fn push_escaped(out: &mut String, text: &str, context: Context) {
    let mut before = ' ';
    let mut rest = text;
    // Brackets that are open: one that closes none here would close one that the block has before this text.
    let mut open = 0u32;
    while let Some(c) = rest.chars().next() {
        let next = rest[c.len_utf8()..].chars().next();
        let after = next.unwrap_or(' ');
        if let Some(span) = (c == '`' && before != '`').then(|| own_code(rest)).flatten() {
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
            '<' => next.is_none_or(begins_tag),
            '&' => next.is_none_or(begins_entity),
            '[' => {
                open += 1;
                context.links
            }
            ']' => {
                let is_unopened = open == 0;
                open = open.saturating_sub(1);
                // One that is opened here is escaped there, and leaves this one to a bracket that is open before this text.
                context.links && (is_unopened || context.is_part && matches!(after, '(' | '[' | ':'))
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

/// Whether `<` and this character begin a tag, a comment or an address.
pub fn begins_tag(after: char) -> bool {
    after.is_ascii_alphabetic() || matches!(after, '/' | '!' | '?')
}

/// Whether `&` and this character begin the name or the number of a character.
pub fn begins_entity(after: char) -> bool {
    after == '#' || after.is_ascii_alphabetic()
}

/// Writes markdown after other markdown of its line, so that the end of the one and the beginning of the other are no markup together: two
/// spans of code beside each other, whose marks would be counted as one, or a bracket and an address.
pub fn join(out: &mut String, markdown: &str) {
    if let (Some(last), Some(first)) = (out.chars().next_back(), markdown.chars().next()) {
        let before = &out[..out.len() - last.len_utf8()];
        let is_escaped = before.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
        match (last, first) {
            ('`', '`') => out.push(' '),
            _ if is_escaped => {}
            (']', '(' | ':') | ('~', '~') => out.push('\\'),
            ('!', '[') => out.insert(out.len() - 1, '\\'),
            ('<', first) if begins_tag(first) => out.insert(out.len() - 1, '\\'),
            ('&', first) if begins_entity(first) => out.insert(out.len() - 1, '\\'),
            ('\\', _) => out.push('\\'),
            _ => {}
        }
    }
    out.push_str(markdown);
}

/// A formula that is no markup to readers who know no formulas either: what would begin a tag, a link, code or a fence there is written
/// with blanks, which mean nothing in a formula. Blank lines, which no formula has, are left out.
pub fn formula(latex: &str) -> String {
    let mut out = String::with_capacity(latex.len());
    for line in latex.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            out.push('\n');
        }
        let mut before = '\n';
        for c in line.chars() {
            let is_parted = match before {
                '<' => begins_tag(c),
                ']' => matches!(c, '(' | ':'),
                '~' => c == '~',
                _ => false,
            };
            if is_parted {
                out.push(' ');
            }
            // The sign in a formula that a backtick is printed as.
            out.push(if c == '`' { '‘' } else { c });
            before = c;
        }
    }
    out
}

/// A note, as it stands below the text: `[^label]: text`. To readers who know no notes this is the address of a link, and the text's first
/// word is where it leads: one that no reader should follow is written as code.
pub fn note(label: &str, text: &str) -> String {
    let text = text.trim();
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    let address = word.replace('\\', "");
    // After the address only a title may stand; more words are a text.
    let after = text[word.len()..].lines().next().unwrap_or_default().trim();
    let is_text = word.is_empty() || !(after.is_empty() || after.starts_with(['"', '\'', '(']));
    if is_text || crate::address::target(&address).is_some() {
        return format!("[^{label}]: {text}");
    }
    format!("[^{label}]: {}{}", code_span(&address), &text[word.len()..])
}

/// Text within a line as code.
pub fn code_span(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A line of markdown, escaped where it would begin another block than a paragraph.
pub fn guard_line(line: &str) -> String {
    let line = line.trim();
    let hashes = line.len() - line.trim_start_matches('#').len();
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let blank_after = |at: usize| line[at..].chars().next().is_none_or(char::is_whitespace);
    let only = |mark: char| line.chars().all(|c| c == mark || c == ' ');
    if ((1..=6).contains(&hashes) && blank_after(hashes))
        || line.starts_with('>')
        || (line.starts_with(['-', '+', '*']) && blank_after(1))
        || line.starts_with("~~~") && !line.ends_with("~~")
        || !line.is_empty() && (only('-') || only('='))
        || is_delimiter_row(line)
    {
        return format!("\\{line}");
    }
    if (1..=9).contains(&digits) && line[digits..].starts_with(['.', ')']) && blank_after(digits + 1) {
        return format!("{}\\{}", &line[..digits], &line[digits..]);
    }
    line.to_owned()
}

/// `` `word` `` at the start of the text, which is code to its reader too.
fn own_code(text: &str) -> Option<&str> {
    let end = text[1..].find('`')? + 1;
    let inner = &text[1..end];
    let clean = !inner.is_empty() && inner.trim() == inner && !text[end + 1..].starts_with('`');
    clean.then_some(&text[..=end])
}

/// A text of one line or several as one line of markdown.
pub fn inline(text: &str) -> String {
    one_line(text, Context { links: true, is_part: false })
}

/// A text of one line or several as part of a line of markdown, beside markup.
pub fn inline_part(text: &str) -> String {
    one_line(text, Context { links: true, is_part: true })
}

fn one_line(text: &str, context: Context) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    push_escaped(&mut out, &text.split_whitespace().collect::<Vec<_>>().join(" "), context);
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
            '&' => chars.peek().is_some_and(|after| begins_entity(*after)),
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
    fn what_follows_on_the_line_begins_no_markup() {
        let joined = |parts: &[&str]| {
            let mut out = String::new();
            parts.iter().for_each(|part| join(&mut out, part));
            out
        };
        for (parts, line) in [
            (["`a`", "`b`"], "`a` `b`"),
            (["[a]", "(b)"], "[a]\\(b)"),
            (["\\[a\\]", "(b)"], "\\[a\\](b)"),
            (["[^1]", ": b"], "[^1]\\: b"),
            (["Oh!", "[a](b)"], "Oh\\![a](b)"),
            (["<", "b>"], "\\<b>"),
            (["<", "5"], "<5"),
            (["&", "lt;"], "\\&lt;"),
            (["~", "~"], "~\\~"),
            (["\\\\", "`b`"], "\\\\`b`"),
            (["\\", "`b`"], "\\\\`b`"),
        ] {
            assert_eq!(joined(&parts), line);
        }
        let part = |text: &str| {
            let mut out = String::new();
            push_escaped(&mut out, text, Context::of_part(text));
            out
        };
        assert_eq!((part("a <").as_str(), part("a &").as_str(), part("a < b").as_str()), ("a \\<", "a \\&", "a < b"));
        assert_eq!((part("[a](b)").as_str(), part("[a] b").as_str()), ("\\[a\\](b)", "[a] b"));
    }

    #[test]
    fn a_formula_is_no_markup_and_says_the_same() {
        assert_eq!(formula("a<b </x> 1<2 x<!y"), "a< b < /x> 1<2 x< !y");
        assert_eq!(formula(" \n[a](b)\n\n [c]: d \n"), "[a] (b)\n[c] : d");
        assert_eq!(formula("`x' ~~~"), "‘x' ~ ~ ~");
    }

    #[test]
    fn a_note_is_no_link_to_an_address_that_is_not_followed() {
        assert_eq!(note("1", "javascript:alert(1) 'a'"), "[^1]: `javascript:alert(1)` 'a'");
        assert_eq!((note("1", "Note: b"), note("1", "http://x")), ("[^1]: Note: b".into(), "[^1]: http://x".into()));
    }

    #[test]
    fn a_line_of_bars_and_dashes_makes_no_table() {
        assert_eq!(paragraphs("a | b\n-|-\n`c|<d>`"), "a | b\n\\-|-\n`c|<d>`\n\n");
        assert_eq!((guard_line("|-|:-|").as_str(), guard_line("a|-").as_str()), ("\\|-|:-|", "a|-"));
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
