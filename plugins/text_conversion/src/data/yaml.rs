//! YAML.

use super::write::Writer;
use super::{DATA_BYTES_MAX, DEPTH_MAX, VALUES_MAX, Value};
use crate::text;
use morag_conversion::{Converted, failures, formats};
use morag_step::Failure;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use std::collections::HashMap;

/// Values that references to anchors may add: a few lines of references to references stand for more than any memory holds.
const REFERRED_VALUES_MAX: usize = 100_000;

/// Converts YAML: regular data to headings, lists and tables, else the text in a block of code.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
    let (source, label) = text::read(bytes, None)?;
    if source.trim().is_empty() {
        return Err(failures::empty("the file has no text but white space"));
    }
    let mut warnings = Vec::new();
    let writer = Writer::new(&source, "yaml");
    let markdown = match parse(&source) {
        Ok(mut documents) if documents.len() == 1 => writer.document(&documents.remove(0)),
        Ok(documents) if !documents.is_empty() => writer.document(&Value::List(documents)),
        // Comments only.
        Ok(_) => writer.into_written(),
        Err(reason) => {
            warnings.push(format!("the YAML is given as it is written: {reason}"));
            writer.into_written()
        }
    };
    Ok(Converted { encoding: Some(label), warnings, ..Converted::without_pages(&formats::YAML, markdown) })
}

/// A list or a mapping that is not at its end.
enum Open {
    List(Vec<Value>),
    /// Entries, and the name whose value comes next.
    Object(Vec<(String, Value)>, Option<String>),
}

#[derive(Default)]
struct Builder {
    open: Vec<(Open, usize)>,
    documents: Vec<Value>,
    anchors: HashMap<usize, Value>,
    values: usize,
    referred: usize,
}

/// The documents of a stream.
///
/// # Errors
/// What is wrong and where, in words; also for values nested too deep, too many, or too many by references.
fn parse(source: &str) -> Result<Vec<Value>, String> {
    if source.len() > DATA_BYTES_MAX {
        return Err(format!("it has more than {DATA_BYTES_MAX} bytes"));
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let step = builder.take(event);
        step.map_err(|reason| format!("{reason} in line {}", span.start.line()))?;
    }
    Ok(builder.documents)
}

impl Builder {
    fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => self.push(scalar(&text, style, tag.as_deref()), anchor),
            Event::SequenceStart(anchor, _) => self.begin(Open::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(Open::Object(Vec::new(), None), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((Open::List(values), anchor)) => self.push(Value::List(values), anchor),
                Some((Open::Object(entries, _), anchor)) => self.push(Value::Object(entries), anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                // A value within itself is not at its end yet: it stays a reference.
                let value = match self.anchors.get(&anchor) {
                    Some(value) => {
                        self.referred += value.count();
                        if self.referred > REFERRED_VALUES_MAX {
                            return Err(format!("references stand for more than {REFERRED_VALUES_MAX} values"));
                        }
                        value.clone()
                    }
                    None => Value::Text("*".into()),
                };
                self.push(value, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, open: Open, anchor: usize) -> Result<(), String> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("values nested more than {DEPTH_MAX} deep"));
        }
        self.open.push((open, anchor));
        Ok(())
    }

    fn push(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(format!("more than {VALUES_MAX} values"));
        }
        if anchor > 0 {
            self.referred += value.count();
            if self.referred > REFERRED_VALUES_MAX {
                return Err(format!("values with names for references are more than {REFERRED_VALUES_MAX}"));
            }
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            None => self.documents.push(value),
            Some((Open::List(values), _)) => values.push(value),
            Some((Open::Object(entries, name), _)) => match name.take() {
                None => *name = Some(name_of(value)),
                // What is merged is there already under names of its own.
                Some(name) if name == "<<" => merge(entries, value),
                Some(name) => entries.push((name, value)),
            },
        }
        Ok(())
    }
}

/// Adds the entries of a mapping, or of several, that are not there; of a mapping with very many, all.
fn merge(entries: &mut Vec<(String, Value)>, value: Value) {
    // Each name is compared with all before it.
    const COMPARED_MAX: usize = 1_000;
    match value {
        Value::Object(merged) => {
            for (name, value) in merged {
                if entries.len() > COMPARED_MAX || !entries.iter().any(|(known, _)| *known == name) {
                    entries.push((name, value));
                }
            }
        }
        Value::List(values) => values.into_iter().for_each(|value| merge(entries, value)),
        value => entries.push(("<<".into(), value)),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let quoted = style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.suffix == "str");
    match text {
        "" | "~" if !quoted => Value::Plain("null".into()),
        "true" | "false" | "null" if !quoted => Value::Plain(text.into()),
        _ if !quoted && text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && text.parse::<f64>().is_ok() => {
            Value::Plain(text.into())
        }
        _ => Value::Text(text.into()),
    }
}

/// A name: lists and mappings may be names too.
fn name_of(value: Value) -> String {
    match value {
        Value::Plain(text) | Value::Text(text) => text,
        Value::List(values) => values.into_iter().map(name_of).collect::<Vec<_>>().join(", "),
        Value::Object(entries) => entries
            .into_iter()
            .map(|(name, value)| format!("{name}: {}", name_of(value)))
            .collect::<Vec<_>>()
            .join(", "),
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
    fn mappings_and_lists() {
        let source = "# comment\nname: Plan\nversion: 1.10\nsteps:\n  - one\n  - \"2\"\nteam:\n  - {name: Jo, age: 4}\n  - name: Al\nnote: |\n  short\n";
        assert_eq!(
            markdown(source),
            "- **name**: Plan\n- **version**: 1.10\n- **note**: short\n\n# steps\n\n- one\n- 2\n\n# team\n\n| name | age |\n| --- | --- |\n| Jo | 4 |\n| Al | |\n"
        );
    }

    #[test]
    fn lines_of_a_block_stay_lines() {
        assert_eq!(
            markdown("text: |\n  one\n  # two\n\n  three\nfolded: >\n  a\n  b\n"),
            "- **text**: one\n  \\# two\n\n  three\n- **folded**: a b\n"
        );
        assert_eq!(markdown("- |\n  one\n  two\n- b\n"), "- one\n  two\n- b\n");
        // A cell is one line.
        assert_eq!(markdown("- a: |\n    one\n    two\n"), "| a |\n| --- |\n| one two |\n");
    }

    #[test]
    fn references_and_merges_are_followed() {
        let source = "base: &b {a: 1, b: 2}\nown:\n  <<: *b\n  b: 3\ncopy: *b\n";
        assert_eq!(
            markdown(source),
            "# base\n\n- **a**: 1\n- **b**: 2\n\n# own\n\n- **a**: 1\n- **b**: 2\n- **b**: 3\n\n# copy\n\n- **a**: 1\n- **b**: 2\n"
        );
    }

    #[test]
    fn references_to_references_do_not_explode() {
        let mut source = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for level in 1..10 {
            source.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", ")));
        }
        let converted = convert(source.as_bytes()).unwrap();
        assert!(converted.warnings[0].contains("references"), "{:?}", converted.warnings);
        assert!(converted.markdown.starts_with("```yaml\na0: &a0"));
        assert!(convert(b"a: &a\n  b: *a\n").is_ok());
    }

    #[test]
    fn documents_of_a_stream_and_damage() {
        assert_eq!(markdown("---\na: 1\n---\na: 2\n"), "| a |\n| --- |\n| 1 |\n| 2 |\n");
        let converted = convert(b"a: [1, 2\nb: }").unwrap();
        assert_eq!((converted.markdown.as_str(), converted.warnings.len()), ("```yaml\na: [1, 2\nb: }\n```\n", 1));
        assert_eq!(markdown("# only a comment"), "```yaml\n# only a comment\n```\n");
    }

    #[test]
    fn nesting_without_end_is_given_as_it_is() {
        for source in ["[".repeat(50_000), "- ".repeat(50_000), "{a: ".repeat(50_000), "? ".repeat(20_000)] {
            assert_eq!(convert(source.as_bytes()).unwrap().warnings.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn any_tokens_are_some_document(parts in proptest::collection::vec(prop::sample::select(vec![
            "- ", ": ", "a", "\n", "  ", "&a ", "*a ", "<<: ", "{", "}", "[", "]", ", ", "|\n", ">\n", "\"", "'", "? ", "---\n", "!!str ", "#", "é", "%",
        ]), 1..40)) {
            let converted = convert(parts.concat().as_bytes());
            prop_assert!(converted.map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| !done.markdown.is_empty()));
        }
    }
}
