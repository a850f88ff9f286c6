//! Data as markdown: headings, lists and tables where it is small and regular, else the text itself in a block of code.

use super::Value;
use crate::blocks::{gap, push_table};
use morag_conversion::escape::{inline, paragraphs, push_fenced, push_heading};
use morag_conversion::markdown;

/// Values beside those in tables that are set out: more is read better as it was written.
const VALUES_SET_OUT: usize = 5_000;
/// Levels of headings.
const LEVELS: usize = 5;
/// Rows of a table: more is a database, and every later step reads the whole markdown.
const ROWS_MAX: usize = 100_000;
/// Columns of a table: objects with more different names are no table.
const COLUMNS_MAX: usize = 50;
/// Bytes of a table: rows without most of the columns may multiply the source.
const TABLE_BYTES_MAX: usize = 32 << 20;
/// Values in a cell.
const CELL_VALUES_MAX: usize = 20;
/// Objects of a list that have a heading each.
const SECTIONS_MAX: usize = 100;
/// Characters from which a text of several lines is a section, and no item of a list.
const LONG_TEXT_CHARS: usize = 200;

/// Writes a document of data.
pub struct Writer<'a> {
    source: &'a str,
    language: &'static str,
    out: String,
}

impl<'a> Writer<'a> {
    /// `source` is the data as it was written; `language` names it on blocks of code.
    pub fn new(source: &'a str, language: &'static str) -> Self {
        Self { source, language, out: String::new() }
    }

    /// The text as it was written.
    pub fn into_written(mut self) -> String {
        push_fenced(&mut self.out, self.language, self.source.trim_matches('\n'));
        self.out
    }

    /// A value as markdown.
    pub fn document(self, value: &Value) -> String {
        self.titled(None, value)
    }

    /// The same under a heading.
    pub fn titled(mut self, title: Option<&str>, value: &Value) -> String {
        let level = usize::from(title.is_some()) + 1;
        if beside_tables(value) > VALUES_SET_OUT {
            return match self.language {
                "json" => {
                    self.code(value);
                    markdown::finish(&self.out)
                }
                _ => self.into_written(),
            };
        }
        if let Some(title) = title {
            push_heading(&mut self.out, 1, title);
        }
        self.section(value, level);
        match markdown::finish(&self.out) {
            // An empty list or object: its brackets are all it says.
            out if out.is_empty() => self.into_written(),
            out => out,
        }
    }

    fn section(&mut self, value: &Value, level: usize) {
        match value {
            Value::Plain(text) | Value::Text(text) => self.out.push_str(&paragraphs(text)),
            Value::List(values) => self.list(value, values, level),
            Value::Object(entries) => self.object(entries, level),
        }
    }

    fn list(&mut self, whole: &Value, values: &[Value], level: usize) {
        if let Some(rows) = table(values) {
            return push_table(&mut self.out, &rows);
        }
        if values.iter().all(is_single) {
            values.iter().for_each(|value| self.out.push_str(&format!("- {}\n", in_item(value))));
            self.out.push('\n');
        } else if values.len() <= SECTIONS_MAX && level <= LEVELS {
            for (value, number) in values.iter().zip(1..) {
                push_heading(&mut self.out, level, &name_of(value).unwrap_or_else(|| number.to_string()));
                self.section(value, level + 1);
            }
        } else {
            self.code(whole);
        }
    }

    fn object(&mut self, entries: &[(String, Value)], level: usize) {
        // What has no heading comes first: else it would belong to the heading before it.
        let (short, long): (Vec<_>, Vec<_>) =
            entries.iter().partition(|(_, value)| is_single(value) && !is_long(value));
        for (name, value) in &short {
            self.out.push_str(&format!("- **{}**: {}\n", key(name), in_item(value)));
        }
        gap(&mut self.out);
        for (name, value) in long {
            if level <= LEVELS {
                push_heading(&mut self.out, level, key_text(name));
                self.section(value, level + 1);
            } else {
                self.out.push_str(&format!("**{}**\n\n", key(name)));
                self.code(value);
            }
        }
    }

    /// A value as JSON, set out; as the whole was written where that would be far longer.
    fn code(&mut self, value: &Value) {
        let mut text = String::new();
        gap(&mut self.out);
        if pretty(&mut text, value, 0, self.source.len() * 2 + (64 << 10)) {
            push_fenced(&mut self.out, "json", &text);
        } else {
            push_fenced(&mut self.out, self.language, self.source);
        }
        self.out.push('\n');
    }
}

fn key_text(name: &str) -> &str {
    if name.trim().is_empty() { "(no name)" } else { name }
}

fn key(name: &str) -> String {
    inline(key_text(name))
}

/// Whether a value is one text, number or word, or a few of them.
fn is_single(value: &Value) -> bool {
    matches!(value, Value::Plain(_) | Value::Text(_))
}

fn is_long(value: &Value) -> bool {
    value.text().is_some_and(|text| text.trim().contains('\n') && text.chars().count() > LONG_TEXT_CHARS)
}

fn single(value: &Value) -> String {
    match value {
        Value::Plain(text) | Value::Text(text) => inline(text),
        _ => String::new(),
    }
}

/// A text, number or word within an item of a list: a text's lines stay lines.
fn in_item(value: &Value) -> String {
    match value.text().map(str::trim).filter(|text| text.contains('\n')) {
        Some(text) => {
            let indented = |line: &str| if line.is_empty() { String::new() } else { format!("  {line}") };
            let lines: Vec<String> = paragraphs(text).trim_end().lines().map(indented).collect();
            lines.join("\n").trim_start().to_owned()
        }
        None => single(value),
    }
}

/// What an object of a list calls itself.
fn name_of(value: &Value) -> Option<String> {
    let name = ["name", "title", "label", "id", "key"].into_iter().find_map(|name| value.get(name))?;
    match name {
        Value::Plain(text) | Value::Text(text) if !text.trim().is_empty() && text.len() <= LONG_TEXT_CHARS => {
            Some(text.clone())
        }
        _ => None,
    }
}

/// Values that are not in a table.
fn beside_tables(value: &Value) -> usize {
    match value {
        Value::Plain(_) | Value::Text(_) => 1,
        Value::List(values) if columns(values).is_some() => 1,
        Value::List(values) => 1 + values.iter().map(beside_tables).sum::<usize>(),
        Value::Object(entries) => 1 + entries.iter().map(|(_, value)| beside_tables(value)).sum::<usize>(),
    }
}

/// The names of flat objects in their order; none where a list is something else.
fn columns(values: &[Value]) -> Option<Vec<&str>> {
    let mut names: Vec<&str> = Vec::new();
    if values.is_empty() || values.len() > ROWS_MAX {
        return None;
    }
    for value in values {
        let Value::Object(entries) = value else { return None };
        for (name, value) in entries {
            let flat = match value {
                Value::List(inner) => inner.len() <= CELL_VALUES_MAX && inner.iter().all(is_single),
                Value::Object(inner) => inner.is_empty(),
                _ => true,
            };
            if !flat || is_long(value) {
                return None;
            }
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
            if names.len() > COLUMNS_MAX {
                return None;
            }
        }
    }
    (!names.is_empty()).then_some(names)
}

fn table(values: &[Value]) -> Option<Vec<Vec<String>>> {
    let names = columns(values)?;
    let mut bytes = 0;
    let mut rows = vec![names.iter().map(|name| key(name)).collect::<Vec<_>>()];
    for value in values {
        let Value::Object(entries) = value else { return None };
        let mut row = vec![String::new(); names.len()];
        for (name, value) in entries {
            let column = names.iter().position(|known| known == name)?;
            let text = match value {
                Value::List(inner) => inner.iter().map(single).collect::<Vec<_>>().join(", "),
                value => single(value),
            };
            // A name that is there twice has both values.
            let cell = &mut row[column];
            cell.push_str(if cell.is_empty() || text.is_empty() { "" } else { "; " });
            cell.push_str(&text);
            bytes += text.len();
        }
        bytes += 3 * names.len();
        if bytes > TABLE_BYTES_MAX {
            return None;
        }
        rows.push(row);
    }
    Some(rows)
}

/// Writes JSON of two spaces a level; not all of it where that would be more than `bytes_max`.
fn pretty(out: &mut String, value: &Value, depth: usize, bytes_max: usize) -> bool {
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Plain(text) => out.push_str(text),
        Value::Text(text) => push_quoted(out, text),
        Value::List(values) if values.iter().all(is_single) && values.len() <= CELL_VALUES_MAX => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                if !pretty(out, value, depth + 1, bytes_max) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::List(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                indent(out, depth + 1);
                if !pretty(out, value, depth + 1, bytes_max) {
                    return false;
                }
            }
            indent(out, depth);
            out.push(']');
        }
        Value::Object(entries) if entries.is_empty() => out.push_str("{}"),
        Value::Object(entries) => {
            out.push('{');
            for (index, (name, value)) in entries.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                indent(out, depth + 1);
                push_quoted(out, name);
                out.push_str(": ");
                if !pretty(out, value, depth + 1, bytes_max) {
                    return false;
                }
            }
            indent(out, depth);
            out.push('}');
        }
    }
    out.len() <= bytes_max
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
}
