//! Title, author, dates, language and size of a document: the step `metadata_extraction`.
//!
//! What the document says about itself comes first (`document.json`, if a converter wrote it), then what its text shows
//! ([`title`], [`language`]). What cannot be known is null, never invented.

mod document;
pub mod media_type;
pub mod title;

use document::Document;
use morag_step::{Data, Descriptor, Failure, Level, Output, Step, Task, data, host, json};
use morag_text::language;
use morag_text::passages::passages;
use serde_json::Value;

/// Runs the step over a task.
///
/// # Errors
/// `INPUT_MISSING` and `INPUT_INVALID` for `markdown.md`, or what the host answers when a file cannot be written.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    let info = task.info();
    let markdown = task.artifact_text("markdown.md")?;
    let document = Document::read(task)?;
    task.report_progress(0.3, "reading the properties");
    let properties = &document.properties;
    let title = title::from_property(properties.text("title"), &info.file_name).or_else(|| title::from_text(&markdown));
    task.report_progress(0.5, "finding the language");
    let language = info.language.as_deref().and_then(language::iso_639_1);
    let language = language.or_else(|| properties.text("language").and_then(language::iso_639_1));
    let language = language.or_else(|| language::detect(&passages(&markdown)));
    let media_type = document.media_type.or_else(|| media_type::guess(&info.media_type, &info.file_name));
    let metadata = json!({
        "title": title,
        "author": properties.text("author"),
        // A day, as in the guide; the time, where there is one, is in the file's properties.
        "creation_date": properties.text("creation_date").and_then(|date| date.get(..10)),
        "format": media_type,
        "language": language,
        "page_count": document.page_count,
        "file_size_bytes": info.size,
    });
    let mut file_properties = properties.without_nulls();
    file_properties.insert("file_name".into(), info.file_name.into());
    if !info.sha256.is_empty() {
        file_properties.insert("sha256".into(), info.sha256.into());
    }
    file_properties.insert("encoding".into(), document.encoding.map_or(Value::Null, Value::String));
    let data = data(json!({ "metadata": metadata, "file_properties": file_properties }));
    task.write_artifact("metadata.json", Value::Object(data.clone()).to_string().as_bytes())?;
    if title.is_none() {
        task.log(Level::Info, "neither the properties nor the text give a title");
    }
    Ok(data)
}

/// The step `metadata_extraction`.
#[derive(Debug)]
pub struct MetadataExtraction;

impl Step for MetadataExtraction {
    fn describe() -> Descriptor {
        Descriptor::new(
            "metadata_extraction",
            env!("CARGO_PKG_VERSION"),
            "Title, author, dates, language and size of a document",
        )
        .reads("markdown.md")
        .reads_if_present("document.json")
        .writes(Output::new("metadata.json", "application/json").published_as("metadata_file_url"))
        .configured_by(json!({ "type": "object", "additionalProperties": false }))
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

morag_step::export_step!(MetadataExtraction);

#[cfg(test)]
mod tests {
    use super::*;
    use morag_step::mock::MockTask;

    const MARKDOWN: &str = "# Der Bericht\n\nDies ist ein ganz gewöhnlicher deutscher Text, der lang genug ist, damit man \
                            seine Sprache sicher erkennen kann.\n";

    fn task(document: Value) -> MockTask {
        let mut task = MockTask::new("report.pdf", "source")
            .with_artifact("markdown.md", MARKDOWN)
            .with_artifact("document.json", document.to_string());
        task.info.sha256 = "ab".repeat(32);
        task
    }

    fn full() -> Value {
        json!({
            "format": "pdf", "media_type": "application/pdf", "encoding": null, "page_count": 2, "pages": [],
            "properties": {
                "title": "Yearly report", "author": "Jane Smith", "subject": null, "keywords": ["a"], "language": "en-GB",
                "creator": null, "producer": null, "creation_date": "2024-01-10T08:00:00Z", "modification_date": null
            }
        })
    }

    #[test]
    fn the_documents_own_properties_come_first() {
        let task = task(full());
        let data = run(&task).unwrap();
        assert_eq!(
            data["metadata"],
            json!({
                "title": "Yearly report", "author": "Jane Smith", "creation_date": "2024-01-10",
                "format": "application/pdf", "language": "en", "page_count": 2, "file_size_bytes": 6
            })
        );
        assert_eq!(
            data["file_properties"],
            json!({
                "title": "Yearly report", "author": "Jane Smith", "keywords": ["a"], "language": "en-GB",
                "creation_date": "2024-01-10T08:00:00Z", "file_name": "report.pdf", "sha256": "ab".repeat(32), "encoding": null
            })
        );
        let file: Value = serde_json::from_slice(&task.file("metadata.json").unwrap()).unwrap();
        assert_eq!(file, Value::Object(data.clone()));
        assert!(!data.contains_key("metadata_file_url"), "the host adds it");
    }

    #[test]
    fn the_text_fills_what_properties_leave_open() {
        let data = run(&task(json!({ "properties": {} }))).unwrap();
        assert_eq!(data["metadata"]["title"], "Der Bericht");
        assert_eq!(data["metadata"]["language"], "de");
        assert_eq!(data["metadata"]["author"], Value::Null);
        assert_eq!(data["metadata"]["page_count"], Value::Null);
        assert_eq!(data["metadata"]["format"], "application/pdf", "by the file's name");
    }

    #[test]
    fn another_converter_need_not_write_document_json() {
        let task = MockTask::new("notes.xyz", "source").with_artifact("markdown.md", "one\n");
        let data = run(&task).unwrap();
        assert_eq!(data["metadata"]["title"], Value::Null);
        assert_eq!(data["metadata"]["language"], Value::Null);
        assert_eq!(data["metadata"]["format"], Value::Null);
        assert_eq!(data["metadata"]["file_size_bytes"], 6);
    }

    #[test]
    fn what_the_caller_says_comes_before_all() {
        let mut task = task(full());
        task.info.language = Some("FR".into());
        assert_eq!(run(&task).unwrap()["metadata"]["language"], "fr");
    }

    #[test]
    fn odd_documents_are_read_as_far_as_they_go() {
        for odd in [json!([]), json!({ "page_count": "two", "properties": 3 }), json!({ "properties": { "title": 7 } })]
        {
            assert_eq!(run(&task(odd)).unwrap()["metadata"]["title"], "Der Bericht");
        }
        let task =
            MockTask::new("a.pdf", "x").with_artifact("markdown.md", MARKDOWN).with_artifact("document.json", "{");
        assert_eq!(run(&task).unwrap()["metadata"]["title"], "Der Bericht");
    }

    #[test]
    fn markdown_is_needed() {
        assert_eq!(run(&MockTask::new("a.pdf", "x")).unwrap_err().code, "INPUT_MISSING");
    }
}
