//! `examples/redact`: one step in four languages, with one set of golden files. They are compared byte by byte, so if all four pass, the
//! four components have equal output.

use morag_tests::projects::ok;
use std::path::{Path, PathBuf};

/// The example, copied so that nothing is built in the repository.
fn copied() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/redact");
    copy(&example, folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("the example") {
        let entry = entry.expect("an entry");
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        match entry.file_type().expect("a type").is_dir() {
            // Build output from manual use.
            true if [".morag", "build", "target", "node_modules"].iter().any(|built| name == *built) => {}
            true => {
                std::fs::create_dir(&target).expect("a folder");
                copy(&entry.path(), &target);
            }
            false => drop(std::fs::copy(entry.path(), target).expect("a copy")),
        }
    }
}

/// Builds the example in a language and runs it on the shared cases.
async fn passes_the_shared_cases(language: &str) {
    let folder = copied();
    let cases = std::fs::read_dir(folder.path().join("tests")).expect("cases").count();
    assert!(cases >= 5, "{cases} cases");
    let project: PathBuf = folder.path().join(language);
    ok(&project, &["plugin", "build"]).await;
    let said = ok(&project, &["plugin", "test"]).await;
    assert!(said.contains(&format!("{cases} passed, 0 failed")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redact_in_rust() {
    passes_the_shared_cases("rust").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redact_in_python() {
    passes_the_shared_cases("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redact_in_javascript() {
    passes_the_shared_cases("javascript").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redact_in_c() {
    passes_the_shared_cases("c").await;
}

/// Masking changes no length, so the page offsets in `document.json` stay valid: this checks the golden files themselves.
#[test]
fn masking_keeps_offsets() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/redact/tests");
    let mut masked = 0;
    for case in std::fs::read_dir(tests).expect("cases") {
        let case = case.expect("a case").path();
        let Ok(expected) = std::fs::read(case.join("expected/artifacts/redacted.md")) else { continue };
        let source = std::fs::read(case.join("artifacts/markdown.md")).expect("what is redacted");
        assert_eq!(source.len(), expected.len(), "{}", case.display());
        masked += source.iter().zip(&expected).filter(|(before, after)| before != after).count();
    }
    assert!(masked > 100, "only {masked} bytes are masked in all cases");
}
