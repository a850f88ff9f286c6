//! Released versions do not change: their text byte for byte, and all their interfaces, types and functions in later versions.

use crate::package::{Package, folder};
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Every released version with the digest of its text. Lines are added with releases and never changed.
const RELEASED: &[(&str, &str)] = &[("1.0.0", "ce26b96f8142699fd9b251f75742b3656599398d7c8f1f34ff6dd5d24bad7217")];

fn released(version: &str) -> PathBuf {
    folder().join("released").join(version)
}

/// SHA-256 over the names and contents of a folder's files, in the order of their names.
fn digest(folder: PathBuf) -> String {
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let text = std::fs::read(&file).unwrap();
        hash.update(format!("{} {}\n", file.file_name().unwrap().display(), text.len()));
        hash.update(text);
    }
    hex::encode(hash.finalize())
}

/// What a newer package breaks of an older one, one line each.
fn broken(old: &Package, new: &Package) -> Vec<String> {
    let (shapes, (imports, exports)) = (new.shapes(), new.world());
    let (old_imports, old_exports) = old.world();
    let mut broken: Vec<_> = old
        .shapes()
        .into_iter()
        .filter_map(|(name, shape)| match shapes.get(&name) {
            Some(same) if *same == shape => None,
            Some(other) => Some(format!("{name} was `{shape}` and is `{other}`")),
            None => Some(format!("{name} is gone")),
        })
        .collect();
    broken
        .extend(old_imports.iter().filter(|name| !imports.contains(name)).map(|name| format!("import {name} is gone")));
    if exports != old_exports {
        broken.push(format!("a step exported {old_exports:?} and would have to export {exports:?}"));
    }
    // A component that was built before lacks new functions in the interfaces that it exports.
    for name in &old.exported() {
        let prefix = format!("{name}.");
        let of = |package: &Package| package.shapes().into_keys().filter(|key| key.starts_with(&prefix)).count();
        if of(old) != of(new) {
            broken.push(format!("{name} is what a step exports, and something was added to it"));
        }
    }
    broken
}

#[test]
fn every_released_text_is_as_it_was_released() {
    let mut folders: Vec<_> = std::fs::read_dir(folder().join("released"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    assert_eq!(folders, RELEASED.iter().map(|(version, _)| *version).collect::<Vec<_>>());
    for (version, expected) in RELEASED {
        assert_eq!(Package::parse(&released(version)).version(), *version);
        assert_eq!(digest(released(version)), *expected, "wit/released/{version} was edited: put it back");
    }
}

#[test]
fn the_package_keeps_everything_that_was_released() {
    let current = Package::parse(&folder());
    for (version, _) in RELEASED {
        let old = Package::parse(&released(version));
        assert!(old.shapes().len() > 20, "the old text was read");
        let broken = broken(&old, &current);
        assert!(broken.is_empty(), "{} breaks {version}:\n{}", current.version(), broken.join("\n"));
    }
}

/// The current text with one change, as a folder.
fn changed(file: &str, from: &str, to: &str) -> (tempfile::TempDir, Package) {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let mut text = std::fs::read_to_string(&path).unwrap();
            if name == file {
                assert!(text.contains(from), "{file} has no {from:?}");
                text = text.replacen(from, to, 1);
            }
            std::fs::write(copy.path().join(name), text).unwrap();
        }
    }
    let package = Package::parse(copy.path());
    (copy, package)
}

#[test]
fn a_break_of_the_promise_is_found() {
    let old = Package::parse(&released("1.0.0"));
    let broken_by = |file, from, to| broken(&old, &changed(file, from, to).1);
    for (file, from, to, expected) in [
        ("task.wit", "    size: u64,", "    size: u64,\n    pages: option<u32>,", "task.task-info was"),
        (
            "task.wit",
            "read: func(offset: u64, len: u32)",
            "read: func(offset: u64, len: u64)",
            "task.[method]blob.read was",
        ),
        (
            "task.wit",
            "    /// The writer was finished already, or another writer of the same name is open.\n    closed,",
            "",
            "task.file-error was",
        ),
        ("log.wit", "enum level { trace,", "enum level {", "log.level was"),
        ("world.wit", "  import graph;", "", "import graph is gone"),
        ("step.wit", "  run: func()", "  stop: func();\n  run: func()", "something was added to it"),
        ("capabilities.wit", "  put-facts: func", "  put-claims: func", "graph.put-facts is gone"),
    ] {
        let lines = broken_by(file, from, to);
        assert!(lines.iter().any(|line| line.contains(expected)), "{file}: {from}: {lines:?}");
    }
    // The same of what only converters export.
    let (_, more) = changed("converter.wit", "  formats: func()", "  more: func();\n  formats: func()");
    let lines = broken(&Package::parse(&folder()), &more);
    assert!(lines.iter().any(|line| line.contains("converter is what a step exports")), "{lines:?}");
    // Allowed changes: a new function, a new interface.
    let allowed = broken_by("log.wit", "  log: func", "  flush: func();\n  log: func");
    assert!(allowed.is_empty(), "{allowed:?}");
}
