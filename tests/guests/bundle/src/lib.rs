//! A converter of documents that hold other documents: for the tests of converters.
//!
//! Its format is JSON: `{"parts": [{"name": "a.txt", "text": "…"}]}`. Each part is converted; one that is not is told by its code. A
//! bundle that says `"passes": true` is not taken, and one that says `"burns": true` computes without end when its parts are converted.

use morag_step::{
    CapabilityError, Conversion, Converter, Data, Descriptor, Failure, Format, Level, Output, Step, Task, data, host,
    json,
};
use serde::Deserialize;

/// The converter.
pub struct Bundle;

#[derive(Deserialize)]
struct Parts {
    #[serde(default)]
    passes: bool,
    #[serde(default)]
    burns: bool,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    name: String,
    text: String,
}

fn markdown(task: &dyn Task, converters: &dyn Conversion) -> Result<String, Failure> {
    let source = morag_step::blob_bytes(task.source().as_ref())?;
    let bundle: Parts =
        serde_json::from_slice(&source).map_err(|error| Failure::new("CORRUPT_DOCUMENT", error.to_string()))?;
    task.log(Level::Info, "a bundle is opened");
    if bundle.passes {
        task.write_artifact("markdown.md", b"it is not to be kept")?;
        return Err(Failure::new("UNSUPPORTED_FORMAT", "it is for another converter"));
    }
    let mut markdown = String::new();
    for Part { name, text } in bundle.parts {
        let file = task.write_temporary_file("part", "application/octet-stream", text.as_bytes())?;
        let line = match converters.convert(file.as_ref(), &name) {
            Ok(Ok(converted)) => format!("{}|{}", converted.component, converted.markdown.trim_end()),
            Ok(Err(refused)) => refused.code,
            Err(CapabilityError::Limit(text)) => format!("limit: {text}"),
            Err(error) => return Err(error.into()),
        };
        markdown.push_str(&format!("[{name}: {line}]\n"));
    }
    if bundle.burns {
        loop {
            std::hint::black_box(&markdown);
        }
    }
    Ok(markdown)
}

impl Step for Bundle {
    fn describe() -> Descriptor {
        Descriptor::new("bundle", "1.0.0", "Converts documents that hold documents")
            .writes(Output::new("markdown.md", "text/markdown").published_as("markdown_file_url"))
            .wants("conversion")
    }

    fn run() -> Result<Data, Failure> {
        let task = host::TaskHandle;
        let text = markdown(&task, &host::ConversionHandle)?;
        task.write_artifact("markdown.md", text.as_bytes())?;
        Ok(data(json!({})))
    }
}

impl Converter for Bundle {
    fn formats() -> Vec<Format> {
        vec![Format::new("bundle", ["application/x-bundle"], ["bundle"])]
    }
}

morag_step::export_converter!(Bundle);
