//! A component that was built against 1.0.0, committed in that form, on today's host.
//!
//! It is the guest `misbehave` of that time, whose configuration's `mode` selects what it does.

use morag_core::plugin::Limits;
use morag_core::ports::{Blobs, StepRunner};
use morag_tests::sandbox::{Sandbox, small_limits};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Digest of the file, which is never built again.
const BUILT_THEN: &str = "44c2d1b029f8ab3da475ea3c06cbd06bb8d8d622000b799ad35dcc98bd5005e2";

fn component() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/step-1.0.0.wasm")
}

async fn sandbox(limits: Limits) -> Sandbox {
    Sandbox::load(vec![component()], limits).await.unwrap()
}

#[test]
fn it_is_the_file_that_was_built_then_and_imports_1_0_0() {
    let bytes = std::fs::read(component()).unwrap();
    assert_eq!(hex::encode(Sha256::digest(&bytes)), BUILT_THEN);
    let names = |version: &str| {
        let name = format!("morag:step/task@{version}");
        bytes.windows(name.len()).any(|window| window == name.as_bytes())
    };
    assert!(names("1.0.0") && !names("1.1.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_the_document_and_writes_an_artifact() {
    let sandbox = sandbox(Limits::default()).await;
    let document: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let call = sandbox.call("echo", &document).await;
    let task = call.record.id;
    let success = sandbox.runner.run(call).await.result.unwrap();
    assert_eq!(success.data["bytes"], json!(3_000_000));
    assert_eq!(success.data["file_name"], "report.txt");
    assert_eq!(success.data["out_url"], format!("/api/files/temp/{task}/out.txt"));
    let [staged] = &success.artifacts[..] else { panic!("{:?}", success.artifacts) };
    assert_eq!(sandbox.blobs.read(&staged.path, 0..u64::MAX).await.unwrap(), document);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_failure_keeps_code_message_and_details() {
    let failure = sandbox(Limits::default()).await.run("fail").await.result.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("CUSTOM_CODE", "a message for people"));
    assert_eq!(failure.details["attempted_format"], "xyz");
}

#[tokio::test(flavor = "multi_thread")]
async fn its_progress_is_told() {
    let sandbox = sandbox(Limits::default()).await;
    assert!(sandbox.run("progress").await.result.is_ok());
    let fractions: Vec<_> = sandbox.progress.lock().unwrap().iter().map(|(fraction, _)| *fraction).collect();
    assert_eq!(fractions, [0.5, 0.6, 1.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_errors_reach_it() {
    let sandbox = sandbox(small_limits()).await;
    assert_eq!(sandbox.run("undeclared").await.result.unwrap_err().code, "ARTIFACT_UNDECLARED");
    let success = sandbox.run("unfinished").await.result.unwrap();
    assert!(success.artifacts.is_empty());
    let success = sandbox.run("read_past_the_end").await.result.unwrap();
    assert_eq!(success.data["lengths"], json!([4, 1, 0, 0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn its_trap_and_its_endless_loop_end_it_alone() {
    let sandbox = sandbox(small_limits()).await;
    assert_eq!(sandbox.run("panic").await.result.unwrap_err().code, "PLUGIN_TRAP");
    assert_eq!(sandbox.run("loop").await.result.unwrap_err().code, "PLUGIN_TIMEOUT");
    assert!(sandbox.run("sleep_short").await.result.is_ok());
}
