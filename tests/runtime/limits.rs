//! What ends a guest.

use morag_core::ports::{BlobPath, Blobs, StepReport, StepRunner};
use morag_tests::sandbox::{Sandbox, guest, small_limits};
use std::time::Duration;

async fn sandbox() -> Sandbox {
    Sandbox::load(vec![guest("misbehave")], small_limits()).await.unwrap()
}

async fn fails_with(mode: &str) -> (String, String, StepReport) {
    let sandbox = sandbox().await;
    let report = sandbox.run(mode).await;
    let failure = report.result.clone().unwrap_err();
    // The host goes on: the next call on the same engine works.
    assert!(sandbox.run("echo").await.result.is_ok(), "after {mode}");
    (failure.code, failure.message, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_is_stopped() {
    let (code, message, _) = fails_with("loop").await;
    assert_eq!(code, "PLUGIN_TIMEOUT");
    assert!(message.contains("0.7 s"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_guest_is_stopped() {
    let (code, _, report) = fails_with("sleep").await;
    assert_eq!(code, "PLUGIN_TIMEOUT");
    assert!(report.resources.cpu_ms < report.resources.wall_ms, "sleeping is not computing: {:?}", report.resources);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_recursion_is_stopped() {
    assert_eq!(fails_with("recursion").await.0, "PLUGIN_STACK_LIMIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_is_stopped_and_counted() {
    let (code, message, report) = fails_with("memory").await;
    assert_eq!(code, "PLUGIN_MEMORY_LIMIT");
    assert!(message.contains("64 MiB"), "{message}");
    let peak = report.resources.peak_memory_bytes;
    assert!(peak > 16 << 20 && peak <= 64 << 20, "{peak}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_flood_is_stopped_though_the_guest_ignores_errors() {
    assert_eq!(fails_with("flood").await.0, "PLUGIN_OUTPUT_LIMIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_trap_with_the_guests_own_words() {
    let (code, message, _) = fails_with("panic").await;
    assert_eq!(code, "PLUGIN_TRAP");
    assert!(message.contains("the guest's own words"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn printing_and_logging_never_trap_and_are_bounded() {
    let sandbox = sandbox().await;
    for mode in ["print", "log"] {
        let report = sandbox.run(mode).await;
        assert!(report.result.is_ok(), "{mode}: {:?}", report.result);
        assert_eq!(report.log.len(), 1001, "{mode}");
        assert_eq!(report.log[1000].message, "4000 more lines were not kept", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_not_the_interfaces_is_the_steps_failure() {
    assert_eq!(fails_with("bad_code").await.0, "PLUGIN_RESULT_INVALID");
    assert_eq!(fails_with("huge_data").await.0, "PLUGIN_RESULT_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_call_stops_the_guest_and_leaves_no_file() {
    let sandbox = Sandbox::load(vec![guest("misbehave")], morag_core::plugin::Limits::default()).await.unwrap();
    let call = sandbox.call("loop", b"document").await;
    let task = call.record.id;
    // Four instances fit into the pool: were one of these still there, a later call would find no place.
    for _ in 0..8 {
        let running = sandbox.runner.run(call.clone());
        assert!(tokio::time::timeout(Duration::from_millis(40), running).await.is_err(), "the loop ended");
    }
    let mut report = sandbox.run("echo").await;
    // The last dropped call has up to an epoch to go.
    for _ in 0..100 {
        match &report.result {
            Err(failure) if failure.code == "PLUGIN_BUSY" => report = sandbox.run("echo").await,
            _ => break,
        }
    }
    assert!(report.result.is_ok(), "{:?}", report.result);
    let files = sandbox.blobs.list(&BlobPath::task(task)).await.unwrap();
    assert!(files.iter().all(|file| file.name != "out.txt"), "{files:?}");
}
