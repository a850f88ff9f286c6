//! LaTeX. Nothing is typeset: commands of structure become markdown, formulas stay as they are, and of commands that are not known the text of
//! their arguments stays. Files that a document takes in are not read.

mod commands;
mod environments;
mod source;
mod symbols;
mod tables;

use crate::blocks::{formula, gap, inline_formula, paragraph};
use crate::markup;
use morag_conversion::document::{Properties, property};
use morag_conversion::escape::{Context, join, note, push_escaped};
use morag_conversion::{Converted, dates, formats};
use morag_step::Failure;
use source::Source;
use std::collections::HashMap;
use std::ops::Range;

/// Bytes that are parsed: a thesis has under two million.
const TEX_BYTES_MAX: usize = 8 << 20;
/// Arguments and environments within each other. Texts nest under fifteen; the parser recurses.
const DEPTH_MAX: usize = 40;
/// Own commands that are kept, the bytes of one, and how often they are replaced by what they stand for.
const MACROS_MAX: usize = 1_000;
const MACRO_BYTES_MAX: usize = 500;
const EXPANSIONS_MAX: usize = 10_000;
/// Notes of a document.
const FOOTNOTES_MAX: usize = 10_000;

/// Markdown in the making: finished blocks, the paragraph at the end, and its text that is not escaped yet.
#[derive(Debug, Default)]
struct Sink {
    out: String,
    paragraph: String,
    plain: String,
}

impl Sink {
    fn escape(&mut self) {
        if !self.plain.is_empty() {
            let mut plain = String::with_capacity(self.plain.len());
            push_escaped(&mut plain, &self.plain, Context::of_part(&self.plain));
            join(&mut self.paragraph, &plain);
            self.plain.clear();
        }
    }

    /// Adds markdown within the paragraph.
    fn inline(&mut self, markdown: &str) {
        self.escape();
        join(&mut self.paragraph, markdown);
    }

    /// Ends the paragraph.
    fn end(&mut self) {
        self.escape();
        let text = self.paragraph.trim().trim_end_matches('\\').trim_end();
        if !text.is_empty() {
            gap(&mut self.out);
            self.out.push_str(&paragraph(text));
            self.out.push_str("\n\n");
        }
        self.paragraph.clear();
    }

    /// Adds a block of its own.
    fn block(&mut self, markdown: &str) {
        self.end();
        crate::blocks::push_block(&mut self.out, markdown);
    }
}

/// What is known of the whole document.
#[derive(Debug, Default)]
struct Document {
    /// What own commands without arguments stand for.
    macros: HashMap<String, String>,
    expansions: usize,
    /// Names of environments of theorems, as they are shown.
    theorems: HashMap<String, String>,
    footnotes: Vec<String>,
    properties: Properties,
    title: Option<String>,
    /// Level of `\section`.
    section: usize,
    depth: usize,
    /// Files that were not read.
    included: usize,
}

/// Converts LaTeX.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
    let (text, label) = markup::read(bytes, TEX_BYTES_MAX)?;
    let source = Source::new(&text);
    let mut document = Document {
        section: if text.contains("\\chapter") || text.contains("\\title") { 2 } else { 1 },
        ..Document::default()
    };
    let body = source.document();
    // What comes before the document sets its title and its own commands.
    let mut before = Sink::default();
    if body.start > 0 {
        document.run(&source, 0..body.start, &mut before);
    }
    let mut sink = Sink::default();
    document.run(&source, body, &mut sink);
    sink.end();
    let mut out = String::new();
    if let Some(title) = &document.title {
        out.push_str(&format!("# {}\n\n", title.replace('\n', " ")));
    }
    out.push_str(&sink.out);
    for (text, number) in document.footnotes.iter().zip(1..) {
        gap(&mut out);
        out.push_str(&format!("{}\n", note(&number.to_string(), text)));
    }
    markup::done(&formats::TEX, &out, label, document.properties, document.included)
}

impl Document {
    /// Writes a range of the source.
    fn run(&mut self, source: &Source, range: Range<usize>, sink: &mut Sink) {
        if self.depth >= DEPTH_MAX {
            sink.plain.push_str(&source.text[range]);
            return;
        }
        self.depth += 1;
        let mut at = range.start;
        while at < range.end {
            at = self.step(source, at..range.end, sink).max(at + 1);
        }
        self.depth -= 1;
    }

    /// Writes what is at the start; says where it ends.
    fn step(&mut self, source: &Source, range: Range<usize>, sink: &mut Sink) -> usize {
        let at = range.start;
        let rest = &source.text[range.clone()];
        let Some(c) = rest.chars().next() else { return range.end };
        match c {
            '\\' => return self.command(source, range, sink),
            '%' => {
                // With the line's end and the next line's indent.
                let line = rest.find('\n').map_or(rest.len(), |end| end + 1);
                let indent = rest[line..].len() - rest[line..].trim_start_matches([' ', '\t']).len();
                return at + line + indent;
            }
            '{' => {
                let close = source.close(at).filter(|close| *close < range.end);
                if let Some((close, mark)) = close.and_then(|close| Some((close, font(&source.text[at + 1..close])?))) {
                    let inner = self.text(source, at + 1..close);
                    sink.inline(&wrapped(mark, &inner));
                    return close + 1;
                }
            }
            '}' => {}
            '$' => return self.formula(source, range, sink),
            '~' => sink.plain.push(' '),
            '-' if rest.starts_with("---") => {
                sink.plain.push('—');
                return at + 3;
            }
            '-' if rest.starts_with("--") => {
                sink.plain.push('–');
                return at + 2;
            }
            '`' if rest.starts_with("``") => {
                sink.plain.push('“');
                return at + 2;
            }
            '\'' if rest.starts_with("''") => {
                sink.plain.push('”');
                return at + 2;
            }
            '`' => sink.plain.push('‘'),
            '\n' => {
                let blank = rest.len() - rest.trim_start().len();
                if rest[..blank].matches('\n').count() > 1 {
                    sink.end();
                } else {
                    sink.plain.push('\n');
                }
                return at + blank;
            }
            c => sink.plain.push(c),
        }
        at + c.len_utf8()
    }

    /// A formula between dollars. A dollar without its second is one.
    fn formula(&mut self, source: &Source, range: Range<usize>, sink: &mut Sink) -> usize {
        let at = range.start;
        let rest = &source.text[range];
        let (mark, inner) = match rest.strip_prefix("$$") {
            Some(inner) => ("$$", inner),
            None => ("$", &rest[1..]),
        };
        match source::end_of_formula(inner, mark) {
            Some(len) => {
                let formula = &inner[..len];
                if mark == "$$" {
                    sink.block(&display(formula))
                } else {
                    sink.inline(&inline_formula(formula))
                }
                at + len + 2 * mark.len()
            }
            None => {
                sink.plain.push('$');
                at + 1
            }
        }
    }

    /// A range as markdown of one paragraph.
    fn text(&mut self, source: &Source, range: Range<usize>) -> String {
        let mut sink = Sink::default();
        self.run(source, range, &mut sink);
        sink.end();
        sink.out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A range as blocks.
    fn blocks(&mut self, source: &Source, range: Range<usize>) -> String {
        let mut sink = Sink::default();
        self.run(source, range, &mut sink);
        sink.end();
        sink.out
    }

    fn footnote(&mut self, text: String) -> String {
        if self.footnotes.len() >= FOOTNOTES_MAX {
            return format!(" ({text})");
        }
        self.footnotes.push(text);
        format!("[^{}]", self.footnotes.len())
    }

    fn set_title(&mut self, source: &Source, range: Range<usize>) {
        let title = self.text(source, range);
        self.properties.title = property(&title.replace(['*', '\\'], ""));
        self.title = Some(title).filter(|title| !title.is_empty());
    }

    fn set_authors(&mut self, source: &Source, range: Range<usize>) {
        let names = source.text[range].split("\\and").map(|name| {
            let own = Source::new(name);
            let name = self.text(&own, 0..name.len());
            // Addresses come after the name, on lines of their own; notes after it.
            name.split("\\").next().unwrap_or_default().split("[^").next().unwrap_or_default().trim().to_owned()
        });
        let names: Vec<String> = names.filter(|name| !name.is_empty()).take(100).collect();
        self.properties.author = property(&names.join(", "));
        self.footnotes.clear();
    }

    fn set_date(&mut self, source: &Source, range: Range<usize>) {
        self.properties.creation_date = dates::iso(source.text[range].trim());
    }
}

/// The mark of a group that begins with a command of fonts: `{\bf …}`.
fn font(group: &str) -> Option<&'static str> {
    let name = group.trim_start().strip_prefix('\\')?;
    let end = name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len());
    match &name[..end] {
        "bf" | "bfseries" => Some("**"),
        "it" | "em" | "itshape" | "sl" | "slshape" => Some("*"),
        _ => None,
    }
}

fn wrapped(mark: &str, text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!("{mark}{text}{mark}") }
}

/// A formula of its own, without the names that others refer to it by.
fn display(latex: &str) -> String {
    let mut out = String::new();
    let mut rest = latex;
    while let Some(at) = rest.find("\\label{") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = rest.find('}').map_or("", |end| &rest[end + 1..]);
    }
    out.push_str(rest);
    formula(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn markdown(source: &str) -> String {
        convert(source.as_bytes()).unwrap().markdown
    }

    #[test]
    fn the_title_sections_and_own_commands() {
        let source = "\\documentclass{article}\n\\usepackage{x}\n\\newcommand{\\name}{MoRAG}\n\\title{The \\name{} \\emph{Book}}\\author{Jo Smith\\thanks{x} \\and Al\\\\Town}\\date{2024-01-02}\n\
                      \\begin{document}\\maketitle\n\\section{One \\name}\\label{s}% comment\ntext\n\n\\subsection*{Two}\n\\input{/etc/passwd}more\n\\end{document} after";
        let converted = convert(source.as_bytes()).unwrap();
        assert_eq!(converted.markdown, "# The MoRAG *Book*\n\n## One MoRAG\n\ntext\n\n### Two\n\nmore\n");
        assert_eq!(converted.properties.title.as_deref(), Some("The MoRAG Book"));
        assert_eq!(converted.properties.author.as_deref(), Some("Jo Smith, Al"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-01-02"));
        assert_eq!(converted.warnings, ["files that the document includes are not read: 1"]);
    }

    #[test]
    fn markup_within_lines() {
        let source = "A \\textbf{b} {\\it c} \\texttt{d_e} 10\\% \\& \\$5 ``q'' a--b \\\"uber \\'{e}t\\'e \\c{c}a \\ss{} na\\\"{\\i}ve $a_1 < b$ \\href{http://x.org}{site} \\url{http://y.org} \\unknown[o]{kept} \
                      \\cite[p.~1]{k1,k2} note\\footnote{A \\emph{note}.} \\verb|x_%y| \\LaTeX~\\ldots{} * x\\\\[1ex] y";
        assert_eq!(
            markdown(source),
            "A **b** *c* `d_e` 10% & $5 “q” a–b über été ça ß naïve $a_1 < b$ [site](http://x.org) http://y.org kept [k1, k2] note[^1] `x_%y` LaTeX … * x\\\ny\n\n[^1]: A *note*.\n"
        );
    }

    #[test]
    fn lists_quotations_and_code() {
        let source = "\\begin{itemize}\n\\item one % c\n\\begin{enumerate}\\item in\\item[x] out\\end{enumerate}\n\\item two\n\nmore\n\\end{itemize}\n\\begin{description}\\item[T] what\\end{description}\n\
                      \\begin{quote}said\\end{quote}\\begin{verbatim}\n% kept \\item {\n\\end{verbatim}\n\\begin{lstlisting}[language=C++]\nint x;\n\\end{lstlisting}\\begin{minted}{python}\ny\n\\end{minted}\n\\begin{comment}hidden\\end{comment}\\begin{tikzpicture}\\draw;\\end{tikzpicture}";
        assert_eq!(
            markdown(source),
            "- one\n\n  1. in\n  2. **x** out\n- two\n\n  more\n\n- **T** what\n\n> said\n\n```\n% kept \\item {\n```\n\n```c++\nint x;\n```\n\n```python\ny\n```\n"
        );
    }

    #[test]
    fn formulas_and_theorems() {
        let source = "\\newtheorem{thm}{Theorem}\n\\[ a \\]\n\\begin{equation}\\label{e}b\\end{equation}\\begin{align*}c&=d\\\\e\\end{align*}$$f$$ \\(g\\) \\begin{thm}[Jo] It holds.\\end{thm}\\begin{proof}Clear.\\end{proof} costs 5\\$ or $ alone";
        assert_eq!(
            markdown(source),
            "$$\na\n$$\n\n$$\nb\n$$\n\n$$\n\\begin{align*}c&=d\\\\e\\end{align*}\n$$\n\n$$\nf\n$$\n\n$g$\n\n**Theorem** (Jo). It holds.\n\n**Proof.** Clear.\n\ncosts 5$ or $ alone\n"
        );
    }

    #[test]
    fn tables_with_captions() {
        let source = "\\begin{table}[ht]\\centering\\caption{The \\emph{table}}\\begin{tabular}{l|r}\\hline A & B \\\\ \\hline\n\\textbf{1} & $x & y$ \\\\\n\\multicolumn{2}{c}{wide \\& 50\\%} \\\\[2pt] \\bottomrule\\end{tabular}\\end{table}";
        assert_eq!(
            markdown(source),
            "The *table*\n\n| A | B |\n| --- | --- |\n| **1** | $x & y$ |\n| wide & 50% | |\n"
        );
    }

    #[test]
    fn nesting_without_end_keeps_its_text() {
        for deep in [
            "\\emph{a ".repeat(5_000),
            "\\begin{quote}a ".repeat(5_000),
            format!("{}a{}", "\\begin{itemize}\\item ".repeat(300), "\\end{itemize}".repeat(300)),
        ] {
            assert!(markdown(&deep).contains('a'));
        }
    }

    #[test]
    fn commands_that_stand_for_themselves_come_to_an_end() {
        let source = "\\newcommand{\\a}{x\\b\\b}\\newcommand{\\b}{y\\a\\a}\n\\a \\a text";
        assert!(markdown(source).contains("text"));
        assert_eq!(convert(b"% only a comment").unwrap_err().code, "EMPTY_DOCUMENT");
    }

    proptest! {
        #[test]
        fn any_tokens_are_some_document(parts in proptest::collection::vec(prop::sample::select(vec![
            "\\", "{", "}", "[", "]", "$", "$$", "%", "&", "~", "\n", "\n\n", "a é", "\\section{", "\\begin{itemize}", "\\end{itemize}", "\\item", "\\begin{tabular}{l}", "\\end{tabular}",
            "\\\\", "\\verb|", "\\begin{verbatim}", "\\end{verbatim}", "\\footnote{", "\\'", "\\'é", "\\newcommand{\\x}{", "\\x", "\\(", "\\]", "\\begin", "\\end{", "\\multicolumn{9}", "\\title{", "\\href{a}", "\\item[", "\\def\\y", "``", "--",
        ]), 0..40)) {
            let converted = convert(parts.concat().as_bytes());
            prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| done.markdown.ends_with('\n')));
        }

        #[test]
        fn words_are_kept(words in proptest::collection::vec("[a-z]{2,8}", 1..10), command in "[a-z]{3,9}zz") {
            let text: String = words.iter().map(|word| format!("\\{command}{{{word}}} {word}x\n")).collect();
            let markdown = markdown(&text);
            for word in words {
                let twice = format!("{word} {word}x");
                prop_assert!(markdown.contains(&twice), "{}", markdown);
            }
        }
    }
}
