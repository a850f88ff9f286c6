//! `cargo xtask loc`: lines of code per crate, and number of dependencies.
mod count;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::shell;
use crate::workspace::Workspace;

/// Print lines of Rust per crate (without blanks and comments) and the dependency count.
///
/// The dependency count is that of `cargo tree --prefix none | sort -u | wc -l`.
#[derive(Args)]
pub struct Options {}

/// The command.
pub fn run(_: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    let folders: Vec<_> = workspace.packages.iter().map(|package| package.folder.clone()).collect();
    let mut packages: Vec<_> = workspace.packages.iter().collect();
    packages.sort_by_key(|package| &package.folder);
    let (mut code_all, mut files_all) = (0, 0);
    println!("{:>7} {:>6}  crate", "lines", "files");
    for package in packages {
        let mut files = Vec::new();
        collect(&package.folder, &folders, &mut files)?;
        let mut code = 0;
        for file in &files {
            code += count::code_lines(
                &fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?,
            );
        }
        let place = package.folder.strip_prefix(&workspace.root).unwrap_or(&package.folder);
        println!("{code:>7} {:>6}  {} ({})", files.len(), package.name, place.display());
        code_all += code;
        files_all += files.len();
    }
    println!("{code_all:>7} {files_all:>6}  in all");
    println!("{:>7}         dependencies (lines of `cargo tree --prefix none | sort -u`)", dependencies(&workspace)?);
    Ok(())
}

/// Rust files of a package, without those of nested packages.
fn collect(folder: &Path, packages: &[PathBuf], files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && entry.file_name() != "target" && !packages.contains(&path) {
                collect(&path, packages, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn dependencies(workspace: &Workspace) -> Result<usize> {
    let text = shell::read(&mut workspace.cargo(&["tree", "--prefix", "none"]))?;
    // As `sort -u | wc -l` counts: distinct lines, including the empty one between the trees of two packages.
    Ok(text.lines().collect::<std::collections::BTreeSet<_>>().len())
}
