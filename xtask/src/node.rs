//! Packages of the Node.js test clients: those of `examples/webhook-receiver-node`, by its lock file, and that example itself,
//! compiled.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// The example whose packages are installed, and which is compiled.
const EXAMPLE: &str = "examples/webhook-receiver-node";
/// Files copied from it, so that npm's output stays outside of the repository.
const FILES: [&str; 5] = ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "receiver.ts"];
/// Written last, with the inputs of the installation.
const STAMP: &str = "made-of.txt";

/// Installs and compiles if anything is missing or has changed. Returns the folder with `node_modules` and
/// `build/receiver.js`.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("node");
    // Packages may differ between Node.js versions.
    let mut wanted =
        shell::read(&mut shell::program("node", &["--version"])).context("the test clients need Node.js")?;
    let mut files = Vec::new();
    for name in FILES {
        let path = workspace.root.join(EXAMPLE).join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        wanted.push_str(&format!("\n{name}\n{text}"));
        files.push((name, text));
    }
    if fs::read_to_string(folder.join(STAMP)).is_ok_and(|made_of| made_of == wanted) {
        println!("node: {} is up to date", folder.display());
        return Ok(folder);
    }
    println!("node: installing into {}", folder.display());
    shell::remove_folder(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    // No package needs its install scripts, which are third-party code.
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    shell::run(shell::program("npm", &install).current_dir(&folder))
        .with_context(|| format!("cannot install the packages of {EXAMPLE}; is npm's registry reachable?"))?;
    shell::run(shell::program("npm", &["run", "--silent", "build"]).current_dir(&folder))
        .with_context(|| format!("{EXAMPLE} does not compile"))?;
    fs::write(folder.join(STAMP), wanted)?;
    Ok(folder)
}
