//! Guests that do not return.

use super::lab::{Lab, assert_good, fails, reaches, refused, short_limits, wide_limits};
use morag_core::plugin::Limits;
use morag_core::ports::StepRunner as _;
use std::time::Duration;

pub async fn endless_loop() {
    reaches("endless_loop", short_limits(), "PLUGIN_TIMEOUT", "wall_time", 300, "ms").await;
    let limits = Limits { cpu_time_max: Duration::from_millis(50), ..wide_limits() };
    let measured = reaches("endless_loop", limits, "PLUGIN_CPU_LIMIT", "cpu_time", 50, "ms").await;
    // A poll is an epoch of 10 ms long; the rest is for a clock that ticks late.
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

/// The task is cancelled: the call is dropped in the middle of the guest.
pub async fn never_returns() {
    let lab = Lab::new("never_returns", Limits { wall_time_max: Duration::from_secs(3600), ..wide_limits() }).await;
    let call = lab.sandbox.plain_call("never_returns", b"document").await;
    let task = call.record.id.to_string();
    // Four instances fit into the pool: were one of these still there, a later call would find no place.
    for run in 1..=8 {
        let running = lab.sandbox.runner.run(call.clone());
        tokio::select! {
            report = running => panic!("it returned: {report:?}"),
            () = progress(&lab, run) => {}
        }
    }
    // The last of them has up to an epoch to go.
    let good = lab.sandbox.plain_call("good", b"a document").await;
    let placed = async {
        while matches!(lab.sandbox.runner.run(good.clone()).await.result, Err(failure) if failure.code == "PLUGIN_BUSY")
        {
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), placed).await.is_ok(), "a cancelled run keeps its place");
    assert_good(&lab.sandbox).await;
    // Half an artifact is deleted when its writer is dropped, which may be an epoch after the call is.
    let is_left = |files: &[String]| files.iter().any(|file| file.contains("out.txt") && file.contains(&task));
    let gone = async {
        while is_left(&lab.sandbox.files()) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), gone).await;
    assert!(waited.is_ok(), "{:?}", lab.sandbox.files());
}

/// Until there were so many reports of progress: the guest is in its loop then, or an instruction before it.
async fn progress(lab: &Lab, reports: usize) {
    while lab.sandbox.progress.lock().unwrap().len() < reports {
        tokio::task::yield_now().await;
    }
}
