//! Steps of several components: which one a document gets, and documents inside documents.

use async_trait::async_trait;
use morag_core::plugin::{Budget, Capability, Grant};
use morag_core::ports::{
    BlobPath, Blobs as _, CapabilityError, Corner, Picture, PictureReader, Reading, ReadingModel, StepReport,
    StepRunner as _, StepSuccess, TextLine,
};
use morag_core::task::TaskId;
use morag_fixtures::zip_of;
use morag_runtime::Services;
use morag_tests::sandbox::{Sandbox, guest};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn plugin(name: &str) -> PathBuf {
    morag_tests::server::plugins_dir().join(format!("{name}.wasm"))
}

fn grant(name: &str) -> Grant {
    match name {
        "bundle" => Grant::of([Capability::Conversion]),
        "pdf_conversion" => Grant::of([Capability::Ocr]),
        _ => Grant::default(),
    }
}

async fn sandbox(grant: impl Fn(&str) -> Grant) -> Sandbox {
    let paths = vec![guest("bundle"), guest("noop"), plugin("text_conversion"), plugin("pdf_conversion")];
    Sandbox::granted(paths, grant, |_| ()).await.unwrap()
}

/// Runs the standard conversion over a document.
async fn convert(sandbox: &Sandbox, name: &str, bytes: &[u8]) -> (TaskId, StepReport) {
    let mut call = sandbox.plain_call("markdown_conversion", bytes).await;
    let record = Arc::make_mut(&mut call.record);
    record.source.file_name = name.into();
    record.source.media_type = "application/octet-stream".into();
    (call.record.id, sandbox.runner.run(call).await)
}

async fn markdown(sandbox: &Sandbox, name: &str, bytes: &[u8]) -> String {
    let (_, report) = convert(sandbox, name, bytes).await;
    let success = report.result.unwrap_or_else(|failure| panic!("{name}: {failure:?} {:?}", report.log));
    read(sandbox, &success, "markdown.md").await
}

async fn read(sandbox: &Sandbox, success: &StepSuccess, name: &str) -> String {
    let file = success.artifacts.iter().find(|staged| staged.artifact.name.as_str() == name).unwrap();
    let read = sandbox.blobs.read(&file.path, 0..file.artifact.size).await.unwrap();
    String::from_utf8(read.to_vec()).unwrap()
}

fn bundle(parts: &[(&str, &str)]) -> Vec<u8> {
    let part = |(name, text): &(&str, &str)| json!({ "name": name, "text": text });
    json!({ "parts": parts.iter().map(part).collect::<Vec<_>>() }).to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_gets_the_converter_that_takes_it_and_the_result_says_which() {
    let sandbox = sandbox(grant).await;
    for (name, bytes, component) in [
        ("a.md", b"# Title\n".to_vec(), "text_conversion"),
        ("README", b"words".to_vec(), "text_conversion"),
        ("a.bundle", bundle(&[]), "bundle"),
    ] {
        let (_, report) = convert(&sandbox, name, &bytes).await;
        assert_eq!(report.component.as_deref(), Some(component), "{name}");
        assert_eq!(report.result.unwrap().data["component"], component, "{name}");
    }
    let (_, report) = convert(&sandbox, "a.pdf", b"hello").await;
    let failure = report.result.unwrap_err();
    assert_eq!((failure.code.as_str(), &failure.details["component"]), ("CORRUPT_DOCUMENT", &json!("pdf_conversion")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_converter_takes_is_unsupported_and_says_what_is() {
    let sandbox = sandbox(grant).await;
    for (name, bytes, attempted, message) in [
        ("a.xyz", &b"\0\x01\x02\x03"[..], "xyz", ".xyz files cannot be converted"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "png", ".png files cannot be converted"),
        // The only one that is asked says it in its own words.
        ("a.bundle", b"{\"passes\": true}", "bundle", "it is for another converter"),
    ] {
        let (_, report) = convert(&sandbox, name, bytes).await;
        let failure = report.result.unwrap_err();
        assert_eq!(failure.code, "UNSUPPORTED_FORMAT", "{name}");
        assert!(!failure.retryable && failure.message.contains(message), "{failure:?}");
        assert_eq!(failure.details["attempted_format"], attempted);
        let supported: Vec<String> = serde_json::from_value(failure.details["supported_formats"].clone()).unwrap();
        assert!(["bundle", "txt", "pdf"].iter().all(|name| supported.iter().any(|one| one == name)), "{supported:?}");
        assert_eq!(report.component, None);
    }
}

/// Inner documents go through the same converters.
pub async fn inner_documents() {
    let sandbox = sandbox(grant).await;
    let inner = String::from_utf8(bundle(&[("../../deep.txt", "deep")])).unwrap();
    let parts = [("a.txt", "one"), ("b.xyz", "\0\x01\x02"), ("c.pdf", "no"), ("d.bundle", &inner)];
    let text = markdown(&sandbox, "a.bundle", &bundle(&parts)).await;
    let expected = "[a.txt: text_conversion|one]\n[b.xyz: UNSUPPORTED_FORMAT]\n[c.pdf: CORRUPT_DOCUMENT]\n\
                    [d.bundle: bundle|[../../deep.txt: text_conversion|deep]]\n";
    assert_eq!(text, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_nested_two_deep_and_no_deeper() {
    let sandbox = sandbox(grant).await;
    let nested = |inner: Vec<u8>| bundle(&[("x.bundle", &String::from_utf8(inner).unwrap())]);
    let two = nested(nested(bundle(&[("a.txt", "too deep")])));
    let text = markdown(&sandbox, "a.bundle", &two).await;
    assert!(text.contains("limit: documents are converted up to 2 levels deep"), "{text}");
    assert!(!text.contains("too deep"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_conversions_ends_them_and_not_the_step() {
    let limited = |name: &str| {
        let mut grant = grant(name);
        grant.budgets.set(Budget::ConversionCalls, 1);
        grant
    };
    let text = markdown(&sandbox(limited).await, "a.bundle", &bundle(&[("a.txt", "one"), ("b.txt", "two")])).await;
    assert!(text.contains("|one]") && text.contains("[b.txt: limit: the step's budget conversion_calls"), "{text}");
    let limited = |name: &str| {
        let mut grant = grant(name);
        grant.budgets.set(Budget::ConversionBytes, 3);
        grant
    };
    let text = markdown(&sandbox(limited).await, "a.bundle", &bundle(&[("a.txt", "one"), ("b.txt", "two")])).await;
    assert!(text.contains("[b.txt: limit: the step's budget conversion_bytes"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_and_those_inside_it_share_the_budgets_of_a_component() {
    let limited = |name: &str| {
        let mut grant = grant(name);
        grant.budgets.set(Budget::ConversionCalls, 3);
        grant
    };
    let inner = String::from_utf8(bundle(&[("b.txt", "one"), ("c.txt", "two")])).unwrap();
    let text =
        markdown(&sandbox(limited).await, "a.bundle", &bundle(&[("i.bundle", &inner), ("d.txt", "three")])).await;
    assert!(text.contains("[b.txt: text_conversion|one]\n[c.txt: text_conversion|two]"), "{text}");
    let limit = "[d.txt: limit: the step's budget conversion_calls of 3 calls a run is used up: 3 are used";
    assert!(text.contains(limit), "the inner bundle has used two of them: {text}");
}

/// Reads the same word in every picture.
struct OneWord;

#[async_trait]
impl PictureReader for OneWord {
    fn model(&self) -> Result<ReadingModel, CapabilityError> {
        Ok(ReadingModel { name: "one_word".into(), scripts: vec!["Latn".into()] })
    }

    async fn read(&self, _: Picture) -> Result<Reading, CapabilityError> {
        let corners = [(1.0, 1.0), (60.0, 1.0), (60.0, 20.0), (1.0, 20.0)].map(|(x, y)| Corner { x, y });
        let line = TextLine { text: "word".into(), confidence: 0.9, density: 2.5, corners };
        Ok(Reading { lines: vec![line], turned: 0, truncated: false })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_inside_a_document_share_what_their_component_may_use_of_a_service() {
    let granted = |name: &str| match name {
        "media_conversion" => {
            let mut grant = Grant::of([Capability::Transcription, Capability::Ocr]);
            grant.budgets.set(Budget::OcrPictures, 2);
            grant
        }
        _ => Grant::of([Capability::Conversion]),
    };
    let paths = vec![plugin("archive_conversion"), plugin("media_conversion")];
    let reader = |services: &mut Services| services.picture_reader = Arc::new(OneWord);
    let sandbox = Sandbox::granted(paths, granted, reader).await.unwrap();
    let mut png = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(64, 64).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let files = ["a.png", "b.png", "c.png"].map(|name| (name, &png.get_ref()[..]));
    let (_, report) = convert(&sandbox, "a.zip", &zip_of(&files)).await;
    let success = report.result.unwrap_or_else(|failure| panic!("{failure:?} {:?}", report.log));
    let document: Value = serde_json::from_str(&read(&sandbox, &success, "document.json").await).unwrap();
    let codes: Vec<_> = document["parts"].as_array().unwrap().iter().map(|part| &part["error_code"]).collect();
    assert_eq!(json!(codes), json!([null, null, "OCR_LIMIT"]));
    assert_eq!(read(&sandbox, &success, "markdown.md").await.matches("word").count(), 2);
}

/// A bundle that computes without end after it has converted its parts.
fn burning(parts: &[(&str, &str)]) -> String {
    let mut bundle: Value = serde_json::from_slice(&bundle(parts)).unwrap();
    bundle["burns"] = true.into();
    bundle.to_string()
}

/// As `grant`, with a second of processor time for a bundle or an archive, and that of the documents inside it.
fn grant_of_a_second(name: &str) -> Grant {
    let mut grant = grant(name);
    if matches!(name, "bundle" | "archive_conversion") {
        grant.limits.cpu_time_max = Duration::from_secs(1);
    }
    grant
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_inside_a_document_use_up_its_processor_time_together() {
    let sandbox = sandbox(grant_of_a_second).await;
    let burning = burning(&[]);
    let parts = [("a.txt", "one"), ("b.bundle", &burning), ("c.bundle", &burning), ("d.txt", "two")];
    let text = markdown(&sandbox, "a.bundle", &bundle(&parts)).await;
    let limit = "limit: the step's processor time is nearly used up: the rest of it is for what was converted already";
    let expected =
        format!("[a.txt: text_conversion|one]\n[b.bundle: PLUGIN_CPU_LIMIT]\n[c.bundle: {limit}]\n[d.txt: {limit}]\n");
    assert_eq!(text, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_two_levels_deep_uses_processor_time_of_the_outermost() {
    let granted = |name: &str| {
        let mut grant = grant(if name == "archive_conversion" { "bundle" } else { name });
        match name {
            "archive_conversion" => grant.limits.cpu_time_max = Duration::from_secs(2),
            "bundle" => grant.limits.cpu_time_max = Duration::from_millis(1400),
            _ => {}
        }
        grant
    };
    let paths = vec![guest("bundle"), plugin("text_conversion"), plugin("archive_conversion")];
    let sandbox = Sandbox::granted(paths, granted, |_| ()).await.unwrap();
    let burning = burning(&[]);
    let around = bundle(&[("x.bundle", &burning)]);
    let files = [("a.bundle", &around[..]), ("b.bundle", burning.as_bytes()), ("c.txt", b"words")];
    let (_, report) = convert(&sandbox, "a.zip", &zip_of(&files)).await;
    let success = report.result.unwrap_or_else(|failure| panic!("{failure:?}"));
    let text = read(&sandbox, &success, "markdown.md").await;
    // Nine tenths of the bundle's 1.4 s, and the rest of nine tenths of the archive's 2 s: nothing is left for the text.
    assert!(text.contains("x.bundle: PLUGIN") && !text.contains("words"), "{text}");
    let document: Value = serde_json::from_str(&read(&sandbox, &success, "document.json").await).unwrap();
    let codes: Vec<_> = document["parts"].as_array().unwrap().iter().map(|part| &part["error_code"]).collect();
    assert_eq!(json!(codes), json!([null, "PLUGIN_CPU_LIMIT", "CAPABILITY_LIMIT"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_computes_after_documents_inside_its_own_fails_by_its_own_limit() {
    let sandbox = sandbox(grant_of_a_second).await;
    let document = burning(&[("b.bundle", &burning(&[]))]);
    let (_, report) = convert(&sandbox, "a.bundle", document.as_bytes()).await;
    let failure = report.result.unwrap_err();
    assert_eq!((failure.code.as_str(), &failure.details["allowed"]), ("PLUGIN_CPU_LIMIT", &json!(1000)));
    assert!(failure.message.ends_with("try a smaller document"), "the limit is its own: {failure:?}");
    // Its own and that of the document inside it, each counted once.
    assert_eq!(failure.details["measured"].as_u64().map(|measured| measured >= report.resources.cpu_ms), Some(true));
}

/// What an archive had converted when the time was used up is kept, and what was left out is said.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_whose_processor_time_is_used_up_keeps_what_was_converted() {
    let granted = |name: &str| match name {
        "archive_conversion" => Grant { capabilities: [Capability::Conversion].into(), ..grant_of_a_second(name) },
        // Its own limit is never reached.
        _ => grant(name),
    };
    let paths = vec![guest("bundle"), plugin("text_conversion"), plugin("archive_conversion")];
    let sandbox = Sandbox::granted(paths, granted, |_| ()).await.unwrap();
    let burning = burning(&[]);
    let names = ["a.txt", "b.bundle", "c.bundle", "d.txt", "e.txt", "f.txt"];
    let files = names.map(|name| (name, if name.ends_with(".txt") { &b"words"[..] } else { burning.as_bytes() }));
    let (_, report) = convert(&sandbox, "a.zip", &zip_of(&files)).await;
    let success = report.result.unwrap_or_else(|failure| panic!("{failure:?}"));
    let document = read(&sandbox, &success, "document.json").await;
    let document: Value = serde_json::from_str(&document).unwrap();
    let parts = document["parts"].as_array().unwrap();
    let codes: Vec<_> = parts.iter().map(|part| part["error_code"].as_str().unwrap_or_default()).collect();
    let limit = "CAPABILITY_LIMIT";
    assert_eq!(codes, ["", "PLUGIN_CPU_LIMIT", limit, limit, limit, limit]);
    assert!(read(&sandbox, &success, "markdown.md").await.contains("words"));
    let warnings: Vec<String> = serde_json::from_value(success.data["warnings"].clone()).unwrap();
    assert_eq!(warnings.len(), 5, "{warnings:?}");
    for (name, warning) in names[1..].iter().zip(&warnings) {
        assert!(warning.contains(&format!("{name} was not converted")), "{warning}");
    }
    let by_itself = "that is all that the document around it had left: submit this document by itself";
    assert!(warnings[0].contains(by_itself), "{warnings:?}");
    assert!(warnings[1].contains("processor time is nearly used up"), "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_inner_documents_is_left() {
    let sandbox = sandbox(grant).await;
    let (task, report) = convert(&sandbox, "a.bundle", &bundle(&[("a.txt", "one"), ("b.txt", "two")])).await;
    let success = report.result.unwrap();
    let left = sandbox.blobs.delete_all(&BlobPath::staging(task)).await.unwrap();
    assert_eq!(left, success.artifacts.len() as u64, "only what is to be published is staged");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_converter_that_passes_a_document_on_is_left() {
    let sandbox = sandbox(grant).await;
    let (task, report) = convert(&sandbox, "a.bundle", b"{\"passes\": true}").await;
    assert_eq!(report.result.unwrap_err().code, "UNSUPPORTED_FORMAT");
    assert_eq!(sandbox.blobs.delete_all(&BlobPath::staging(task)).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_inner_conversions_are_in_the_log_once() {
    let sandbox = sandbox(grant).await;
    let inner = String::from_utf8(bundle(&[])).unwrap();
    let (_, report) = convert(&sandbox, "a.bundle", &bundle(&[("b.bundle", &inner)])).await;
    let lines: Vec<&str> = report.log.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines, ["a bundle is opened", "b.bundle: a bundle is opened"]);
    assert_eq!(report.resources.log_lines, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_inner_conversions_use_is_counted() {
    let sandbox = sandbox(grant).await;
    let used = async |parts: &[(&str, &str)]| convert(&sandbox, "a.bundle", &bundle(parts)).await.1.resources;
    let (none, one) = (used(&[]).await, used(&[("a.txt", "one")]).await);
    assert!(one.host_calls > none.host_calls + 5, "{none:?} {one:?}");
    assert!(one.bytes_out >= none.bytes_out + 6, "{none:?} {one:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_bundles_at_once_do_not_wait_for_each_other() {
    // As many as the engine has instances: each needs further ones for its parts.
    let sandbox = Arc::new(sandbox(grant).await);
    let document = bundle(&[("a.txt", "one"), ("b.txt", "two")]);
    let one = |_| {
        let (sandbox, document) = (sandbox.clone(), document.clone());
        tokio::spawn(async move { convert(&sandbox, "a.bundle", &document).await.1.result.map(|done| done.data) })
    };
    for ended in (0..4).map(one).collect::<Vec<_>>() {
        let data: Value = ended.await.unwrap().unwrap().into();
        assert_eq!(data["component"], "bundle");
    }
}
