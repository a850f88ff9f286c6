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
