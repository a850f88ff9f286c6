//! AsciiDoc. Files that a document includes are not read.

mod blocks;
mod inline;
mod lists;
mod tables;

use crate::markup;
use morag_conversion::document::{Properties, keywords, property};
use morag_conversion::escape::note;
use morag_conversion::{Converted, dates, formats};
use morag_step::Failure;
use std::cell::Cell;
use std::collections::HashMap;

/// Bytes that are parsed: a book has under two million.
const ADOC_BYTES_MAX: usize = 16 << 20;
/// Blocks within blocks. Texts nest under ten; the parser recurses.
const DEPTH_MAX: usize = 24;
/// Attributes that are kept, and bytes of one: they stand for text wherever they are named.
const ATTRIBUTES_MAX: usize = 1_000;
const ATTRIBUTE_BYTES_MAX: usize = 1_000;
/// Bytes that attributes stand for in the whole document: beyond that their names stay.
const SUBSTITUTED_BYTES_MAX: usize = 4 << 20;

/// What is known of the whole document.
#[derive(Debug, Default)]
struct Document {
    /// Texts by the names that stand for them.
    attributes: HashMap<String, String>,
    /// Bytes that they stood for so far.
    substituted: Cell<usize>,
    /// Notes at the end, in order.
    footnotes: Vec<String>,
    properties: Properties,
    /// Files that were not read.
    included: usize,
}

/// Converts AsciiDoc.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
    let (source, label) = markup::read(bytes, ADOC_BYTES_MAX)?;
    let lines: Vec<&str> = source.lines().map(str::trim_end).collect();
    let mut document = Document::default();
    let mut out = String::new();
    let header = document.header(&mut out, &lines);
    document.blocks(&mut out, &lines[header..], 0);
    for (text, number) in std::mem::take(&mut document.footnotes).iter().zip(1..) {
        crate::blocks::gap(&mut out);
        out.push_str(&format!("{}\n", note(&number.to_string(), text)));
    }
    markup::done(&formats::ADOC, &out, label, document.properties, document.included)
}

impl Document {
    /// Reads the title, the author, the revision and the attributes at the beginning; says how many lines they are.
    fn header(&mut self, out: &mut String, lines: &[&str]) -> usize {
        let mut at = 0;
        let mut title = false;
        // After the title come the author's line and the revision's, up to the first blank line.
        let mut people = 0;
        while let Some(line) = lines.get(at).copied() {
            if line.is_empty() {
                if title {
                    break;
                }
            } else if let Some(text) = line.strip_prefix("= ").filter(|_| !title) {
                title = true;
                let text = self.substitute(text.trim());
                self.properties.title = property(&text);
                out.push_str(&format!("# {}\n\n", self.inline(&text)));
            } else if let Some((name, value)) = attribute(line) {
                self.set(name, value);
            } else if line.starts_with("//") && !line.starts_with("///") {
            } else if title && people < 2 {
                people += 1;
                match people {
                    1 => {
                        let names: Vec<&str> =
                            line.split(';').map(|one| one.split('<').next().unwrap_or_default().trim()).collect();
                        self.properties.author = property(&names.join(", "));
                    }
                    _ => self.properties.creation_date = line.split([',', ' ']).find_map(dates::iso),
                }
            } else {
                break;
            }
            at += 1;
        }
        at
    }

    /// Sets an attribute, and the property that it is.
    fn set(&mut self, name: &str, value: &str) {
        let value = self.substitute(value);
        let properties = &mut self.properties;
        match name {
            "author" | "authors" => properties.author = property(&value),
            "revdate" | "date" => properties.creation_date = dates::iso(&value),
            "lang" => properties.language = property(&value),
            "description" => properties.subject = property(&value),
            "keywords" => properties.keywords = keywords(&value),
            _ => {}
        }
        if self.attributes.len() < ATTRIBUTES_MAX && value.len() <= ATTRIBUTE_BYTES_MAX {
            self.attributes.insert(name.to_owned(), value);
        }
    }

    /// A text with the attributes that it names, `{name}`; unknown ones stay.
    fn substitute(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = rest.bytes().take(100).position(|b| b == b'}');
            let open = self.substituted.get() < SUBSTITUTED_BYTES_MAX;
            let known = end.filter(|_| open).and_then(|end| Some((end, self.known(&rest[1..end])?)));
            match known {
                Some((end, value)) => {
                    self.substituted.set(self.substituted.get() + value.len());
                    out.push_str(&value);
                    rest = &rest[end + 1..];
                }
                None => {
                    out.push('{');
                    rest = &rest[1..];
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn known(&self, name: &str) -> Option<String> {
        let fixed = match name {
            "nbsp" | "sp" => " ",
            "empty" | "blank" | "zwsp" => "",
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "plus" => "+",
            "asterisk" => "*",
            "backtick" => "`",
            "vbar" => "|",
            "startsb" => "[",
            "endsb" => "]",
            "quot" => "\"",
            "apos" => "'",
            "cpp" => "C++",
            _ => return self.attributes.get(&name.to_lowercase()).or_else(|| self.attributes.get(name)).cloned(),
        };
        Some(fixed.to_owned())
    }
}

/// `:name: value`.
fn attribute(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix(':')?.split_once(':')?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_!".contains(c));
    (plain && (value.is_empty() || value.starts_with(' '))).then(|| (name.trim_matches('!'), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn markdown(source: &str) -> String {
        convert(source.as_bytes()).unwrap().markdown
    }

    #[test]
    fn the_header_and_sections() {
        let source = "// comment\n= The {p} Guide\nJo Smith <jo@x.org>; Al B\nv1.0, 2024-01-02\n:toc:\n:keywords: a, b\n:p: MoRAG\n:q: {p}!\n\nIntro {q} {unknown}.\n\n== One\n\n=== Two\n\ntext\n";
        let converted = convert(source.as_bytes()).unwrap();
        assert_eq!(converted.markdown, "# The {p} Guide\n\nIntro MoRAG! {unknown}.\n\n## One\n\n### Two\n\ntext\n");
        assert_eq!(converted.properties.author.as_deref(), Some("Jo Smith, Al B"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-01-02"));
        assert_eq!(converted.properties.keywords, ["a", "b"]);
    }

    #[test]
    fn markup_within_lines() {
        let source = "A *b* _c_ `d*e*` **f**g #h# x^2^ H~2~O http://x.org[site] link:a.html[text,window=_blank] <<id,there>> xref:b.adoc#c[here] footnote:[A *note*.] \
                      kbd:[Ctrl+C] image:i.png[Icon] stem:[a^2] +lit*er*al+ 2 * 3 snake_case_word \\*no* https://plain.org/a_b_c +\nend (C)\n";
        assert_eq!(
            markdown(source),
            "A **b** *c* `d*e*` **f**g h x^2^ H~2~O [site](http://x.org) [text](a.html) there here [^1] `Ctrl+C` ![Icon](i.png) $a^2$ lit\\*er\\*al 2 * 3 \
             snake_case_word \\*no\\* https://plain.org/a_b_c\\\nend (C)\n\n[^1]: A **note**.\n"
        );
    }

    #[test]
    fn lists_of_all_kinds() {
        let source = "* one\n** inner\n* two\n+\nmore of two\n+\n----\ncode\n----\n\n. first\n.. sub\n. second\n\nterm:: what\nother::\n  it is\n\n* [x] done\n* [ ] open\n\n<1> callout\n";
        assert_eq!(
            markdown(source),
            "- one\n  - inner\n- two\n\n  more of two\n\n  ```\n  code\n  ```\n\n1. first\n   1. sub\n2. second\n\n- **term**: what\n- **other**: it is\n\n- [x] done\n- [ ] open\n\n1. callout\n"
        );
    }

    #[test]
    fn blocks_with_their_titles_and_styles() {
        let source = ".Example\n[source,ruby]\n----\nputs 1 # <1>\n----\n\n....\nliteral\n....\n\nNOTE: Be careful.\n\n[WARNING]\n====\n* hot\n====\n\n[quote, Author, Book]\n____\nsaid\n____\n\n\
                      ****\nside\n****\n\n////\nhidden\n////\n\n++++\n<b>x</b>\n++++\n\n[stem]\n++++\na^2\n++++\n\n'''\n\ninclude::/etc/passwd[]\n\nimage::b.png[A picture]\n\n indented\n\n```js\nx\n```\n\ntoc::[]\nifdef::a[]\nseen\nendif::[]\n";
        let converted = convert(source.as_bytes()).unwrap();
        assert_eq!(
            converted.markdown,
            "**Example**\n\n```ruby\nputs 1 # <1>\n```\n\n```\nliteral\n```\n\n> **Note:** Be careful.\n\n> **Warning:**\n>\n> - hot\n\n> said\n>\n> — Author, Book\n\n> side\n\n\
             $$\na^2\n$$\n\n---\n\n![A picture](b.png)\n\n```\nindented\n```\n\n```js\nx\n```\n\nseen\n"
        );
        assert_eq!(converted.warnings, ["files that the document includes are not read: 1"]);
    }

    #[test]
    fn tables_of_rows_and_of_cells() {
        let source = ".Table\n[%header,cols=\"1,2\"]\n|===\n|A |B\n\n|*1*\n|two \\| x\nlines\n\n2+|wide\n|===\n";
        assert_eq!(
            markdown(source),
            "**Table**\n\n| A | B |\n| --- | --- |\n| **1** | two \\| x lines |\n| wide | |\n"
        );
        assert_eq!(markdown("[format=csv]\n|===\na,\"b, c\"\nd,e\n|===\n"), "| a | b, c |\n| --- | --- |\n| d | e |\n");
        assert_eq!(markdown(",===\na,b\n,===\n"), "| a | b |\n| --- | --- |\n");
    }

    #[test]
    fn nesting_without_end_keeps_its_text() {
        let deep: String = (4..200).map(|marks| format!("{}\na{marks}\n", "=".repeat(marks))).collect();
        assert!(markdown(&deep).contains("a199"));
        let list: String = (1..200).map(|marks| format!("{} a{marks}\n", "*".repeat(marks))).collect();
        assert!(markdown(&list).contains("a199"));
    }

    #[test]
    fn attributes_of_attributes_do_not_explode() {
        let mut source = String::from(":a0: lollollol\n");
        (1..40).for_each(|level| source.push_str(&format!(":a{level}: {}\n", format!("{{a{}}}", level - 1).repeat(9))));
        source.push_str("\n{a39} text\n");
        assert!(markdown(&source).len() < 2_000);
        let many = format!(":a: {}\n\n{}", "x".repeat(900), "{a}\n\n".repeat(20_000));
        assert!(markdown(&many).len() < 5 << 20);
    }

    #[test]
    fn nothing_but_comments_is_empty() {
        assert_eq!(convert(b"// comment\n").unwrap_err().code, "EMPTY_DOCUMENT");
    }

    proptest! {
        #[test]
        fn any_lines_are_some_document(lines in proptest::collection::vec(prop::sample::select(vec![
            "= T", "== S", "text", "* a", "** b", ". c", "t:: d", "t::", "+", "----", "====", "____", "****", "--", "|===", "|a |b", "2+|c", "////", "++++", "....", "", "",
            "[source,a]", "[NOTE]", ".Title", "NOTE: x", "*b _c `d", "{a} é", ":a: {a}", "include::x[]", "image::a[", "link:a[b", "<<a", "footnote:[x", " indented", "'''", "```", "ifdef::a[]", "a +", "\\", "<1> x", "_a_*b*#c#^d^",
        ]), 0..40)) {
            let converted = convert(lines.join("\n").as_bytes());
            prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| done.markdown.ends_with('\n')));
        }

        #[test]
        fn words_of_paragraphs_are_kept(words in proptest::collection::vec("[a-z]{2,6}[*_`#]{0,2}", 1..12)) {
            let markdown = markdown(&words.join(" "));
            for word in words {
                let letters: String = word.chars().filter(|c| c.is_alphabetic()).collect();
                prop_assert!(markdown.contains(&letters), "{}", markdown);
            }
        }
    }
}
