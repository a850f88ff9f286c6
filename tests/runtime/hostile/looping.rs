//! Guests that do not return.

use super::lab::{Lab, assert_good, fails, reaches, refused, short_limits, wide_limits};
use morag_core::plugin::Limits;
use morag_core::ports::StepRunner as _;
use std::time::Duration;

pub async fn endless_loop() {
    reaches("endless_loop", short_limits(), "PLUGIN_TIMEOUT", "wall_time", 300, "ms").await;
    let limits = Limits { cpu_time_max: Duration::from_millis(50), ..wide_limits() };
    let measured = reaches("endless_loop", limits, "PLUGIN_CPU_LIMIT", "cpu_time", 50, "ms").await;
    // The guest is interrupted at epochs of 10 ms; the rest allows for a late clock tick.
    assert!(measured < 1000, "{measured}");
}

pub async fn loop_at_start() {
    // The start function runs before `describe` does.
    assert!(refused("loop_at_start").await.contains("took longer than 5 s"));
}

pub async fn loop_in_realloc() {
    reaches("loop_in_realloc", short_limits(), "PLUGIN_TIMEOUT", "wall_time", 300, "ms").await;
}

pub async fn loop_after_return() {
    reaches("loop_after_return", short_limits(), "PLUGIN_TIMEOUT", "wall_time", 300, "ms").await;
}

pub async fn endless_recursion() {
    let (failure, _) = fails("endless_recursion", wide_limits()).await;
    assert_eq!(failure.code, "PLUGIN_STACK_LIMIT");
    assert_eq!((&failure.details["limit"], &failure.details["allowed"]), (&"stack".into(), &(1 << 20).into()));
}

/// The task is cancelled: the call is dropped while the guest runs.
pub async fn never_returns() {
    let lab = Lab::new("never_returns", Limits { wall_time_max: Duration::from_secs(3600), ..wide_limits() }).await;
    let call = lab.sandbox.plain_call("never_returns", b"document").await;
    let task = call.record.id.to_string();
    // The pool has four instances: if one of these remained, a later call would get none.
    for run in 1..=8 {
        let running = lab.sandbox.runner.run(call.clone());
        tokio::select! {
            report = running => panic!("it returned: {report:?}"),
            () = progress(&lab, run) => {}
        }
    }
    // The last of them may take up to an epoch to end.
    let good = lab.sandbox.plain_call("good", b"a document").await;
    let placed = async {
        while matches!(lab.sandbox.runner.run(good.clone()).await.result, Err(failure) if failure.code == "PLUGIN_BUSY")
        {
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), placed).await.is_ok(), "a cancelled run keeps its instance");
    assert_good(&lab.sandbox).await;
    // An unfinished artifact is deleted when its writer is dropped, which may be an epoch after the call was dropped.
    let is_left = |files: &[String]| files.iter().any(|file| file.contains("out.txt") && file.contains(&task));
    let gone = async {
        while is_left(&lab.sandbox.files()) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), gone).await;
    assert!(waited.is_ok(), "{:?}", lab.sandbox.files());
}

/// Waits for this many progress reports: the guest is in its loop then, or an instruction before it.
async fn progress(lab: &Lab, reports: usize) {
    while lab.sandbox.progress.lock().unwrap().len() < reports {
        tokio::task::yield_now().await;
    }
}
