//! Every code has its help page, every page its code, and every code that the sources name is on the list.

#![expect(clippy::disallowed_methods, reason = "the test reads the sources and their pages")]

use morag_core::plugin::FailureCode;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn codes() -> BTreeSet<String> {
    FailureCode::ALL.map(|code| code.as_str().to_owned()).into()
}

/// Codes that the standard converters fail with.
fn codes_of_converters() -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let plugins = repository().join("plugins");
    let entries = std::fs::read_dir(&plugins).expect("the folder plugins").map(|entry| entry.expect("an entry").path());
    for folder in entries.filter(|path| path.to_str().is_some_and(|path| path.ends_with("conversion"))) {
        visit(&folder.join("src"), "rs", &mut |text| {
            // The code may be on the line after.
            let code = code_of(text).split_whitespace().collect::<Vec<_>>().join("");
            named.extend(literals(&code, "Failure::new(\""));
        });
    }
    assert!(named.len() > 10, "the sources are not where they were: {named:?}");
    named
}

#[test]
fn pages_and_codes_are_the_same() {
    assert_eq!(codes().len(), FailureCode::ALL.len(), "a code is there twice");
    let codes: BTreeSet<String> = codes().union(&codes_of_converters()).cloned().collect();
    let folder = repository().join("docs/errors");
    let entries = std::fs::read_dir(&folder).expect("the folder docs/errors");
    let names = entries.map(|entry| entry.expect("an entry").path());
    let mut pages: BTreeSet<String> =
        names.map(|path| path.file_stem().expect("a name").to_str().expect("a plain name").to_owned()).collect();
    assert!(pages.remove("README"), "docs/errors/README.md is missing");
    assert_eq!(pages, codes);
    let index = std::fs::read_to_string(folder.join("README.md")).expect("the index");
    for code in codes {
        assert!(index.contains(&format!("[{code}]({code}.md)")), "docs/errors/README.md does not list {code}");
        let page = std::fs::read_to_string(folder.join(format!("{code}.md"))).expect("a page");
        assert!(page.starts_with(&format!("# {code}\n")), "the title of {code}.md");
        for reader in ["**You submitted the document.**", "**You run the server.**", "**You wrote the step.**"] {
            assert!(page.contains(reader), "{code}.md does not say what {reader} is for");
        }
    }
}

/// No `PLUGIN_` code is made elsewhere, and the SDKs fail with none that has no page. Examples in docs and tests name codes of
/// steps' own.
#[test]
fn sources_name_no_other_code() {
    let mut named = BTreeSet::new();
    for folder in ["host", "plugins/sdk/src"] {
        visit(&repository().join(folder), "rs", &mut |text| {
            named.extend(literals(text, "\"PLUGIN_").into_iter().map(|rest| format!("PLUGIN_{rest}")));
        });
    }
    visit(&repository().join("plugins/sdk/src"), "rs", &mut |text| {
        let code = code_of(text);
        named.extend(["Failure::new(\"", ": &str = \""].iter().flat_map(|start| literals(&code, start)));
    });
    // In these two, a text in upper snake case is a code.
    for (folder, extension) in [("plugins/sdk/python/morag_step", "py"), ("plugins/sdk/javascript/src", "js")] {
        visit(&repository().join(folder), extension, &mut |text| {
            named.extend(literals(text, "\"").into_iter().filter(|code| code.contains('_')));
        });
    }
    assert!(named.len() > 10, "the sources are not where they were: {named:?}");
    let known = codes();
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "without a page in docs/errors: {unknown:?}");
}

/// A source without comments and without the tests at its end.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// What follows `start` up to the next quotation mark, where it looks like a code.
fn literals(text: &str, start: &str) -> Vec<String> {
    let is_code = |code: &&str| !code.is_empty() && code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    text.split(start).skip(1).filter_map(|rest| rest.split('"').next()).filter(is_code).map(str::to_owned).collect()
}

fn visit(folder: &Path, ending: &str, read: &mut dyn FnMut(&str)) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            visit(&path, ending, read);
        } else if path.extension().is_some_and(|extension| extension == ending) {
            read(&std::fs::read_to_string(&path).expect("a source"));
        }
    }
}
