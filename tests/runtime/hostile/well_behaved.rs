//! Guests that do no harm by themselves.

use super::lab::{Lab, assert_good, wide_limits};
use morag_core::plugin::Limits;
use morag_core::ports::StepRunner as _;
use morag_tests::sandbox::{Sandbox, guest};

pub async fn good() {
    let lab = Lab::new("endless_loop", wide_limits()).await;
    assert_good(&lab.sandbox).await;
    let call = lab.sandbox.plain_call("good", &[7; 5000]).await;
    let resources = lab.sandbox.runner.run(call).await.resources;
    // The calls: source, read, create, write, finish.
    assert_eq!((resources.host_calls, resources.bytes_in, resources.bytes_out), (5, 5000, 5000));
    // Two pages, and one for the result of `read`.
    assert_eq!(resources.peak_memory_bytes, 3 << 16);
    assert_eq!((resources.http_requests, resources.log_lines, resources.log_bytes), (0, 0, 0));
}

pub async fn noop() {
    let sandbox = Sandbox::load(vec![guest("noop")], Limits::default()).await.unwrap();
    let report = sandbox.runner.run(sandbox.plain_call("noop", b"").await).await;
    assert!(report.result.unwrap().artifacts.is_empty());
}

/// The modules beside this one test its modes.
pub async fn misbehave() {
    let sandbox = Sandbox::load(vec![guest("misbehave")], Limits::default()).await.unwrap();
    assert_eq!(sandbox.run("no such mode").await.result.unwrap_err().code, "UNKNOWN_MODE");
}

/// Its calls with a grant are in `tests/runtime/capabilities.rs`; without one it is not even loaded.
pub async fn capabilities() {
    let refused = Sandbox::load(vec![guest("capabilities")], Limits::default()).await.err().unwrap().to_string();
    assert!(refused.contains("which is not granted"), "{refused}");
}

/// A converter, whose other tests are in `converters.rs`.
pub async fn bundle() {
    crate::converters::inner_documents().await;
}
