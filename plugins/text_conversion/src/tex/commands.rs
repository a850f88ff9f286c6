//! Commands.

use super::source::{Source, command_name, end_of_formula, verbatim};
use super::symbols::{accented, symbol};
use super::{Document, EXPANSIONS_MAX, MACRO_BYTES_MAX, MACROS_MAX, Sink, display, wrapped};
use crate::blocks::{code_span, gap, inline_formula, link, picture};
use morag_conversion::escape::inline_part;
use std::ops::Range;

/// Commands whose arguments say how something is set: they are left out with as many arguments.
const SILENT: [(&str, usize); 60] = [
    ("documentclass", 1),
    ("usepackage", 1),
    ("RequirePackage", 1),
    ("label", 1),
    ("vspace", 1),
    ("hspace", 1),
    ("setlength", 2),
    ("addtolength", 2),
    ("setcounter", 2),
    ("addtocounter", 2),
    ("pagestyle", 1),
    ("thispagestyle", 1),
    ("pagenumbering", 1),
    ("bibliographystyle", 1),
    ("color", 1),
    ("definecolor", 3),
    ("geometry", 1),
    ("hypersetup", 1),
    ("graphicspath", 1),
    ("lstset", 1),
    ("newtheoremstyle", 9),
    ("theoremstyle", 1),
    ("index", 1),
    ("glossary", 1),
    ("nocite", 1),
    ("addcontentsline", 3),
    ("markboth", 2),
    ("markright", 1),
    ("renewenvironment", 3),
    ("newenvironment", 3),
    ("newcounter", 1),
    ("newlength", 1),
    ("fontsize", 2),
    ("selectfont", 0),
    ("thanks", 1),
    ("cline", 1),
    ("cmidrule", 1),
    ("rule", 2),
    ("phantom", 1),
    ("hphantom", 1),
    ("vphantom", 1),
    ("usetheme", 1),
    ("usecolortheme", 1),
    ("setbeamertemplate", 1),
    ("DeclareMathOperator", 2),
    ("DeclareOption", 2),
    ("pdfinfo", 1),
    ("hyphenation", 1),
    ("linespread", 1),
    ("captionsetup", 1),
    ("addbibresource", 1),
    ("tableofcontents", 0),
    ("listoffigures", 0),
    ("listoftables", 0),
    ("maketitle", 0),
    ("printbibliography", 0),
    ("columnwidth", 0),
    ("textwidth", 0),
    ("linewidth", 0),
    ("today", 0),
];

impl Document {
    /// Writes the command at the start; says where it ends.
    pub(super) fn command(&mut self, source: &Source, range: Range<usize>, sink: &mut Sink) -> usize {
        let (at, end) = (range.start, range.end);
        let rest = &source.text[at + 1..end];
        let name = command_name(rest);
        if name.is_empty() {
            return self.sign(source, range, sink);
        }
        let mut after = at + 1 + name.len();
        if source.text[after..end].starts_with('*') && name != "verb" {
            after += 1;
        }
        if let Some((text, len)) = verbatim(&source.text[at..end]).filter(|_| name == "verb") {
            sink.inline(&code_span(text));
            return at + len;
        }
        if let Some((c, next)) = accented(name, source, after..end) {
            sink.plain.push(c);
            return next;
        }
        if let Some(text) = symbol(name) {
            sink.plain.push_str(text);
            return after_word(source, after..end);
        }
        if let Some((_, arguments)) = SILENT.iter().find(|(known, _)| *known == name) {
            return self.skip(source, after..end, *arguments);
        }
        if let Some(next) = self.definition(name, source, after..end) {
            return next;
        }
        if let Some(body) = self.macros.get(name).filter(|_| self.expansions < EXPANSIONS_MAX).cloned() {
            self.expansions += 1;
            let own = Source::new(&body);
            self.run(&own, 0..body.len(), sink);
            return after_word(source, after..end);
        }
        match name {
            "begin" => self.environment(source, range, sink),
            "end" => source.argument(after..end).map_or(after, |(_, next)| next),
            "par" | "newpage" | "clearpage" | "bigskip" | "medskip" | "smallskip" | "pagebreak" => {
                sink.end();
                after
            }
            "newline" | "linebreak" => {
                sink.inline("\\\n");
                after
            }
            "item" | "bibitem" => self.stray_item(name, source, after..end, sink),
            "input" | "include" | "subfile" | "import" | "bibliography" | "lstinputlisting" | "verbatiminput" => {
                self.included += 1;
                self.skip(source, after..end, 1 + usize::from(name == "import"))
            }
            _ => {
                let optional = self.optionals(source, after..end);
                match self.with_arguments(name, source, optional..end, sink) {
                    Some(next) => next,
                    // Not known: its braces are passed over, and what is in them is read on.
                    None => after_word(source, optional..end),
                }
            }
        }
    }

    /// A command of one sign.
    fn sign(&mut self, source: &Source, range: Range<usize>, sink: &mut Sink) -> usize {
        let at = range.start;
        let rest = &source.text[at + 1..range.end];
        let Some(c) = rest.chars().next() else { return range.end };
        let after = at + 1 + c.len_utf8();
        match c {
            '\\' => {
                sink.inline("\\\n");
                let starred = after + usize::from(source.text[after..range.end].starts_with('*'));
                return self.optionals(source, starred..range.end);
            }
            '(' | '[' => {
                let mark = if c == '(' { "\\)" } else { "\\]" };
                let inner = &source.text[after..range.end];
                if let Some(len) = end_of_formula(inner, mark) {
                    if c == '(' {
                        sink.inline(&inline_formula(&inner[..len]))
                    } else {
                        sink.block(&display(&inner[..len]))
                    }
                    return after + len + 2;
                }
            }
            ' ' | '\n' | '\t' | ',' | ';' | ':' | '>' => sink.plain.push(' '),
            '!' | '-' | '/' | '@' | ')' | ']' => {}
            _ => match accented(&rest[..c.len_utf8()], source, after..range.end) {
                Some((accented, next)) => {
                    sink.plain.push(accented);
                    return next;
                }
                None => sink.plain.push(c),
            },
        }
        after
    }

    /// Commands with arguments that become something of their own.
    fn with_arguments(&mut self, name: &str, source: &Source, range: Range<usize>, sink: &mut Sink) -> Option<usize> {
        let end = range.end;
        if let Some(level) = self.level(name) {
            let (title, next) = source.argument(range)?;
            let title = self.text(source, title);
            sink.end();
            if !title.is_empty() {
                gap(&mut sink.out);
                sink.out.push_str(&format!("{} {title}\n\n", "#".repeat(level)));
            }
            return Some(next);
        }
        let (inner, next) = source.argument(range)?;
        match name {
            "emph" | "textit" | "textsl" => {
                let text = self.text(source, inner);
                sink.inline(&wrapped("*", &text));
            }
            "textbf" => {
                let text = self.text(source, inner);
                sink.inline(&wrapped("**", &text));
            }
            "texttt" | "lstinline" | "code" | "path" => {
                let plain = source.text[inner].replace('\\', "");
                sink.inline(&code_span(&plain));
            }
            "title" => self.set_title(source, inner),
            "author" => self.set_authors(source, inner),
            "date" => self.set_date(source, inner),
            "footnote" | "footnotetext" | "endnote" => {
                let text = self.text(source, inner);
                let mark = self.footnote(text);
                sink.inline(&mark);
            }
            "href" => {
                let target = source.text[inner].replace('\\', "");
                let (text, next) = source.argument(next..end)?;
                let text = self.text(source, text);
                sink.inline(&link(&text, &target));
                return Some(next);
            }
            "url" => sink.inline(&inline_part(source.text[inner].trim())),
            "caption" | "subtitle" | "institute" => {
                let text = self.text(source, inner);
                sink.block(&text);
            }
            "frametitle" => {
                let text = self.text(source, inner);
                sink.block(&format!("{} {text}", "#".repeat(self.section + 1)));
            }
            "includegraphics" => {
                let target = source.text[inner].trim();
                sink.inline(&picture(target, target));
            }
            "ref" | "eqref" | "pageref" | "autoref" | "cref" | "Cref" | "nameref" | "vref" => {
                sink.plain.push_str(&format!("[{}]", source.text[inner].trim()));
            }
            "textcolor" | "colorbox" | "parbox" | "raisebox" | "scalebox" | "foreignlanguage" | "hyperref" => {
                let Some((text, next)) = source.argument(next..end) else {
                    self.run(source, inner, sink);
                    return Some(next);
                };
                self.run(source, text, sink);
                return Some(next);
            }
            _ if name.to_ascii_lowercase().contains("cite") => {
                let keys: Vec<&str> = source.text[inner].split(',').map(str::trim).collect();
                sink.plain.push_str(&format!("[{}]", keys.join(", ")));
            }
            _ => return None,
        }
        Some(next)
    }

    fn level(&self, name: &str) -> Option<usize> {
        let below = ["section", "subsection", "subsubsection", "paragraph", "subparagraph"]
            .iter()
            .position(|known| *known == name);
        match (name, below) {
            ("part" | "chapter", _) => Some(self.section.saturating_sub(1).max(1)),
            (_, Some(below)) => Some((self.section + below).min(6)),
            _ => None,
        }
    }

    /// An item outside of a list.
    fn stray_item(&mut self, name: &str, source: &Source, range: Range<usize>, sink: &mut Sink) -> usize {
        sink.end();
        let after = self.optionals(source, range.clone());
        if name == "bibitem"
            && let Some((key, next)) = source.argument(after..range.end)
        {
            sink.plain.push_str(&format!("[{}] ", source.text[key].trim()));
            return next;
        }
        after
    }

    /// Own commands: those without arguments are kept.
    fn definition(&mut self, name: &str, source: &Source, range: Range<usize>) -> Option<usize> {
        let end = range.end;
        match name {
            "newcommand" | "renewcommand" | "providecommand" | "DeclareRobustCommand" | "def" | "gdef" => {
                let rest = source.text[range.clone()].trim_start();
                let at = end - rest.len();
                // `{\name}` or `\name`.
                let (own, next) = match source.argument(range) {
                    Some((own, next)) if !rest.starts_with('\\') => {
                        (source.text[own].trim().strip_prefix('\\').map(command_name), next)
                    }
                    _ => {
                        let own = command_name(rest.strip_prefix('\\')?);
                        (Some(own), at + 1 + own.len())
                    }
                };
                let after = self.optionals(source, next..end);
                // Up to the body: `\def\x#1#2{…}`.
                let rest = &source.text[after..end];
                let parameters = rest
                    .bytes()
                    .take(50)
                    .position(|b| b == b'{')
                    .filter(|at| rest[..*at].trim().is_empty() || rest.starts_with('#'));
                let Some((body, done)) = parameters.and_then(|at| source.argument(after + at..end)) else {
                    return Some(after);
                };
                if let Some(own) = own.filter(|own| !own.is_empty())
                    && after == next
                    && parameters == Some(0)
                    && body.len() <= MACRO_BYTES_MAX
                    && self.macros.len() < MACROS_MAX
                {
                    self.macros.insert(own.to_owned(), source.text[body].to_owned());
                }
                Some(done)
            }
            "newtheorem" => {
                let (own, next) = source.argument(range)?;
                let next = self.optionals(source, next..end);
                let (shown, next) = source.argument(next..end)?;
                if self.theorems.len() < MACROS_MAX {
                    self.theorems.insert(source.text[own].trim().to_owned(), source.text[shown].trim().to_owned());
                }
                Some(self.optionals(source, next..end))
            }
            _ => None,
        }
    }

    /// Passes over optional arguments; says where they end.
    pub(super) fn optionals(&self, source: &Source, range: Range<usize>) -> usize {
        let mut at = range.start;
        while let Some((_, next)) = source.optional(at..range.end) {
            at = next;
        }
        at
    }

    /// Passes over arguments; says where they end.
    pub(super) fn skip(&self, source: &Source, range: Range<usize>, arguments: usize) -> usize {
        let mut at = self.optionals(source, range.clone());
        for _ in 0..arguments {
            let Some((_, next)) = source.argument(at..range.end) else { break };
            at = self.optionals(source, next..range.end);
        }
        at
    }
}

/// The space after a command's name ends the name, and `{}` does.
fn after_word(source: &Source, range: Range<usize>) -> usize {
    let rest = &source.text[range.clone()];
    if rest.starts_with("{}") {
        return range.start + 2;
    }
    let spaces = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    range.start + spaces
}
