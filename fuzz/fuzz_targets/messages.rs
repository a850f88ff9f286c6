//! Messages, of Outlook where they begin as compound files do, with the real converters for what is in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_conversion::testdata::source;
use morag_conversion::{Converted, Source};
use morag_fuzz::keeps_its_promise;
use morag_step::mock::{MockConversion, MockTask};
use morag_step::{ConvertedDocument, Failure, Refused};

/// Documents within documents, as the host has it.
const DEPTH_MAX: usize = 2;

fuzz_target!(|bytes: &[u8]| {
    let name = if bytes.starts_with(morag_conversion::ole::SIGNATURE) { "a.msg" } else { "a.eml" };
    keeps_its_promise(|source| convert(source, 0), bytes, name);
});

fn convert(source: &Source, depth: usize) -> Result<Converted, Failure> {
    let converters = MockConversion::by(move |name, bytes| inner(name, bytes, depth));
    archive_conversion::convert(&MockTask::new(&source.file_name, ""), &converters, source)
}

fn inner(name: &str, bytes: &[u8], depth: usize) -> Result<ConvertedDocument, Refused> {
    let refused = |failure: Failure| Refused { code: failure.code, message: failure.message };
    if depth >= DEPTH_MAX {
        return Err(refused(Failure::new("UNSUPPORTED_FORMAT", "too deep")));
    }
    let source = source(bytes, name);
    let mut converted = match morag_conversion::formats::extension(name).as_str() {
        "msg" | "eml" => convert(&source, depth + 1),
        "rtf" | "doc" | "xls" | "ppt" => office_conversion::convert(&source),
        _ => text_conversion::convert(&source),
    }
    .map_err(refused)?;
    let document = converted.document_json().as_object().cloned().unwrap_or_default();
    Ok(ConvertedDocument { markdown: std::mem::take(&mut converted.markdown), document, component: "fuzz".into() })
}
