//! Directives, notes and comments: what begins with two dots.

use super::Document;
use super::blocks::field;
use crate::blocks::{code_span, formula, picture, push_block, push_code, push_quote};
use csv::ReaderBuilder;
use morag_conversion::escape::note;

/// A directive.
struct Directive<'a> {
    name: &'a str,
    /// What stands on its line.
    argument: &'a str,
    options: Vec<(&'a str, &'a str)>,
    content: Vec<&'a str>,
}

/// Directives that show nothing, or what is elsewhere.
const SILENT: [&str; 22] = [
    "toctree",
    "contents",
    "sectnum",
    "index",
    "meta",
    "raw",
    "role",
    "default-role",
    "tabularcolumns",
    "currentmodule",
    "module",
    "py:module",
    "py:currentmodule",
    "highlight",
    "autosummary",
    "automodule",
    "autoclass",
    "autofunction",
    "target-notes",
    "header",
    "footer",
    "sectionauthor",
];

impl Document {
    /// Writes what begins with two dots: `lines` are without them and their indent.
    pub(super) fn explicit(&mut self, out: &mut String, lines: &[&str], depth: usize) {
        let first = lines[0];
        if let Some((label, text)) = first.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let mut said = vec![text.trim()];
            said.extend(&lines[1..]);
            let mut inner = String::new();
            self.blocks(&mut inner, &said, depth + 1);
            let label: String =
                label.trim_start_matches('#').chars().filter(|c| c.is_alphanumeric() || "-_.*".contains(*c)).collect();
            push_block(out, &note(&label, &inner.trim().replace('\n', "\n    ")));
            return;
        }
        // Targets and substitutions are known already; what is neither is a comment.
        let Some((name, argument)) = first.split_once("::").filter(|(name, _)| is_name(name)) else { return };
        let mut rest = &lines[1..];
        let mut options = Vec::new();
        while let Some((option, value)) = rest.first().and_then(|line| field(line.trim_start())) {
            options.push((option, value));
            rest = &rest[1..];
        }
        let directive = Directive { name, argument: argument.trim(), options, content: rest.to_vec() };
        self.directive(out, directive, depth);
    }

    fn directive(&mut self, out: &mut String, mut directive: Directive, depth: usize) {
        let name = directive.name.to_ascii_lowercase();
        if !matches!(name.as_str(), "raw" | "index" | "meta") && !SILENT.contains(&name.as_str()) {
            self.begun = true;
        }
        match name.as_str() {
            name if SILENT.contains(&name) => {}
            "include" | "literalinclude" => self.included += 1,
            "code" | "code-block" | "sourcecode" | "parsed-literal" | "testcode" | "testoutput" | "doctest"
            | "ipython" | "prompt" | "console" => {
                push_code(out, directive.argument, &directive.content);
            }
            "math" => {
                let mut lines = vec![directive.argument];
                lines.extend(directive.content);
                let latex = lines.join("\n");
                push_block(out, &formula(&latex));
            }
            "image" | "figure" => {
                let option =
                    |name: &str| directive.options.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
                push_block(out, &picture(option("alt").unwrap_or_default(), directive.argument));
                self.blocks(out, &directive.content, depth + 1);
            }
            "attention" | "caution" | "danger" | "error" | "hint" | "important" | "note" | "tip" | "warning"
            | "seealso" | "todo" => {
                let title = format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]);
                let title = if name == "seealso" { "See also".into() } else { title };
                self.admonition(out, &title, directive, depth);
            }
            "admonition" => {
                let title = std::mem::take(&mut directive.argument);
                let title = self.inline(title);
                self.admonition(out, &title, directive, depth);
            }
            "versionadded" | "versionchanged" | "deprecated" | "versionremoved" => {
                let (version, text) = directive.argument.split_once(' ').unwrap_or((directive.argument, ""));
                let what = match name.as_str() {
                    "versionadded" => "Added in version",
                    "versionchanged" => "Changed in version",
                    "versionremoved" => "Removed in version",
                    _ => "Deprecated since version",
                };
                let title = format!("{what} {}", self.inline(version));
                directive.argument = text;
                self.admonition(out, &title, directive, depth);
            }
            "list-table" => {
                self.caption(out, directive.argument);
                self.list_table(out, &directive.content);
            }
            "csv-table" => {
                self.caption(out, directive.argument);
                let header = directive.options.iter().find(|(name, _)| *name == "header").map(|(_, value)| *value);
                // A quote after the space that follows a comma begins a cell too.
                let spaced: Vec<String> =
                    header.into_iter().chain(directive.content).map(|line| line.replace(", \"", ",\"")).collect();
                let lines: Vec<&str> = spaced.iter().map(String::as_str).collect();
                let reader = ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .trim(csv::Trim::All)
                    .from_reader(std::io::Cursor::new(lines.join("\n")));
                let rows: Vec<Vec<String>> = reader
                    .into_records()
                    .map_while(Result::ok)
                    .map(|row| row.iter().map(|cell| self.inline(cell)).collect())
                    .collect();
                self.push_rows(out, &rows, &lines);
            }
            "table" | "rubric" | "centered" | "topic" | "sidebar" => {
                self.caption(out, directive.argument);
                self.blocks(out, &directive.content, depth + 1);
            }
            "epigraph" | "highlights" | "pull-quote" => {
                let mut inner = String::new();
                self.blocks(&mut inner, &directive.content, depth + 1);
                push_quote(out, &inner);
            }
            "container" | "compound" | "only" | "class" | "glossary" | "hlist" | "ifconfig" | "tab-set" | "grid"
            | "cssclass" => {
                self.blocks(out, &directive.content, depth + 1);
            }
            // Descriptions of functions, classes, options: `py:function`, `option`.
            name if name.contains(':')
                || matches!(
                    name,
                    "function"
                        | "class"
                        | "method"
                        | "attribute"
                        | "data"
                        | "exception"
                        | "option"
                        | "envvar"
                        | "program"
                        | "describe"
                        | "object"
                        | "cmdoption"
                        | "confval"
                ) =>
            {
                push_block(out, &code_span(directive.argument));
                self.blocks(out, &directive.content, depth + 1);
            }
            _ => {
                push_block(out, &self.inline(directive.argument));
                self.blocks(out, &directive.content, depth + 1);
            }
        }
    }

    fn caption(&mut self, out: &mut String, text: &str) {
        if !text.is_empty() {
            push_block(out, &format!("**{}**", self.inline(text)));
        }
    }

    fn admonition(&mut self, out: &mut String, title: &str, directive: Directive, depth: usize) {
        let own = !directive.argument.is_empty();
        let mut lines = vec![directive.argument];
        lines.extend(directive.content);
        let mut inner = String::new();
        self.blocks(&mut inner, &lines, depth + 1);
        push_quote(out, &format!("**{title}:**{}{}", if own { " " } else { "\n\n" }, inner.trim_start_matches('\n')));
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_:.+".contains(c))
}
