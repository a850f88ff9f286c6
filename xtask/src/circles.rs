//! `cargo xtask circles`: files of a crate that import each other in a loop, which no crate has but for a short list.
//!
//! What counts:
//!
//! - A file uses another where it takes a name that the other defines: by `use`, or by a path in its code. A name that comes through
//!   a `pub use` counts for the file that defines it, so a module that only hands on the names of its children is used by no file
//!   and uses nothing.
//! - So a parent and its child make a circle only where the child takes something that the parent itself defines and the parent's
//!   own code takes something of the child.
//! - `mod child;` is no use. Code behind `#[cfg(test)]` does not count: tests may look at everything. A name that a module is
//!   asked for by its path, and that it does not write, is made by a macro there, and counts for it.
//! - A method that is called on a value is not seen, nor what an attribute or a macro's text names: who calls what is known to the
//!   compiler alone.
//! - Modules written in one file are one: what matters is which files must be read together.

mod allowed;
mod graph;
mod module;
mod resolve;
mod tokens;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;

use crate::workspace::Workspace;
use allowed::{ALLOWED, Allowed};
use resolve::Uses;

/// Folders whose crates are looked at.
const FOLDERS: [&str; 4] = ["host", "plugins", "xtask", "benches"];

/// Find files of a crate that import each other in a loop.
#[derive(Args)]
pub struct Options {}

/// The command.
pub fn run(_: &Options) -> Result<()> {
    check(&Workspace::find()?)
}

/// A circle, and what each of its files takes from the others.
struct Circle {
    files: BTreeSet<String>,
    ties: Vec<String>,
}

/// Fails where there is a circle that is not allowed, or an allowed one is gone.
pub fn check(workspace: &Workspace) -> Result<()> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        if !FOLDERS.iter().any(|folder| package.folder.starts_with(workspace.root.join(folder))) {
            continue;
        }
        for root in &package.roots {
            let uses = resolve::uses(&module::read(root)?);
            found.extend(graph::circles(&uses).iter().map(|files| circle(&workspace.root, files, &uses)));
        }
    }
    let faults = faults(&found, ALLOWED);
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    println!("circles: {} in the list of allowed ones, no other", found.len());
    Ok(())
}

fn circle(root: &Path, files: &BTreeSet<PathBuf>, uses: &Uses) -> Circle {
    let name = |file: &Path| file.strip_prefix(root).unwrap_or(file).display().to_string().replace('\\', "/");
    let within = uses.iter().filter(|((from, to), _)| files.contains(from) && files.contains(to));
    let tie = |((from, to), names): (&(PathBuf, PathBuf), &BTreeSet<String>)| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        format!("  {} takes from {}: {}", name(from), name(to), names.join(", "))
    };
    Circle { files: files.iter().map(|file| name(file)).collect(), ties: within.map(tie).collect() }
}

/// What is wrong: circles that are not allowed, and allowed ones that are gone or have become smaller.
fn faults(found: &[Circle], allowed: &[Allowed]) -> Vec<String> {
    let names = |entry: &Allowed| entry.files.iter().map(|file| (*file).to_owned()).collect::<BTreeSet<_>>();
    let mut faults = Vec::new();
    for circle in found.iter().filter(|circle| !allowed.iter().any(|entry| circle.files.is_subset(&names(entry)))) {
        let count = circle.files.len();
        faults.push(format!("{count} files import each other in a loop:\n{}", circle.ties.join("\n")));
    }
    for entry in allowed {
        let gone: Vec<_> =
            names(entry).into_iter().filter(|file| !found.iter().any(|circle| circle.files.contains(file))).collect();
        if !gone.is_empty() {
            faults.push(format!(
                "no circle any more, so take it from xtask/src/circles/allowed.rs: {} (was there because {})",
                gone.join(", "),
                entry.reason
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str]) -> Circle {
        Circle {
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            ties: vec!["  a takes from b: X".into()],
        }
    }

    const KNOWN: Allowed = Allowed { files: &["a", "b", "c"], reason: "of a generator" };

    #[test]
    fn a_new_circle_is_named_with_what_ties_it() {
        let faults = faults(&[found(&["a", "d"])], &[]);
        assert_eq!(faults, ["2 files import each other in a loop:\n  a takes from b: X"]);
    }

    #[test]
    fn a_known_circle_passes_and_one_that_is_gone_does_not() {
        assert!(faults(&[found(&["a", "b", "c"])], &[KNOWN]).is_empty());
        for rest in [vec![], vec![found(&["a", "b"])]] {
            let faults = faults(&rest, &[KNOWN]);
            assert!(faults.len() == 1 && faults[0].contains('c') && faults[0].contains("of a generator"), "{faults:?}");
        }
        assert_eq!(faults(&[found(&["a", "b", "c", "d"])], &[KNOWN]).len(), 1, "it has grown");
    }
}
