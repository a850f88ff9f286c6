//! Components that are refused at loading, with a one-line error.

use morag_core::plugin::Limits;
use morag_runtime::{EngineOptions, PluginRegistry, StepEngine};
use morag_tests::sandbox::{Sandbox, guest, services};
use std::path::PathBuf;

async fn refused(path: PathBuf) -> String {
    match Sandbox::load(vec![path], Limits::default()).await {
        Ok(_) => panic!("the component was taken"),
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains('\n'), "{line}");
            line
        }
    }
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_components_are_refused() {
    let (_folder, path) = file(b"MZ this is something else");
    assert!(refused(path).await.contains("not a WebAssembly component"));
    // The empty component exports no step.
    let (_folder, path) = file(b"\0asm\x0d\0\x01\0");
    assert!(refused(path).await.contains("morag:step/step@1.1.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_named() {
    let line = refused(PathBuf::from("/nowhere/plugin.wasm")).await;
    assert!(line.contains("/nowhere/plugin.wasm"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_components_of_one_name_are_refused() {
    let result = Sandbox::load(vec![guest("noop"), guest("noop")], Limits::default()).await;
    let line = result.err().unwrap().to_string();
    assert!(line.ends_with("guest_noop.wasm: another component of the name noop is loaded already"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_compiled_components_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let engine = StepEngine::new(EngineOptions { instances_max: 1 }).unwrap();
    let registry = PluginRegistry::new(engine, services(folder.path()), Some(&file.join("cache")), 1);
    let line = registry.err().expect("a file is no folder").to_string();
    let begin = format!("the folder of compiled components, {}/cache, cannot be opened: ", file.display());
    assert!(line.starts_with(&begin) && !line.contains("plugin"), "{line}");
}
