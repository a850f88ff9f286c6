//! Limits that end a guest, with steps in Rust. Every limit by the raw interface is in `hostile/`.

use morag_core::plugin::Limits;
use morag_core::ports::StepReport;
use morag_tests::sandbox::{Sandbox, guest, small_limits};
use std::time::Duration;

/// Time limits for a slow machine.
fn patient_limits() -> Limits {
    Limits { wall_time_max: Duration::from_secs(60), ..small_limits() }
}

async fn fails_with(mode: &str) -> (String, String, StepReport) {
    fails_within(mode, patient_limits()).await
}

async fn fails_within(mode: &str, limits: Limits) -> (String, String, StepReport) {
    let sandbox = Sandbox::load(vec![guest("misbehave")], limits).await.unwrap();
    let report = sandbox.run(mode).await;
    let failure = report.result.clone().unwrap_err();
    // The host still works: the next call on the same engine succeeds.
    assert_ne!(sandbox.run("fail").await.result.unwrap_err().code, failure.code, "after {mode}");
    (failure.code, failure.message, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_loop_is_stopped() {
    let (code, message, _) = fails_within("loop", small_limits()).await;
    assert_eq!(code, "PLUGIN_TIMEOUT");
    assert!(message.contains("0.7 s"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sleeping_guest_is_stopped() {
    let (code, _, report) = fails_within("sleep", small_limits()).await;
    assert_eq!(code, "PLUGIN_TIMEOUT");
    assert!(
        report.resources.cpu_ms < report.resources.wall_ms,
        "sleeping uses no processor time: {:?}",
        report.resources
    );
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
    let limits = Limits { log_bytes_max: 4 << 20, ..patient_limits() };
    let sandbox = Sandbox::load(vec![guest("misbehave")], limits).await.unwrap();
    for mode in ["print", "log"] {
        let report = sandbox.run(mode).await;
        assert!(report.result.is_ok(), "{mode}: {:?}", report.result);
        assert_eq!(report.log.len(), 1001, "{mode}");
        assert!(report.log[1000].message.starts_with("of 4000 lines "), "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_not_the_interfaces_is_the_steps_failure() {
    assert_eq!(fails_with("bad_code").await.0, "PLUGIN_RESULT_INVALID");
    assert_eq!(fails_with("huge_data").await.0, "PLUGIN_RESULT_INVALID");
}
