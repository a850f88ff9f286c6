//! Pages of `docs/` against the code.

#![expect(clippy::disallowed_methods, reason = "the test reads the pages and the sources")]

use morag_core::plugin::{Budget, Capability};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(repository().join("docs").join(name)).expect("a page")
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn capabilities_and_budgets_are_in_their_page() {
    let page = page("capabilities.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let first: BTreeSet<_> = rows.iter().flat_map(|row| quoted(row.split('|').nth(1).unwrap_or_default())).collect();
    let named = Capability::ALL.map(Capability::as_str).into_iter().collect();
    assert_eq!(first, named);
    let last: BTreeSet<_> = rows.iter().flat_map(|row| quoted(row.split('|').nth(5).unwrap_or_default())).collect();
    for budget in Budget::ALL {
        assert!(last.contains(budget.name()), "docs/capabilities.md lacks the budget {}", budget.name());
    }
}

#[test]
fn every_path_of_the_page_about_extending_exists() {
    let page = page("extending.md");
    let paths: BTreeSet<_> = quoted(&page).filter(|text| text.contains('/') && !text.contains(' ')).collect();
    assert!(paths.len() > 40, "{paths:?}");
    let missing: Vec<_> = paths.iter().filter(|path| !repository().join(path).exists()).collect();
    assert!(missing.is_empty(), "docs/extending.md names what does not exist: {missing:?}");
}

#[test]
fn every_path_of_the_map_exists() {
    let map = std::fs::read_to_string(repository().join("ARCHITECTURE.md")).expect("the map");
    let crates = ["adapters", "api", "core", "devtools", "engine", "runtime", "server"];
    let roots = ["docs", "host", "plugins", "tests", "wit"];
    let path = |name: &str| match name.split_once('/') {
        _ if name.contains(['*', ' ', '(']) => None,
        Some((first, rest)) if crates.contains(&first) => Some(format!("host/{first}/src/{rest}")),
        Some((first, _)) if roots.contains(&first) => Some(name.to_owned()),
        _ => None,
    };
    let paths: BTreeSet<_> = map.lines().flat_map(quoted).filter_map(path).collect();
    assert!(paths.len() > 30, "{paths:?}");
    // A module may be named without its file's ending.
    let is_there =
        |path: &str| [path.to_owned(), format!("{path}.rs")].iter().any(|path| repository().join(path).exists());
    let missing: Vec<_> = paths.iter().filter(|path| !is_there(path)).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names what does not exist: {missing:?}");
}

#[test]
fn every_test_of_the_page_about_extending_exists() {
    let page = page("extending.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let tests: BTreeSet<_> = rows.flat_map(|row| quoted(row.split('|').nth(3).unwrap_or_default())).collect();
    let tests: BTreeSet<_> = tests.into_iter().filter(|name| !name.contains(['/', ' '])).collect();
    assert!(tests.len() > 10, "{tests:?}");
    let mut sources = String::new();
    for folder in ["host", "plugins", "tests"] {
        read_sources(&repository().join(folder), &mut sources);
    }
    let missing: Vec<_> = tests.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "docs/extending.md names tests that do not exist: {missing:?}");
}

/// Adds the Rust sources below a folder.
fn read_sources(folder: &Path, sources: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind of file"));
        let is_built = entry.file_name() == "target" || entry.file_name() == "node_modules";
        if kind.is_dir() && !is_built {
            read_sources(&path, sources);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}
