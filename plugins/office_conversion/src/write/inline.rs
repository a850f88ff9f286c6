//! Text within a block: its emphasis, its links, and escapes where its characters would be markup.

use morag_conversion::address::target;
use morag_conversion::escape::{begins_entity, begins_tag, guard_line, join};

/// How a run of text is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// `**bold**`
    pub bold: bool,
    /// `*italic*`
    pub italic: bool,
    /// `~~struck out~~`
    pub strike: bool,
    /// `` `code` ``
    pub code: bool,
}

#[derive(Debug, Clone)]
enum Run {
    Text { text: String, style: Style, link: Option<String> },
    Raw(String),
}

/// A block's text while it is collected.
#[derive(Debug, Clone, Default)]
pub struct Inline {
    runs: Vec<Run>,
    link: Option<String>,
}

impl Inline {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text. A line end in it stays one; other control characters are left out.
    pub fn push(&mut self, text: &str, style: Style) {
        if let Some(Run::Text { text: before, style: its_style, link }) = self.runs.last_mut()
            && *its_style == style
            && *link == self.link
        {
            before.extend(text.chars().filter_map(shown));
            return;
        }
        let text: String = text.chars().filter_map(shown).collect();
        if !text.is_empty() {
            self.runs.push(Run::Text { text, style, link: self.link.clone() });
        }
    }

    /// Adds text without emphasis.
    pub fn plain(&mut self, text: &str) {
        self.push(text, Style::default());
    }

    /// Adds markdown as it is.
    pub fn raw(&mut self, markdown: &str) {
        if !markdown.is_empty() {
            self.runs.push(Run::Raw(markdown.to_owned()));
        }
    }

    /// What follows is a link to this address, until it is none again. Only addresses that a reader can use stay links: a place within the
    /// document is none, since markdown has no names of places.
    pub fn link(&mut self, address: Option<&str>) {
        // Longer ones are data in the address.
        const ADDRESS_BYTES_MAX: usize = 2048;
        let usable = |address: &&str| address.len() <= ADDRESS_BYTES_MAX && !address.starts_with('#');
        self.link = address.map(str::trim).filter(usable).and_then(target);
    }

    /// Whether it would be empty.
    pub fn is_blank(&self) -> bool {
        self.runs.iter().all(|run| match run {
            Run::Text { text, .. } => text.trim().is_empty(),
            Run::Raw(_) => false,
        })
    }

    /// The markdown, which may have several lines.
    pub fn finish(&self) -> String {
        let mut out = String::new();
        for (index, run) in self.runs.iter().enumerate() {
            match run {
                Run::Raw(markdown) => join(&mut out, markdown),
                Run::Text { text, style, link } => {
                    let after = match self.runs.get(index + 1) {
                        Some(Run::Text { text, .. }) => text.chars().next(),
                        Some(Run::Raw(markdown)) => markdown.chars().next(),
                        None => None,
                    };
                    push_run(&mut out, text, *style, link.as_deref(), after.unwrap_or(' '));
                }
            }
        }
        guard(&out)
    }
}

/// A character as it is shown; none for those that no reader shows.
fn shown(c: char) -> Option<char> {
    match c {
        '\n' => Some('\n'),
        '\t' | '\r' | '\u{b}' | '\u{c}' => Some(' '),
        // A hyphen that shows only at the end of a line, marks of byte order and of direction.
        '\u{ad}' | '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => None,
        c if c.is_control() => None,
        c => Some(c),
    }
}

fn push_run(out: &mut String, text: &str, style: Style, link: Option<&str>, after: char) {
    let inner = text.trim();
    if inner.is_empty() {
        out.push_str(text);
        return;
    }
    let start = text.len() - text.trim_start().len();
    let (lead, tail) = (&text[..start], &text[start + inner.len()..]);
    out.push_str(lead);
    let before = out.chars().next_back().unwrap_or(' ');
    let after = if tail.is_empty() { after } else { ' ' };
    let mut own = String::with_capacity(inner.len() + 8);
    if link.is_some() {
        own.push('[');
    }
    if style.code && !inner.contains(['`', '\n']) {
        own.push('`');
        own.push_str(inner);
        own.push('`');
    } else {
        // Between a letter and a mark of punctuation, stars are not emphasis.
        let (first, last) = (inner.chars().next().unwrap_or(' '), inner.chars().next_back().unwrap_or(' '));
        let opens = first.is_alphanumeric() || !before.is_alphanumeric();
        let closes = last.is_alphanumeric() || !after.is_alphanumeric();
        // Stars beside stars would be counted together; over several lines, a block may end between them.
        let clear = !before.eq(&'*') && !inner.contains('\n') && inner.chars().any(char::is_alphanumeric);
        let (mut open, mut close) = (String::new(), String::new());
        if link.is_some() || (opens && closes && clear) {
            for (_, mark) in
                [(style.bold, "**"), (style.italic, "*"), (style.strike, "~~")].iter().filter(|(on, _)| *on)
            {
                open.push_str(mark);
                close.insert_str(0, mark);
            }
        }
        own.push_str(&open);
        let before = own.chars().next_back().unwrap_or(before);
        push_escaped(&mut own, inner, before, tail.chars().next());
        own.push_str(&close);
    }
    if let Some(address) = link {
        own.push_str("](");
        own.push_str(address);
        own.push(')');
    }
    join(out, &own);
    out.push_str(tail);
}

/// Writes text within a line, between two characters; what follows it may not be known.
fn push_escaped(out: &mut String, text: &str, mut before: char, end: Option<char>) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().or(end);
        let after = next.unwrap_or(' ');
        let escape = match c {
            '`' | '[' | ']' => true,
            '*' => !(before.is_whitespace() && after.is_whitespace()),
            '_' => {
                !(before.is_alphanumeric() && after.is_alphanumeric()
                    || before.is_whitespace() && after.is_whitespace())
            }
            '~' => after == '~' || before == '~',
            '<' => next.is_none_or(begins_tag),
            '&' => next.is_none_or(begins_entity),
            '\\' => after.is_ascii_punctuation() || after.is_whitespace(),
            _ => false,
        };
        if escape {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
}

/// Text without emphasis as markdown.
pub fn escape(text: &str) -> String {
    let mut inline = Inline::new();
    inline.plain(text);
    inline.finish()
}

/// Text of a table's cell: there no line begins a block.
pub fn escape_cell(text: &str) -> String {
    let shown: String = text.chars().filter_map(shown).collect();
    if shown.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | ':' | '%' | '/' | '(' | ')')) {
        return shown;
    }
    let mut out = String::with_capacity(shown.len() + 4);
    push_escaped(&mut out, &shown, ' ', Some(' '));
    out
}

/// Lines without blanks at their ends, and escaped where they would begin another block.
pub fn guard(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(guard_line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Parser};

    const BOLD: Style = Style { bold: true, italic: false, strike: false, code: false };

    #[test]
    fn runs_are_joined_and_blanks_kept_outside() {
        let mut inline = Inline::new();
        inline.plain("It is ");
        inline.push("very ", BOLD);
        inline.push("bold ", BOLD);
        inline.plain("text");
        assert_eq!(inline.finish(), "It is **very bold** text");
    }

    #[test]
    fn emphasis_that_would_not_be_read_as_such_is_left_out() {
        let mut inline = Inline::new();
        inline.plain("a");
        inline.push("(b)", BOLD);
        inline.plain("c");
        assert_eq!(inline.finish(), "a(b)c");
    }

    #[test]
    fn links_go_where_a_reader_can() {
        let mut inline = Inline::new();
        inline.link(Some("https://a.example/x_(y)"));
        inline.plain("one");
        inline.link(Some("javascript:alert(1)"));
        inline.plain(" two");
        inline.link(None);
        assert_eq!(inline.finish(), "[one](https://a.example/x_%28y%29) two");
        let mut inline = Inline::new();
        inline.link(Some("tel:1<b>`\\&lt;"));
        inline.plain("a](javascript:1) <i>");
        assert_eq!(inline.finish(), "[a\\](javascript:1) \\<i>](tel:1%3Cb%3E%60%5C\\&lt;)");
    }

    #[test]
    fn text_that_would_be_markup_is_escaped() {
        for (text, written) in [
            ("# a", "\\# a"),
            ("- a\n1. b", "\\- a\n1\\. b"),
            ("snake_case costs 3 * 4 < 5 & more", "snake_case costs 3 * 4 < 5 & more"),
            ("*a* <b> [c] `d`", "\\*a\\* \\<b> \\[c\\] \\`d\\`"),
            ("---", "\\---"),
        ] {
            assert_eq!(escape(text), written);
        }
    }

    fn letters(text: &str) -> String {
        text.chars().filter(|c| c.is_alphanumeric()).collect()
    }

    proptest! {
        // What a reader of the markdown sees has every letter of the text, in order.
        #[test]
        fn no_letter_is_lost(runs in proptest::collection::vec(("([a-c1#*_<>&\\[\\]()`~|=+:.!/ \\\\-]|\n){0,12}", any::<[bool; 4]>()), 0..6)) {
            let mut inline = Inline::new();
            for (text, [bold, italic, strike, code]) in &runs {
                inline.push(text, Style { bold: *bold, italic: *italic, strike: *strike, code: *code });
            }
            let text: String = runs.iter().map(|(text, _)| text.as_str()).collect();
            let markdown = inline.finish();
            let shown: String = Parser::new(&markdown)
                .map(|event| match event {
                    Event::Text(text) | Event::Code(text) => text.to_string(),
                    _ => String::new(),
                })
                .collect();
            prop_assert_eq!(letters(&shown), letters(&text), "{}", markdown);
        }
    }
}
