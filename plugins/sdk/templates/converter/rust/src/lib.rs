//! Converts files of lines `key = value` (.kvt), a made-up format, into a table.

use morag_step::{
    Converter, Data, Descriptor, Failure, Format, Level, Output, Step, Task, blob_bytes, data, host, json,
};

/// Larger documents are refused: in memory the rows of one are many times as large.
const BYTES_MAX: u64 = 4 << 20;

fn convert(task: &dyn Task) -> Result<Data, Failure> {
    let info = task.info();
    let (name, size) = (info.file_name, info.size);
    if size > BYTES_MAX {
        let message = format!("{name} has {size} bytes, and at most {BYTES_MAX} can be converted: split it");
        return Err(Failure::new("DOCUMENT_TOO_LARGE", message));
    }
    let (rows, damaged) = read(&blob_bytes(task.source().as_ref())?);
    if rows.is_empty() {
        // The host asks the next converter that takes such a document.
        let message = format!("{name} has no lines of text `key = value`: submit it in another format");
        return Err(Failure::new("UNSUPPORTED_FORMAT", message));
    }
    if damaged > 0 {
        task.log(Level::Warn, &format!("lines without a key and `=`, which are left out: {damaged}"));
    }
    task.report_progress(0.5, &format!("{} keys", rows.len()));

    let markdown = format!("| Key | Value |\n| --- | --- |\n{}\n", rows.join("\n"));
    task.write_artifact("markdown.md", markdown.as_bytes())?;
    let document = json!({ "encoding": "utf-8", "format": "kvtxt", "media_type": "application/x-kvtxt" });
    task.write_json("document.json", &document)?;
    Ok(data(json!({
        "conversion_metadata": {
            "original_format": "kvtxt",
            "file_size_bytes": size,
            "content_length": markdown.chars().count(),
            "page_count": null,
        }
    })))
}

/// The rows of the table, and the number of lines that are damaged. No rows where it is no text.
fn read(content: &[u8]) -> (Vec<String>, usize) {
    let (mut rows, mut damaged) = (Vec::new(), 0);
    let text = str::from_utf8(content).unwrap_or("\0");
    if text.contains('\0') {
        return (rows, damaged);
    }
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).split('\n') {
        let line = line.replace(|c: char| c.is_ascii_control(), " ");
        let line = line.trim_matches(' ');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('=').map(|(key, value)| (cell(key), cell(value))) {
            Some((key, value)) if !key.is_empty() => rows.push(format!("| {key} | {value} |")),
            _ => damaged += 1,
        }
    }
    (rows, damaged)
}

/// Text as it is, between the lines of a table: what markdown would read as its own is escaped.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.trim_matches(' ').chars() {
        if "\\`*_[]<&|".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

struct Kvtxt;

impl Step for Kvtxt {
    fn describe() -> Descriptor {
        Descriptor::new("{{name}}", env!("CARGO_PKG_VERSION"), "Converts lines of keys and values into a table")
            .writes(Output::new("markdown.md", "text/markdown").published_as("markdown_file_url"))
            .writes(Output::new("document.json", "application/json"))
    }
    fn run() -> Result<Data, Failure> {
        convert(&host::TaskHandle)
    }
}

impl Converter for Kvtxt {
    fn formats() -> Vec<Format> {
        vec![Format::new("kvtxt", ["application/x-kvtxt"], ["kvt"])]
    }
}

morag_step::export_converter!(Kvtxt);

#[cfg(test)]
mod tests {
    use super::*;
    use morag_step::mock::{MockTask, assert_fails};

    #[test]
    fn lines_become_a_table() {
        let source = "\u{feff}name = A|B\r\n\n# no row\nno key\n= none\nsum = 1 = 1";
        let task = MockTask::of::<Kvtxt>("a.kvt", source);
        assert_eq!(convert(&task).unwrap()["conversion_metadata"]["content_length"], 62);
        let table = "| Key | Value |\n| --- | --- |\n| name | A\\|B |\n| sum | 1 = 1 |\n";
        assert_eq!(task.file("markdown.md").unwrap(), table.as_bytes());
    }

    #[test]
    fn what_is_not_ours_is_passed_on() {
        for source in [&b""[..], b"a letter", b"a = \xff", b"a = \0"] {
            assert_fails(convert(&MockTask::of::<Kvtxt>("a.kvt", source)), "UNSUPPORTED_FORMAT");
        }
    }

    #[test]
    fn a_large_document_is_refused() {
        let source = vec![b' '; BYTES_MAX as usize + 1];
        assert_fails(convert(&MockTask::of::<Kvtxt>("a.kvt", source)), "DOCUMENT_TOO_LARGE");
    }
}
