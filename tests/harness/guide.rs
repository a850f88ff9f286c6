//! Parses the plugin guide: its command blocks, and the repository files that it shows.
//!
//! A fence ` ```bash guide:python ` contains commands of the Python tutorial, `guide:all` commands of all tutorials; the word
//! `serve` after it marks a server that keeps running. A comment `<!-- file: PATH -->` above a fence means that it shows that file.

use std::fmt;
use std::path::{Path, PathBuf};

/// Path of the guide.
pub const FILE: &str = "docs/plugin-guide.md";

/// Start and end of a fence.
const FENCE: &str = "```";

/// A block of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Line of the fence, from 1.
    pub line: usize,
    /// The commands.
    pub commands: String,
    /// Whether it starts a server that keeps running.
    pub serves: bool,
    /// `python`, `all`, …
    language: String,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FILE}:{} ({})", self.line, self.language)
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The guide's text.
pub fn text() -> String {
    std::fs::read_to_string(root().join(FILE)).expect("the guide can be read")
}

/// The fences of a text: line, info string, content.
fn fences(text: &str) -> Vec<(usize, String, String)> {
    let mut fences = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(info) = line.strip_prefix(FENCE) else { continue };
        let within: String = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != FENCE).fold(
            String::new(),
            |mut within, line| {
                within.push_str(line);
                within.push('\n');
                within
            },
        );
        fences.push((index + 1, info.to_owned(), within));
    }
    fences
}

/// The blocks of one language's tutorial, in order.
pub fn blocks(text: &str, language: &str) -> Vec<Block> {
    let blocks = fences(text).into_iter().filter_map(|(line, info, commands)| {
        let mut words = info.split(' ');
        let mark = words.find_map(|word| word.strip_prefix("guide:"))?.to_owned();
        let is_wanted = mark == "all" || mark == language;
        is_wanted.then(|| Block { line, commands, serves: words.any(|word| word == "serve"), language: mark })
    });
    blocks.collect()
}

/// Files shown in a text: line of the comment, path from the root, shown content.
pub fn shown_files(text: &str) -> Vec<(usize, String, String)> {
    let lines: Vec<_> = text.lines().collect();
    let fences = fences(text);
    let shown = fences.into_iter().filter_map(|(line, _, within)| {
        // `line` counts from 1, so index `line - 2` is the line above the fence.
        let comment = lines.get(line.checked_sub(2)?)?;
        let path = comment.strip_prefix("<!-- file: ")?.strip_suffix(" -->")?;
        Some((line, path.to_owned(), within))
    });
    shown.collect()
}

/// The text with the current content of each shown file. `read` returns a file's text.
pub fn with_shown_files(text: &str, read: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(path) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) else { continue };
        let Some(fence) = lines.next() else { break };
        out.push_str(fence);
        out.push('\n');
        lines.by_ref().take_while(|line| *line != FENCE).for_each(drop);
        out.push_str(read(path).trim_end());
        out.push_str("\n```\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n```bash guide:rust\none\ntwo\n```\n```bash guide:all serve\nmorag serve\n```\n```bash\nnot run\n```\n\
                        <!-- file: x/y.py -->\n```python\nold\n```\nend\n";

    #[test]
    fn blocks_of_a_language_come_in_order_with_those_of_all() {
        let rust = blocks(TEXT, "rust");
        assert_eq!(rust.len(), 2);
        assert_eq!((rust[0].line, rust[0].commands.as_str(), rust[0].serves), (2, "one\ntwo\n", false));
        assert_eq!((rust[1].line, rust[1].commands.as_str(), rust[1].serves), (6, "morag serve\n", true));
        assert_eq!(blocks(TEXT, "python"), rust[1..]);
        assert_eq!(rust[0].to_string(), "docs/plugin-guide.md:2 (rust)");
    }

    #[test]
    fn shown_files_are_found_and_replaced() {
        assert_eq!(shown_files(TEXT), [(13, "x/y.py".to_owned(), "old\n".to_owned())]);
        let new = with_shown_files(TEXT, |path| format!("new of {path}\n\n"));
        assert_eq!(new, TEXT.replace("old\n", "new of x/y.py\n"));
    }
}
