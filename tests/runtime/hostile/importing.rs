//! Guests that this host cannot run.

use super::lab::{refused, refused_file};
use morag_tests::guests::component;
use morag_tests::sandbox::guest;
use std::io::Write as _;
use std::path::PathBuf;

pub async fn ungranted_import() {
    let line = refused("ungranted_import").await;
    assert!(line.contains("ungranted_import wants the capability graph, which is not granted to it"), "{line}");
}

pub async fn undeclared_import() {
    let line = refused("undeclared_import").await;
    assert!(line.contains("graph") && line.contains("descriptor does not ask for"), "{line}");
}

/// The same with a step in Rust.
pub async fn undeclared() {
    let line = refused_file(guest("undeclared")).await;
    assert!(line.contains("graph") && line.contains("descriptor does not ask for"), "{line}");
}

pub async fn unknown_import() {
    let line = refused("unknown_import").await;
    assert!(line.contains("it imports evil:host/door@1.0.0, which this host does not have"), "{line}");
}

pub async fn other_version() {
    let line = refused("other_version").await;
    assert!(line.contains("2.0.0"), "{line}");
}

pub async fn later_function() {
    let line = refused("later_function").await;
    assert!(line.contains("1.999.0"), "{line}");
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_module_is_refused() {
    let (_folder, path) = file(b"\0asm\x01\0\0\0");
    assert!(refused_file(path).await.contains("core WebAssembly module"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_component_is_refused_wherever_it_ends() {
    let whole = component("good");
    for end in [9, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let (_folder, path) = file(&whole[..end]);
        let line = refused_file(path).await;
        assert!(line.contains("damaged, or cut off") || line.contains("does not fit the interface"), "{end}: {line}");
    }
}

/// 200 MB: a component with a custom section of zeros at the end, which is sparse on the disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(component("good")).unwrap();
    let content: u32 = 200 << 20;
    // Section 0, its length in LEB128, a name of one byte.
    let length = [
        (content & 0x7f) as u8 | 0x80,
        (content >> 7 & 0x7f) as u8 | 0x80,
        (content >> 14 & 0x7f) as u8 | 0x80,
        (content >> 21) as u8,
    ];
    file.write_all(&[0]).unwrap();
    file.write_all(&length).unwrap();
    file.write_all(b"\x01x").unwrap();
    let before = file.metadata().unwrap().len();
    file.set_len(before - 2 + u64::from(content)).unwrap();
    assert!(refused_file(path).await.contains("it has more than 64 MiB"));
}
