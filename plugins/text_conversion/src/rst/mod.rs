//! reStructuredText. Files that a document includes are not read.

mod blocks;
mod directives;
mod inline;
mod tables;

use crate::markup;
use morag_conversion::document::{Properties, keywords, property};
use morag_conversion::{Converted, dates, formats};
use morag_step::Failure;
use std::collections::HashMap;

/// Bytes that are parsed: a book has under two million.
const RST_BYTES_MAX: usize = 16 << 20;
/// Blocks within blocks, for lists, quotations and directives. Texts nest under ten; the parser recurses.
const DEPTH_MAX: usize = 24;
/// Targets and substitutions that are kept.
const NAMES_MAX: usize = 100_000;

/// What is known of the whole document.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Marks of headings in the order in which they appeared: the character, and whether there is a line above too.
    adornments: Vec<(char, bool)>,
    /// Addresses of links by their names in lower case.
    targets: HashMap<String, String>,
    /// Texts by the names that stand for them.
    substitutions: HashMap<String, String>,
    properties: Properties,
    /// Whether something other than a title and fields was written.
    begun: bool,
    /// Files that were not read.
    included: usize,
}

/// Converts reStructuredText.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
    let (source, label) = markup::read(bytes, RST_BYTES_MAX)?;
    let lines: Vec<&str> = source.lines().map(str::trim_end).collect();
    let mut document = Document::default();
    document.collect(&lines);
    let mut out = String::new();
    document.blocks(&mut out, &lines, 0);
    markup::done(&formats::RST, &out, label, document.properties, document.included)
}

impl Document {
    /// Finds the targets of links and the texts of substitutions, which may come after they are used.
    fn collect(&mut self, lines: &[&str]) {
        for line in lines {
            let Some(rest) = line.trim_start().strip_prefix(".. ") else { continue };
            if self.targets.len() + self.substitutions.len() >= NAMES_MAX {
                return;
            }
            if let Some((name, target)) = rest.strip_prefix('_').and_then(|rest| rest.split_once(": ")) {
                self.targets.insert(name.trim_matches('`').to_lowercase(), target.trim().to_owned());
            } else if let Some((name, text)) = rest.strip_prefix('|').and_then(|rest| rest.split_once("| replace::")) {
                self.substitutions.insert(name.to_owned(), text.trim().to_owned());
            }
        }
    }

    /// Takes a field at the document's beginning for its properties; false for a field that is none of them.
    fn take_field(&mut self, name: &str, value: &str) -> bool {
        let properties = &mut self.properties;
        match name.to_ascii_lowercase().as_str() {
            "author" | "authors" => properties.author = property(value),
            "date" => properties.creation_date = dates::iso(value),
            "language" | "lang" => properties.language = property(value),
            "keywords" | "tags" => properties.keywords = keywords(value),
            "description" | "abstract" | "summary" => properties.subject = property(value),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn markdown(source: &str) -> String {
        convert(source.as_bytes()).unwrap().markdown
    }

    #[test]
    fn titles_by_their_order_and_properties() {
        let source = "=====\nTitle\n=====\n\n:Author: Jo Smith\n:Date: 2024-01-02\n:Version: 1\n\nPart\n====\n\nSection\n-------\ntext\n\n----\n\nNext\n====\n\nend\n";
        let converted = convert(source.as_bytes()).unwrap();
        assert_eq!(
            converted.markdown,
            "# Title\n\n- **Version**: 1\n\n## Part\n\n### Section\n\ntext\n\n---\n\n## Next\n\nend\n"
        );
        assert_eq!(converted.properties.title.as_deref(), Some("Title"));
        assert_eq!(converted.properties.author.as_deref(), Some("Jo Smith"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-01-02"));
    }

    #[test]
    fn markup_within_lines() {
        let source = "A *b* **c** ``d_ `e`` :func:`~os.path.join` :ref:`text <target>` `site <http://x.org/a_b>`_ Name_ `two words`_ |s| [1]_ 2*3 a\\*b snake_case.\n\n\
                      .. _Name: http://n.org\n.. _two words: http://t.org\n.. |s| replace:: *sub*\n.. [1] The note.\n";
        assert_eq!(
            markdown(source),
            "A *b* **c** ``d_ `e`` `join` text [site](http://x.org/a_b) [Name](http://n.org) [two words](http://t.org) *sub* [^1] 2\\*3 a\\*b snake_case.\n\n[^1]: The note.\n"
        );
    }

    #[test]
    fn lists_of_all_kinds() {
        let source = "- one\n  more\n\n  - inner\n\n- two\n\n3. three\n#. four\n\nterm : kind\n  what it is\n\n-v, --verbose  Say more\n\n:field: value\n\n| line one\n| line two\n";
        assert_eq!(
            markdown(source),
            "- one\n  more\n\n  - inner\n- two\n\n3. three\n4. four\n\n- **term : kind**: what it is\n\n- `-v, --verbose`: Say more\n\n- **field**: value\n\nline one\\\nline two\n"
        );
    }

    #[test]
    fn code_quotations_and_directives() {
        let source = "Like this::\n\n    x = 1\n      y\n\n    z\n\nText\n\n  quoted\n\n.. code-block:: python\n   :linenos:\n\n   print(1)\n\n.. note:: Be\n   careful\n\n.. warning::\n\n   - hot\n\n\
                      .. image:: a.png\n   :alt: A picture\n\n.. math::\n\n   a^2\n\n.. include:: /etc/passwd\n\n.. toctree::\n\n   other\n\n.. comment\n   hidden\n\n.. py:function:: f(x)\n\n   Does it.\n\n>>> 1 + 1\n2\n";
        let converted = convert(source.as_bytes()).unwrap();
        assert_eq!(
            converted.markdown,
            "Like this:\n\n```\nx = 1\n  y\n\nz\n```\n\nText\n\n> quoted\n\n```python\nprint(1)\n```\n\n> **Note:** Be\n> careful\n\n> **Warning:**\n>\n> - hot\n\n\
             ![A picture](a.png)\n\n$$\na^2\n$$\n\n`f(x)`\n\nDoes it.\n\n```pycon\n>>> 1 + 1\n2\n```\n"
        );
        assert_eq!(converted.warnings, ["files that the document includes are not read: 1"]);
    }

    #[test]
    fn tables_of_all_kinds() {
        let grid = "+-----+------+\n| A   | B    |\n+=====+======+\n| a   | two  |\n|     | line |\n+-----+------+\n| wide       |\n+-----+------+\n";
        assert_eq!(markdown(grid), "| A | B |\n| --- | --- |\n| a | two line |\n| wide | |\n");
        let simple = "===  =====\n A   B\n===  =====\n*1*  two\n     more\n3    four\n===  =====\n";
        assert_eq!(markdown(simple), "| A | B |\n| --- | --- |\n| *1* | two more |\n| 3 | four |\n");
        let list = ".. list-table:: Title\n   :header-rows: 1\n\n   * - A\n     - B\n   * - 1\n     - 2\n";
        assert_eq!(markdown(list), "**Title**\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n");
        let csv = ".. csv-table::\n   :header: \"A\", B\n\n   1, \"x, y\"\n";
        assert_eq!(markdown(csv), "| A | B |\n| --- | --- |\n| 1 | x, y |\n");
    }

    #[test]
    fn nesting_without_end_keeps_its_text() {
        let deep: String = (0..300).map(|depth| format!("{}- a{depth}\n\n", " ".repeat(depth * 2))).collect();
        let out = markdown(&deep);
        assert!(out.contains("a0") && out.contains("a299"));
    }

    #[test]
    fn nothing_but_comments_is_empty() {
        assert_eq!(convert(b".. comment\n").unwrap_err().code, "EMPTY_DOCUMENT");
    }

    proptest! {
        #[test]
        fn any_lines_are_some_document(lines in proptest::collection::vec(prop::sample::select(vec![
            "====", "----", "Title", "- a", "  b", "1. c", "   - d", "::", "a::", ".. note::", ".. x", ".. |a| replace:: |a|", ":f: g", "+--+--+", "|a |b |", "+==+==+",
            "== ==", "a  é", "", "", "| l", ">>> x", "*a `b", "``c", "|a| [1]_ d_ `e <f>`__", "    deep", "\t", ".. list-table::", ".. csv-table::", "   * - a", "     - b", ".. _a: b", "-x  y", "\\",
        ]), 0..40)) {
            let converted = convert(lines.join("\n").as_bytes());
            prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| done.markdown.ends_with('\n')));
        }

        #[test]
        fn words_of_paragraphs_are_kept(words in proptest::collection::vec("[a-z]{2,6}[*_`|]{0,2}", 1..12)) {
            let markdown = markdown(&words.join(" "));
            for word in words {
                let letters: String = word.chars().filter(|c| c.is_alphabetic()).collect();
                prop_assert!(markdown.contains(&letters), "{}", markdown);
            }
        }
    }
}
