//! Generates the list of files that `morag plugin` embeds: the WIT, the SDKs and the project templates. The list is generated,
//! so that SDK authors need not maintain it.

#![expect(clippy::disallowed_methods, reason = "a build script reads the files that it embeds")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Name of the list, its folder relative to the repository root, and top-level entries to exclude.
const LISTS: [(&str, &str, &[&str]); 14] = [
    ("WIT", "wit", &["released"]),
    ("RUST_SDK", "plugins/sdk", &["Cargo.toml", "c", "javascript", "python", "templates", "tests", "examples"]),
    ("PYTHON_SDK", "plugins/sdk/python", &["requirements-build.txt", "tests"]),
    ("JAVASCRIPT_SDK", "plugins/sdk/javascript", &["build", "tests"]),
    ("JAVASCRIPT_TOOLS", "plugins/sdk/javascript/build", &[]),
    ("C_SDK", "plugins/sdk/c", &["requirements-build.txt", "tests"]),
    ("RUST_TEMPLATE", "plugins/sdk/templates/rust", &[]),
    ("PYTHON_TEMPLATE", "plugins/sdk/templates/python", &[]),
    ("JAVASCRIPT_TEMPLATE", "plugins/sdk/templates/javascript", &[]),
    ("C_TEMPLATE", "plugins/sdk/templates/c", &[]),
    ("RUST_CONVERTER", "plugins/sdk/templates/converter/rust", &[]),
    ("PYTHON_CONVERTER", "plugins/sdk/templates/converter/python", &[]),
    ("JAVASCRIPT_CONVERTER", "plugins/sdk/templates/converter/javascript", &[]),
    ("C_CONVERTER", "plugins/sdk/templates/converter/c", &[]),
];

/// Outputs of tools.
const LEFT_BEHIND: [&str; 4] = ["__pycache__", "node_modules", "target", "Cargo.lock"];

fn main() -> std::io::Result<()> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).ok_or_else(|| std::io::Error::other(name));
    let root = variable("CARGO_MANIFEST_DIR")?.join("../..");
    let mut list = fs::File::create(variable("OUT_DIR")?.join("embedded.rs"))?;
    println!("cargo::rerun-if-changed=build.rs");
    for (name, folder, left_out) in LISTS {
        let folder = root.join(folder);
        // For a folder, cargo checks everything below it.
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        find(&folder, &folder, left_out, &mut files)?;
        files.sort();
        writeln!(list, "/// Files of `{}`.\npub const {name}: Files = &[", folder.display())?;
        for file in files {
            writeln!(list, "    ({file:?}, include_str!({:?})),", folder.join(&file))?;
        }
        writeln!(list, "];")?;
    }
    Ok(())
}

/// Files below a folder, as paths from `top`.
fn find(top: &Path, folder: &Path, left_out: &[&str], files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let unreadable = |error| std::io::Error::other(format!("{}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_top = folder == top;
        if name.starts_with('.') || LEFT_BEHIND.contains(&&*name) || (is_top && left_out.contains(&&*name)) {
            continue;
        }
        match path.is_dir() {
            true => find(top, &path, left_out, files)?,
            false => files.extend(path.strip_prefix(top).ok().map(Path::to_owned)),
        }
    }
    Ok(())
}
