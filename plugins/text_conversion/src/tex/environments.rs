//! Environments.

use super::source::{Source, VERBATIM, command_name, environment_name};
use super::{Document, Sink, display};
use crate::blocks::{push_item, push_quote};
use morag_conversion::escape::push_fenced;
use std::ops::Range;

impl Document {
    /// Writes the environment that begins at the start; says where it ends. Without its end it is passed over, and its text is read on.
    pub(super) fn environment(&mut self, source: &Source, range: Range<usize>, sink: &mut Sink) -> usize {
        let at = range.start;
        let after_begin = at + "\\begin".len();
        let Some((name, inside)) =
            environment_name(source.text, after_begin).filter(|(_, inside)| *inside <= range.end)
        else {
            return after_begin;
        };
        let Some(end) = source.end(at).filter(|end| (inside..=range.end).contains(end)) else { return inside };
        let after = match source.text[end..].starts_with("\\end") {
            true => environment_name(source.text, end + "\\end".len())
                .filter(|(own, _)| *own == name)
                .map_or(end, |(_, after)| after),
            false => end,
        };
        self.inside(name, source, inside..end, sink);
        after
    }

    fn inside(&mut self, name: &str, source: &Source, range: Range<usize>, sink: &mut Sink) {
        let plain = name.trim_end_matches('*');
        match plain {
            "comment" | "filecontents" | "tikzpicture" | "pgfpicture" | "picture" | "CCSXML" | "axis" => {}
            _ if VERBATIM.contains(&name) => self.code(plain, source, range, sink),
            "equation" | "displaymath" | "math" => sink.block(&display(&source.text[range])),
            "align" | "gather" | "multline" | "eqnarray" | "flalign" | "alignat" | "dmath" => {
                let formula = format!("\\begin{{{name}}}{}\\end{{{name}}}", &source.text[range]);
                sink.block(&display(&formula));
            }
            "itemize" | "enumerate" | "description" | "compactitem" | "compactenum" | "thebibliography"
            | "trivlist" | "list" => {
                self.list(plain, source, range, sink);
            }
            "tabular" | "tabularx" | "longtable" | "supertabular" | "tabulary" | "tabu" | "array" => {
                self.table(plain, source, range, sink)
            }
            "quote" | "quotation" | "verse" | "displayquote" => {
                let inner = self.blocks(source, range);
                sink.end();
                push_quote(&mut sink.out, &inner);
            }
            "abstract" => {
                let inner = self.blocks(source, range);
                sink.block(&format!("**Abstract.** {}", inner.trim_start()));
            }
            "frame" => {
                let start = self.optionals(source, range.clone());
                let mut inside = start..range.end;
                if let Some((title, next)) =
                    source.argument(inside.clone()).filter(|_| source.text[start..].starts_with('{'))
                {
                    let title = self.text(source, title);
                    sink.block(&format!("{} {title}", "#".repeat((self.section + 1).min(6))));
                    inside.start = next;
                }
                sink.end();
                self.run(source, inside, sink);
                sink.end();
            }
            _ => match self.theorem(plain) {
                Some(shown) => {
                    let (remark, start) = match source.optional(range.clone()) {
                        Some((remark, next)) => (Some(self.text(source, remark)), next),
                        None => (None, range.start),
                    };
                    let inner = self.blocks(source, start..range.end);
                    let title =
                        remark.map_or_else(|| format!("**{shown}.**"), |remark| format!("**{shown}** ({remark})."));
                    sink.block(&format!("{title} {}", inner.trim_start()));
                }
                None => {
                    sink.end();
                    let arguments = usize::from(matches!(
                        plain,
                        "minipage"
                            | "multicols"
                            | "adjustbox"
                            | "wrapfigure"
                            | "subfigure"
                            | "columns"
                            | "column"
                            | "spacing"
                    ));
                    let start = self.skip(source, range.clone(), arguments);
                    self.run(source, start..range.end, sink);
                    sink.end();
                }
            },
        }
    }

    fn theorem(&self, name: &str) -> Option<String> {
        if let Some(shown) = self.theorems.get(name) {
            return Some(morag_conversion::escape::inline(shown));
        }
        let known = [
            "theorem",
            "lemma",
            "proof",
            "definition",
            "corollary",
            "proposition",
            "remark",
            "example",
            "exercise",
            "conjecture",
            "claim",
        ];
        known.contains(&name).then(|| format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]))
    }

    fn code(&mut self, name: &str, source: &Source, range: Range<usize>, sink: &mut Sink) {
        let (mut text, mut language) = (&source.text[range], String::new());
        if text.starts_with('[')
            && let Some(end) = text.find(']')
        {
            let options = &text[1..end];
            let own = options.split(',').find_map(|option| option.trim().strip_prefix("language="));
            language = own.unwrap_or_default().trim_matches(['{', '}']).to_ascii_lowercase();
            text = &text[end + 1..];
        }
        if name == "minted"
            && let Some((own, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}'))
        {
            language = own.to_owned();
            text = rest;
        }
        let text = text.trim_matches('\n').trim_end();
        if !text.is_empty() {
            let mut block = String::new();
            push_fenced(&mut block, &language, text);
            sink.block(&block);
        }
    }

    fn list(&mut self, name: &str, source: &Source, range: Range<usize>, sink: &mut Sink) {
        let item = |rest: &str| {
            let name = command_name(rest.strip_prefix('\\')?);
            matches!(name, "item" | "bibitem").then_some(name.len() + 1)
        };
        let places = source.top_level(range.clone(), item);
        let numbered = matches!(name, "enumerate" | "compactenum");
        let mut items = String::new();
        for (index, place) in places.iter().enumerate() {
            let end = places.get(index + 1).map_or(range.end, |next| next.start);
            let mut start = place.end;
            let mut label = String::new();
            if let Some((own, next)) = source.optional(start..end) {
                label = self.text(source, own);
                start = next;
            }
            if source.text[place.clone()].ends_with("bibitem")
                && let Some((key, next)) = source.argument(start..end)
            {
                label = morag_conversion::escape::inline(&format!("[{}]", source.text[key].trim()));
                start = next;
            } else if !label.is_empty() {
                label = format!("**{label}**");
            }
            let text = self.blocks(source, start..end);
            let text = format!("{label} {}", text.trim_start());
            let marker = if numbered { format!("{}.", index + 1) } else { "-".into() };
            push_item(&mut items, &marker, text.trim_start());
        }
        sink.block(&items);
    }
}
