//! The packages of the test clients that are written for Node.js: those of `examples/webhook-receiver-node`, by its lock
//! file, and that example itself, compiled.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// The example that says which packages, and is compiled.
const EXAMPLE: &str = "examples/webhook-receiver-node";
/// What is copied of it: the repository itself stays free of what npm makes.
const FILES: [&str; 5] = ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "receiver.ts"];
/// Written last, with what was installed.
const STAMP: &str = "made-of.txt";

/// Installs and compiles where something is missing or has changed. Gives the folder with `node_modules` and
/// `build/receiver.js`.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("node");
    // Packages may differ from one version of Node.js to the next.
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
        println!("node: {} is good", folder.display());
        return Ok(folder);
    }
    println!("node: making {}", folder.display());
    shell::remove_folder(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    // No package needs its install scripts, and a script of somebody else's would run as us.
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    shell::run(shell::program("npm", &install).current_dir(&folder))
        .with_context(|| format!("the packages of {EXAMPLE} cannot be installed; is npm's registry reachable?"))?;
    shell::run(shell::program("npm", &["run", "--silent", "build"]).current_dir(&folder))
        .with_context(|| format!("{EXAMPLE} does not compile"))?;
    fs::write(folder.join(STAMP), wanted)?;
    Ok(folder)
}
