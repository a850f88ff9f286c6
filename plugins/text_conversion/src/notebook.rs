//! Jupyter notebooks, formats 3 and 4.

use crate::blocks::push_block;
use crate::data::{Value, json};
use crate::{html, text};
use morag_conversion::document::{Properties, property};
use morag_conversion::escape::{formula, push_fenced, push_heading};
use morag_conversion::images::{LeftOut, base64, data_uri};
use morag_conversion::{Converted, Images, failures, formats, markdown};
use morag_step::Failure;

/// Bytes of an output that are kept: a table is read at its beginning.
const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// Bytes that are kept of what a cell wrote to its error stream: warnings and progress of libraries.
const STDERR_BYTES_MAX: usize = 400;
/// Bytes of a table of HTML that are converted.
const TABLE_BYTES_MAX: usize = 1 << 20;

/// Media types of pictures in formats 4 and 3 of notebooks, the first that there is.
const PICTURES: [&str; 6] = ["image/png", "image/jpeg", "image/gif", "image/webp", "png", "jpeg"];

/// Converts a notebook: its texts as they are, code and what it printed in blocks of code; pictures where they are asked for.
///
/// # Errors
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `CORRUPT_DOCUMENT` where it is no JSON or has no cells.
pub fn convert(bytes: &[u8], images: &Images<'_>) -> Result<Converted, Failure> {
    let (source, label) = text::read(bytes, None)?;
    let corrupt = |reason: String| failures::corrupt(&formats::IPYNB, reason);
    let notebook = json::parse(&source).map_err(corrupt)?;
    // Format 3 has its cells in sheets, of which there is one.
    let sheets = notebook.get("worksheets").map(Value::list).unwrap_or_default();
    let cells = notebook.get("cells").into_iter().chain(sheets.iter().filter_map(|sheet| sheet.get("cells")));
    let cells: Vec<&Value> = cells.flat_map(Value::list).collect();
    if notebook.get("cells").is_none() && notebook.get("worksheets").is_none() {
        return Err(corrupt("it has no cells".into()));
    }
    let metadata = notebook.get("metadata");
    let mut out = String::new();
    let title = metadata.and_then(|metadata| text_of(metadata, "title")).and_then(|title| property(&title));
    if let Some(title) = &title {
        push_heading(&mut out, 1, title);
    }
    let language = language(metadata).unwrap_or_default();
    let mut unread = 0;
    for cell in cells {
        unread += usize::from(!push_cell(&mut out, cell, &language, images));
    }
    let out = markdown::finish(&out);
    if out.is_empty() {
        return Err(failures::empty("the notebook has no cell with text"));
    }
    let authors = metadata.and_then(|metadata| metadata.get("authors")).map(Value::list).unwrap_or_default();
    let author = authors.iter().filter_map(|author| text_of(author, "name")).collect::<Vec<_>>().join(", ");
    let properties = Properties { title, author: property(&author), ..Properties::default() };
    let warnings =
        if unread > 0 { vec![format!("{unread} cells are of an unknown kind and left out")] } else { Vec::new() };
    Ok(Converted { encoding: Some(label), properties, warnings, ..Converted::without_pages(&formats::IPYNB, out) })
}

fn language(metadata: Option<&Value>) -> Option<String> {
    let metadata = metadata?;
    let of = |part: &str, name: &str| metadata.get(part).and_then(|part| text_of(part, name));
    of("language_info", "name").or_else(|| of("kernelspec", "language"))
}

/// A text, which notebooks write as one or as lines.
fn text_of(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::Text(text) => Some(text.clone()),
        Value::List(lines) => Some(lines.iter().filter_map(Value::text).collect()),
        _ => None,
    }
}

/// Writes a cell; false for one of an unknown kind.
fn push_cell(out: &mut String, cell: &Value, language: &str, images: &Images<'_>) -> bool {
    let source = text_of(cell, "source").or_else(|| text_of(cell, "input")).unwrap_or_default();
    let source = markdown::normalise(&source);
    match cell.get("cell_type").and_then(Value::text) {
        Some("markdown") => push_block(out, &with_pictures(&source, cell.get("attachments"), images)),
        Some("heading") => {
            let level = match cell.get("level") {
                Some(Value::Plain(level)) => level.parse().unwrap_or(1),
                _ => 1,
            };
            push_heading(out, level, &source);
        }
        Some("code") => {
            let language = text_of(cell, "language").unwrap_or_else(|| language.to_owned());
            push_code(out, &language, &source);
            let outputs = cell.get("outputs").map(Value::list).unwrap_or_default();
            outputs.iter().for_each(|output| push_output(out, output, images));
        }
        Some("raw") => push_code(out, "", &source),
        _ => return false,
    }
    true
}

fn push_code(out: &mut String, language: &str, source: &str) {
    if source.trim().is_empty() {
        return;
    }
    let mut block = String::new();
    push_fenced(&mut block, language, source.trim_matches('\n').trim_end());
    push_block(out, &block);
}

fn push_output(out: &mut String, output: &Value, images: &Images<'_>) {
    let kind = output.get("output_type").and_then(Value::text).unwrap_or_default();
    let plain =
        |out: &mut String, text: String, bytes_max: usize| push_code(out, "", &cut(&without_colours(&text), bytes_max));
    match kind {
        "stream" => {
            // Format 3 calls the stream `stream`.
            let name = output.get("name").or_else(|| output.get("stream")).and_then(Value::text);
            let bytes_max = if name == Some("stderr") { STDERR_BYTES_MAX } else { OUTPUT_BYTES_MAX };
            plain(out, text_of(output, "text").unwrap_or_default(), bytes_max);
        }
        "error" | "pyerr" => {
            let (name, value) =
                (text_of(output, "ename").unwrap_or_default(), text_of(output, "evalue").unwrap_or_default());
            plain(out, format!("{name}: {value}"), STDERR_BYTES_MAX);
        }
        "execute_result" | "display_data" | "pyout" => {
            // Format 4 has the forms of an output by their media types, format 3 by short names.
            let data = output.get("data").unwrap_or(output);
            let of = |names: [&str; 2]| names.into_iter().find_map(|name| text_of(data, name));
            if let Some(reference) = images.figure(None, None, || picture_of(data)) {
                push_block(out, &reference);
            }
            let table =
                of(["text/html", "html"]).filter(|html| html.contains("<table") && html.len() <= TABLE_BYTES_MAX);
            if let Some(table) = table.and_then(|html| html::convert(html.as_bytes(), &Images::none()).ok()) {
                push_block(out, cut_table(&table.markdown));
            } else if let Some(text) = text_of(data, "text/markdown") {
                push_block(out, &with_pictures(&markdown::normalise(&text), None, images));
            } else if let Some(text) = text_of(data, "text/latex").or_else(|| text_of(data, "latex")) {
                push_block(out, &formula(&markdown::normalise(&text)));
            } else if let Some(text) = of(["text/plain", "text"]) {
                // What a picture is called inside the program says nothing to a reader.
                let of_picture = text.starts_with('<') && text.trim_end().ends_with('>');
                if !of_picture {
                    plain(out, text, OUTPUT_BYTES_MAX);
                }
            }
        }
        _ => {}
    }
}

/// Markdown of a table up to the last whole line that is kept, and to the first block of code in it: one that is cut has no end, and would
/// take in what follows.
fn cut_table(markdown: &str) -> &str {
    if markdown.len() <= OUTPUT_BYTES_MAX {
        return markdown;
    }
    let kept = &markdown[..markdown.floor_char_boundary(OUTPUT_BYTES_MAX)];
    let kept = &kept[..kept.rfind('\n').unwrap_or(0)];
    let code = kept.find("```").map_or(kept.len(), |at| kept[..at].rfind('\n').unwrap_or(0));
    &kept[..code]
}

fn cut(text: &str, bytes_max: usize) -> String {
    let text = markdown::normalise(text);
    if text.len() <= bytes_max {
        return text;
    }
    format!("{}…", &text[..text.floor_char_boundary(bytes_max)])
}

/// A terminal's text without its colours: `ESC [ … letter`.
fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let codes = &rest[at + 2..];
        let end = codes.find(|c: char| c.is_ascii_alphabetic()).map_or(codes.len(), |end| end + 1);
        rest = &codes[end..];
    }
    out.push_str(rest);
    out
}

/// The bytes of the first picture of an output or an attachment.
fn picture_of(data: &Value) -> Result<Vec<u8>, LeftOut> {
    let text = PICTURES.into_iter().find_map(|name| text_of(data, name)).ok_or(LeftOut::Other)?;
    base64(&text)
}

/// Markdown in which pictures whose bytes are in the notebook are references to their files; those that are none are left out.
fn with_pictures(text: &str, attachments: Option<&Value>, images: &Images<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("![") {
        let (before, picture) = rest.split_at(at);
        out.push_str(before);
        let inside = picture[2..].split_once("](").filter(|(alt, target)| {
            !alt.contains('\n') && (target.starts_with("data:") || target.starts_with("attachment:"))
        });
        match inside.and_then(|(alt, target)| Some((alt, target.split_once(')')?))) {
            Some((alt, (target, after))) => {
                // A title may follow the address.
                let address = target.split_whitespace().next().unwrap_or_default();
                let read = || match address.strip_prefix("attachment:") {
                    Some(name) => picture_of(attachments.and_then(|all| all.get(name)).ok_or(LeftOut::Other)?),
                    None => data_uri(address),
                };
                out.push_str(&images.figure(None, Some(alt), read).unwrap_or_default());
                rest = after;
            }
            None => {
                out.push_str("![");
                rest = &picture[2..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_code_and_outputs_of_format_4() {
        let notebook = r##"{"nbformat": 4, "metadata": {"title": "My work", "authors": [{"name": "Jo"}], "kernelspec": {"language": "julia"}}, "cells": [
            {"cell_type": "markdown", "source": ["# Plan\n", "- a\n", "![x](attachment:x.png)"]},
            {"cell_type": "code", "source": "print(1)", "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["1\n", "2\n"]},
                {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=", "text/plain": ["<Figure size 1x1>"]}},
                {"output_type": "execute_result", "data": {"text/html": "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>", "text/plain": "a"}},
                {"output_type": "error", "ename": "ValueError", "evalue": "\u001b[31mbad\u001b[0m", "traceback": ["x"]}]},
            {"cell_type": "raw", "source": "raw"}, {"cell_type": "strange"}]}"##;
        let converted = convert(notebook.as_bytes(), &Images::none()).unwrap();
        assert_eq!(
            converted.markdown,
            "# My work\n\n# Plan\n- a\n\n```julia\nprint(1)\n```\n\n```\n1\n2\n```\n\n| a |\n| - |\n| 1 |\n\n```\nValueError: bad\n```\n\n```\nraw\n```\n"
        );
        assert_eq!(converted.properties.title.as_deref(), Some("My work"));
        assert_eq!(converted.properties.author.as_deref(), Some("Jo"));
        assert_eq!(converted.warnings.len(), 1);
    }

    #[test]
    fn format_3_has_sheets_and_headings() {
        let notebook = r#"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": "H"},
            {"cell_type": "code", "language": "python", "input": "x", "outputs": [{"output_type": "pyout", "text": ["5"]}]}]}]}"#;
        assert_eq!(
            convert(notebook.as_bytes(), &Images::none()).unwrap().markdown,
            "## H\n\n```python\nx\n```\n\n```\n5\n```\n"
        );
    }

    #[test]
    fn the_error_stream_is_kept_short() {
        let text = "w".repeat(5_000);
        let notebook = format!(
            r#"{{"cells": [{{"cell_type": "code", "source": "x", "outputs": [{{"output_type": "stream", "name": "stderr", "text": "{text}"}}]}}]}}"#
        );
        assert!(convert(notebook.as_bytes(), &Images::none()).unwrap().markdown.len() < 500);
    }

    #[test]
    fn what_is_no_notebook() {
        for (source, code) in [
            ("{", "CORRUPT_DOCUMENT"),
            ("[1]", "CORRUPT_DOCUMENT"),
            (r#"{"cells": []}"#, "EMPTY_DOCUMENT"),
            ("", "CORRUPT_DOCUMENT"),
        ] {
            assert_eq!(convert(source.as_bytes(), &Images::none()).unwrap_err().code, code, "{source}");
        }
    }

    proptest! {
        #[test]
        fn any_cells_are_some_notebook(kind in "[a-z]{0,8}", source in "\\PC{0,40}", output in "\\PC{0,40}") {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let notebook = format!(
                r#"{{"cells": [{{"cell_type": "{kind}", "source": {0}}}, {{"cell_type": "code", "source": {0}, "outputs": [{{"output_type": "stream", "text": {1}}}]}},
                {{"cell_type": "markdown", "source": [{0}, {1}]}}]}}"#, quoted(&source), quoted(&output)
            );
            prop_assert!(convert(notebook.as_bytes(), &Images::none()).map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| done.markdown.ends_with('\n')));
        }
    }
}
