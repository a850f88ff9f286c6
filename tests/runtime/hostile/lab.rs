//! A hostile guest beside a good one on the same engine.

use morag_core::plugin::Limits;
use morag_core::ports::{StepReport, StepRunner as _};
use morag_core::task::StepFailure;
use morag_runtime::{EngineOptions, StepEngine};
use morag_tests::guests::write_component;
use morag_tests::sandbox::Sandbox;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Limits that only the test's own subject reaches, however slow the machine is.
pub fn wide_limits() -> Limits {
    Limits {
        memory_bytes_max: 64 << 20,
        wall_time_max: Duration::from_secs(60),
        cpu_time_max: Duration::from_secs(60),
        output_bytes_max: 8 << 20,
        ..Limits::default()
    }
}

/// Time limits that a loop reaches quickly.
pub fn short_limits() -> Limits {
    Limits { wall_time_max: Duration::from_millis(300), ..wide_limits() }
}

/// A guest and the good one, loaded.
pub struct Lab {
    pub sandbox: Sandbox,
    guest: &'static str,
    _components: tempfile::TempDir,
}

impl Lab {
    pub async fn new(guest: &'static str, limits: Limits) -> Self {
        let components = tempfile::tempdir().unwrap();
        let paths = vec![write_component(guest, components.path()), write_component("good", components.path())];
        let sandbox = Sandbox::load(paths, limits).await.unwrap_or_else(|error| panic!("{error}"));
        Self { sandbox, guest, _components: components }
    }

    /// Runs the guest, then the good one.
    pub async fn run(&self) -> StepReport {
        let document = vec![b'x'; 1 << 20];
        let report = self.sandbox.runner.run(self.sandbox.plain_call(self.guest, &document).await).await;
        assert_good(&self.sandbox).await;
        report
    }
}

/// Asserts that the host still works: a good step succeeds.
pub async fn assert_good(sandbox: &Sandbox) {
    let report = sandbox.runner.run(sandbox.plain_call("good", b"a document").await).await;
    let success = report.result.unwrap_or_else(|failure| panic!("the good step failed: {failure:?}"));
    assert_eq!(success.artifacts[0].artifact.size, 10);
}

/// Runs a guest, which must fail, then the good one.
pub async fn fails(guest: &'static str, limits: Limits) -> (StepFailure, StepReport) {
    let report = Lab::new(guest, limits).await.run().await;
    let failure = report.result.clone().expect_err("it must fail");
    assert!(!failure.retryable, "a retry would fail again");
    (failure, report)
}

/// Runs a guest that must reach a limit, and checks the data of the failure event. Returns the measured value.
pub async fn reaches(guest: &'static str, limits: Limits, code: &str, limit: &str, allowed: u64, unit: &str) -> u64 {
    let (failure, _) = fails(guest, limits).await;
    assert_eq!(failure.code, code, "{failure:?}");
    let details = &failure.details;
    assert_eq!(
        (&details["limit"], &details["allowed"], &details["unit"]),
        (&json!(limit), &json!(allowed), &json!(unit))
    );
    let measured = details["measured"].as_u64().unwrap();
    assert!(measured > allowed, "{failure:?}");
    measured
}

/// Runs a guest that violates the interface, and must be ended with a code.
pub async fn breaks_the_interface(guest: &'static str, code: &str) -> StepFailure {
    let (failure, _) = fails(guest, wide_limits()).await;
    assert_eq!(failure.code, code, "{failure:?}");
    assert_eq!(failure.details.get("measured"), None::<&Value>);
    failure
}

/// The one-line error for a component that cannot be loaded. The good one can be loaded by the same engine afterwards.
pub async fn refused(guest: &'static str) -> String {
    let components = tempfile::tempdir().unwrap();
    refused_file(write_component(guest, components.path())).await
}

/// The same for a file.
pub async fn refused_file(path: PathBuf) -> String {
    let engine = StepEngine::new(EngineOptions { instances_max: 4 }).unwrap();
    let error = match Sandbox::load_on(engine.clone(), vec![path], wide_limits(), 1).await {
        Ok(_) => panic!("the component was taken"),
        Err(error) => error.to_string(),
    };
    assert!(!error.contains('\n'), "{error}");
    let components = tempfile::tempdir().unwrap();
    let good = vec![write_component("good", components.path())];
    assert_good(&Sandbox::load_on(engine, good, wide_limits(), 1).await.unwrap()).await;
    error
}
