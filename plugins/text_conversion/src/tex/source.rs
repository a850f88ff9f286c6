//! The source, with the ends of its groups and environments found beforehand, so that each is looked for once.

use std::collections::HashMap;
use std::ops::Range;

/// Environments whose text is no LaTeX.
pub(super) const VERBATIM: [&str; 9] =
    ["verbatim", "verbatim*", "Verbatim", "lstlisting", "minted", "alltt", "comment", "filecontents", "filecontents*"];
/// Bytes of a formula: a longer one has lost its end.
const FORMULA_BYTES_MAX: usize = 10_000;
/// Bytes of an optional argument.
const OPTIONAL_BYTES_MAX: usize = 500;

/// A text, and where its groups and environments end.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    /// For each `{` the place of its `}`, else 0.
    close: Vec<u32>,
    /// For each `\begin` that has one, the place of its `\end`.
    ends: HashMap<usize, usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut own = Self { text, close: vec![0; bytes.len()], ends: HashMap::new() };
        let mut groups: Vec<usize> = Vec::new();
        let mut environments: Vec<(&str, usize)> = Vec::new();
        // How often a name is open: an end without its begin closes nothing.
        let mut open: HashMap<&str, usize> = HashMap::new();
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'%' => at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at),
                b'{' => groups.push(at),
                b'}' => {
                    if let Some(group) = groups.pop() {
                        own.close[group] = at as u32;
                    }
                }
                b'\\' => {
                    let name = command_name(&text[at + 1..]);
                    match name {
                        "begin" => {
                            if let Some((name, after)) = environment_name(text, at + 1 + "begin".len()) {
                                if VERBATIM.contains(&name) {
                                    // Without its end it is the rest of the text.
                                    let end = format!("\\end{{{name}}}");
                                    let end = text[after..].find(&end).map_or(text.len(), |end| after + end);
                                    own.ends.insert(at, end);
                                    at = end;
                                    continue;
                                }
                                environments.push((name, at));
                                *open.entry(name).or_default() += 1;
                            }
                        }
                        "end" => {
                            let name = environment_name(text, at + 1 + "end".len()).map(|(name, _)| name);
                            if let Some(name) = name.filter(|name| open.get(name).is_some_and(|count| *count > 0)) {
                                // Those within it that have no end end here.
                                while let Some((own_name, begin)) = environments.pop() {
                                    if let Some(count) = open.get_mut(own_name) {
                                        *count -= 1;
                                    }
                                    own.ends.insert(begin, at);
                                    if own_name == name {
                                        break;
                                    }
                                }
                            }
                        }
                        "verb" => {
                            at += verbatim(&text[at..]).map_or(0, |(_, len)| len - 1);
                        }
                        "" => at += 1,
                        name => at += name.len(),
                    }
                }
                _ => {}
            }
            at += 1;
        }
        own
    }

    /// Where the group that begins at `at` ends.
    pub(super) fn close(&self, at: usize) -> Option<usize> {
        self.close.get(at).map(|close| *close as usize).filter(|close| *close > 0)
    }

    /// Where the environment that begins at `at` ends.
    pub(super) fn end(&self, at: usize) -> Option<usize> {
        self.ends.get(&at).copied()
    }

    /// The inside of the document; all where the text is a part of one.
    pub(super) fn document(&self) -> Range<usize> {
        const BEGIN: &str = "\\begin{document}";
        match self.text.find(BEGIN) {
            Some(at) => at + BEGIN.len()..self.end(at).unwrap_or(self.text.len()),
            None => 0..self.text.len(),
        }
    }

    /// An argument in braces, after white space; and where it ends.
    pub(super) fn argument(&self, range: Range<usize>) -> Option<(Range<usize>, usize)> {
        let rest = &self.text[range.clone()];
        let at = range.start + rest.len() - rest.trim_start().len();
        let close = self.close(at).filter(|close| *close < range.end && self.text[at..].starts_with('{'))?;
        Some((at + 1..close, close + 1))
    }

    /// An optional argument in brackets; and where it ends.
    pub(super) fn optional(&self, range: Range<usize>) -> Option<(Range<usize>, usize)> {
        let bytes = self.text.as_bytes();
        if bytes.get(range.start) != Some(&b'[') {
            return None;
        }
        let mut at = range.start + 1;
        while at < range.end.min(range.start + OPTIONAL_BYTES_MAX) {
            match bytes[at] {
                b']' => return Some((range.start + 1..at, at + 1)),
                b'{' => at = self.close(at).unwrap_or(at),
                b'\n' if bytes.get(at + 1) == Some(&b'\n') => return None,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Places of marks in a range, outside of groups, environments, formulas and comments. A mark is found by `mark`, which gives its bytes.
    pub(super) fn top_level(&self, range: Range<usize>, mark: impl Fn(&str) -> Option<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let bytes = self.text.as_bytes();
        let mut at = range.start;
        while at < range.end {
            let rest = &self.text[at..range.end];
            if let Some(len) = mark(rest).filter(|len| *len > 0) {
                found.push(at..at + len);
                at += len;
                continue;
            }
            match bytes[at] {
                b'{' => at = self.close(at).unwrap_or(at),
                b'%' => at += rest.find('\n').unwrap_or(rest.len()),
                b'$' => at += end_of_formula(&rest[1..], "$").map_or(0, |len| len + 1),
                b'\\' if rest.starts_with("\\begin") => at = self.end(at).unwrap_or(at),
                b'\\' if rest.starts_with("\\verb") => at += verbatim(rest).map_or(0, |(_, len)| len - 1),
                // An escaped character, which may be of several bytes.
                b'\\' => at += rest[1..].chars().next().map_or(0, char::len_utf8),
                _ => {}
            }
            at += 1;
            while at < range.end && !self.text.is_char_boundary(at) {
                at += 1;
            }
        }
        found
    }
}

/// The name of a command after its backslash; empty for one of a sign.
pub(super) fn command_name(rest: &str) -> &str {
    &rest[..rest.bytes().position(|b| !b.is_ascii_alphabetic()).unwrap_or(rest.len())]
}

/// The name in braces of a `\begin` or `\end`, and where it ends.
pub(super) fn environment_name(text: &str, at: usize) -> Option<(&str, usize)> {
    // No name is longer.
    const NAME_BYTES_MAX: usize = 60;
    let rest = &text[at..];
    let open = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let inner = rest[open..].strip_prefix('{')?;
    let end = inner.bytes().take(NAME_BYTES_MAX).position(|b| b == b'}')?;
    let name = &inner[..end];
    (!name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '*' || c == '-'))
        .then_some((name, at + open + end + 2))
}

/// The text of `\verb|…|`, and the bytes of all.
pub(super) fn verbatim(rest: &str) -> Option<(&str, usize)> {
    let after = rest.strip_prefix("\\verb")?;
    let starred = after.strip_prefix('*').unwrap_or(after);
    let mark = starred.chars().next().filter(|c| !c.is_alphanumeric() && !c.is_whitespace())?;
    let inner = &starred[mark.len_utf8()..];
    let line = &inner[..inner.find('\n').unwrap_or(inner.len()).min(inner.floor_char_boundary(OPTIONAL_BYTES_MAX))];
    let end = line.find(mark)?;
    Some((&inner[..end], rest.len() - inner.len() + end + mark.len_utf8()))
}

/// Bytes up to the mark that ends a formula: not escaped, and no blank line before it.
pub(super) fn end_of_formula(inner: &str, mark: &str) -> Option<usize> {
    let near = &inner[..inner.floor_char_boundary(FORMULA_BYTES_MAX)];
    let near = &near[..near.find("\n\n").unwrap_or(near.len())];
    let mut from = 0;
    loop {
        let at = from + near[from..].find(mark)?;
        let slashes = near[..at].bytes().rev().take_while(|b| *b == b'\\').count();
        if slashes % 2 == 0 {
            return Some(at);
        }
        from = at + mark.len();
    }
}
