//! The task interface of a guest.

use morag_core::plugin::Limits;
use morag_core::ports::{Blobs, StepRunner};
use morag_tests::sandbox::{Sandbox, guest};
use serde_json::json;

async fn sandbox() -> Sandbox {
    Sandbox::load(vec![guest("misbehave")], Limits::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_in_and_an_artifact_comes_out() {
    let sandbox = sandbox().await;
    let document: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let call = sandbox.call("echo", &document).await;
    let task = call.record.id;
    let report = sandbox.runner.run(call).await;
    let success = report.result.unwrap();
    assert_eq!(success.data["bytes"], json!(3_000_000));
    assert_eq!(success.data["file_name"], "report.txt");
    assert_eq!(success.data["out_url"], format!("/api/files/temp/{task}/out.txt"));
    let [staged] = &success.artifacts[..] else { panic!("{:?}", success.artifacts) };
    assert_eq!(staged.artifact.size, 3_000_000);
    let kept = sandbox.blobs.read(&staged.path, 0..u64::MAX).await.unwrap();
    assert_eq!(kept, document);
    assert!(report.resources.bytes_in >= 3_000_000 && report.resources.bytes_out == 3_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_past_the_end_is_short_or_empty() {
    let success = sandbox().await.run("read_past_the_end").await.result.unwrap();
    assert_eq!(success.data["lengths"], json!([4, 1, 0, 0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_keeps_its_code_message_and_details() {
    let failure = sandbox().await.run("fail").await.result.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("CUSTOM_CODE", "a message for people"));
    assert_eq!(failure.details["attempted_format"], "xyz");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_declared_names_can_be_written() {
    let sandbox = sandbox().await;
    for mode in ["undeclared", "escape"] {
        assert_eq!(sandbox.run(mode).await.result.unwrap_err().code, "ARTIFACT_UNDECLARED", "{mode}");
    }
}

/// Names of the artifacts of a run that writes some names, their media types, and whether callers see them; and the names that were refused.
async fn written(sandbox: &Sandbox, names: &[&str]) -> (Vec<(String, String, bool)>, Vec<String>) {
    let mut call = sandbox.call("names", b"document").await;
    call.config.insert("names".into(), json!(names));
    let success = sandbox.runner.run(call).await.result.unwrap();
    let refused: Vec<(String, String)> = serde_json::from_value(success.data["refused"].clone()).unwrap();
    assert!(refused.iter().all(|(_, code)| code == "ARTIFACT_UNDECLARED"), "{refused:?}");
    let kept = success.artifacts.into_iter().map(|staged| staged.artifact);
    let kept = kept.map(|file| (file.name.to_string(), file.media_type, file.listed)).collect();
    (kept, refused.into_iter().map(|(name, _)| name).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_pattern_can_be_written_under_any_name_that_fits() {
    let sandbox = sandbox().await;
    let names = ["sheet-1.png", "sheet-0002.png", "sheet-1.png", "sheet-a.b_C.png"];
    let (kept, refused) = written(&sandbox, &names).await;
    let page = |name: &str| (name.to_owned(), "image/png".to_owned(), true);
    assert_eq!(kept, [page("sheet-0002.png"), page("sheet-1.png"), page("sheet-a.b_C.png")]);
    assert!(refused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_fit_no_pattern_are_undeclared() {
    let sandbox = sandbox().await;
    let long = format!("sheet-{}.png", "1".repeat(55));
    let names = [
        "sheet-.png",
        "sheet-1.jpg",
        "sheet-1.PNG",
        "page1.png",
        "xsheet-1.png",
        "sheet-/1.png",
        "sheet-*.png",
        "o.txt",
        "",
        &long,
    ];
    let (kept, refused) = written(&sandbox, &names).await;
    assert_eq!((kept, refused), (vec![], names.map(str::to_owned).to_vec()));
}

/// `out.txt` and `other.txt` both fit `o*.txt`, and `original.txt` is the document.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_its_own_comes_before_patterns_and_the_document_is_no_output() {
    let (kept, refused) = written(&sandbox().await, &["out.txt", "other.txt", "original.txt"]).await;
    let file = |name: &str, media_type: &str, listed| (name.to_owned(), media_type.to_owned(), listed);
    assert_eq!(kept, [file("out.txt", "text/plain", false), file("other.txt", "text/x-first-pattern", true)]);
    assert_eq!(refused, ["original.txt"]);
}

/// `out.txt` and `second.txt` keep their places.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_pattern_count_as_artifacts_and_leave_room_for_the_others() {
    let sandbox = Sandbox::load(vec![guest("misbehave")], Limits { artifacts_max: 5, ..Limits::default() }).await;
    let sandbox = sandbox.unwrap();
    let pages = async |mode: &str, count: u32| {
        let mut call = sandbox.call(mode, b"document").await;
        call.config.insert("counts".into(), json!([count]));
        sandbox.runner.run(call).await.result
    };
    assert_eq!(pages("pages", 3).await.unwrap().artifacts.len(), 3);
    let success = pages("pages_and_texts", 9).await.unwrap();
    let names: Vec<_> = success.artifacts.iter().map(|staged| staged.artifact.name.as_str()).collect();
    assert_eq!(names, ["sheet-1.png", "sheet-2.png", "sheet-3.png", "out.txt", "second.txt"]);
    let failure = pages("pages_or_failure", 4).await.unwrap_err();
    assert_eq!((failure.code.as_str(), &failure.details["allowed"]), ("PLUGIN_ARTIFACT_LIMIT", &json!(3)));
    assert_eq!(failure.details["measured"], json!(4));
}

/// A file of a pattern of which a part was refused is not kept, though the guest goes on and finishes it.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_pattern_leave_bytes_for_the_others() {
    let sandbox = Sandbox::load(vec![guest("misbehave")], Limits { output_bytes_max: 30, ..Limits::default() }).await;
    let sandbox = sandbox.unwrap();
    let mut call = sandbox.call("pages_and_texts", b"document").await;
    call.config.insert("counts".into(), json!([3]));
    let success = sandbox.runner.run(call).await.result.unwrap();
    let names: Vec<_> = success.artifacts.iter().map(|staged| staged.artifact.name.as_str()).collect();
    assert_eq!(names, ["sheet-1.png", "out.txt", "second.txt"], "a sheet has 19 bytes");
    assert_eq!(sandbox.run("half_a_page").await.result.unwrap().data["finished"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_artifact_is_no_artifact() {
    let success = sandbox().await.run("unfinished").await.result.unwrap();
    assert!(success.artifacts.is_empty());
    assert!(!success.data.contains_key("out_url"));
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_only_rises_and_is_finite() {
    let sandbox = sandbox().await;
    assert!(sandbox.run("progress").await.result.is_ok());
    let reports = sandbox.progress.lock().unwrap().clone();
    let fractions: Vec<_> = reports.iter().map(|(fraction, _)| *fraction).collect();
    assert_eq!(fractions, [0.5, 0.6, 1.0]);
    assert_eq!(reports[0].1, "a b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_no_environment_and_no_files() {
    let success = sandbox().await.run("environment").await.result.unwrap();
    assert_eq!(success.data["variables"], json!(0));
    assert_eq!(success.data["arguments"], json!(0));
    assert_eq!(success.data["root"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_sleep_is_allowed() {
    assert!(sandbox().await.run("sleep_short").await.result.is_ok());
}
