//! Guests with invalid names and numbers.

use super::lab::{Lab, refused, wide_limits};
use morag_core::ports::StepRunner as _;

/// The guest itself traps if an invalid name is accepted.
pub async fn artifact_names() {
    let lab = Lab::new("artifact_names", wide_limits()).await;
    let call = lab.sandbox.plain_call("artifact_names", b"document").await;
    let task = call.record.id;
    let success = lab.sandbox.runner.run(call).await.result.unwrap();
    assert!(success.artifacts.is_empty());
    let files = lab.sandbox.files();
    assert!(
        files.len() == 1 && files[0].contains(&task.to_string()) && files[0].ends_with("original.txt"),
        "{files:?}"
    );
}

pub async fn descriptor_bad_name() {
    let line = refused("descriptor_bad_name").await;
    let said = r#"name "../out.txt" of an output is neither a file name of a task nor a pattern of such names"#;
    assert!(line.contains(said), "{line}");
}

pub async fn descriptor_published_pattern() {
    let line = refused("descriptor_published_pattern").await;
    assert!(line.contains("output out-*.txt is a pattern and has a data key: leave the key out"), "{line}");
}

pub async fn odd_progress() {
    let lab = Lab::new("odd_progress", wide_limits()).await;
    assert!(lab.run().await.result.is_ok());
    let reports = lab.sandbox.progress.lock().unwrap().clone();
    let fractions: Vec<_> = reports.iter().map(|(fraction, _)| *fraction).collect();
    assert_eq!(fractions, [0.5, 0.6, 1.0]);
    assert!(reports.iter().all(|(_, message)| message == "a b [2J"), "{reports:?}");
}
