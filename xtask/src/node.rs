//! Node.js packages of the tests, by their lock files: those of `examples/webhook-receiver-node`, with that example compiled, and
//! those that work on the OpenAPI document.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// A folder with a `package.json` whose packages are installed.
struct Packages {
    /// In the repository.
    source: &'static str,
    /// Its files that are copied, so that npm's output stays outside of the repository.
    files: &'static [&'static str],
    /// In the target folder.
    folder: &'static str,
    /// Whether its `build` script is run.
    build: bool,
}

const EXAMPLE: Packages = Packages {
    source: "examples/webhook-receiver-node",
    files: &["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "receiver.ts"],
    folder: "node",
    build: true,
};
const OPENAPI: Packages = Packages {
    source: "tests/clients/openapi",
    files: &["package.json", "package-lock.json", ".npmrc"],
    folder: "node-openapi",
    build: false,
};
/// Written last, with the inputs of the installation.
const STAMP: &str = "made-of.txt";

/// The folders of the installed packages.
pub struct Folders {
    /// With `node_modules`, and the example as `build/receiver.js`.
    pub example: PathBuf,
    /// With `node_modules`.
    pub openapi: PathBuf,
}

/// Installs and compiles what is missing or has changed.
pub fn ensure(workspace: &Workspace) -> Result<Folders> {
    Ok(Folders { example: EXAMPLE.ensure(workspace)?, openapi: OPENAPI.ensure(workspace)? })
}

impl Packages {
    fn ensure(&self, workspace: &Workspace) -> Result<PathBuf> {
        let folder = workspace.target.join(self.folder);
        // Packages may differ between Node.js versions.
        let mut wanted =
            shell::read(&mut shell::program("node", &["--version"])).context("the test clients need Node.js")?;
        let mut files = Vec::new();
        for name in self.files {
            let path = workspace.root.join(self.source).join(name);
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
            .with_context(|| format!("cannot install the packages of {}; is npm's registry reachable?", self.source))?;
        if self.build {
            shell::run(shell::program("npm", &["run", "--silent", "build"]).current_dir(&folder))
                .with_context(|| format!("{} does not compile", self.source))?;
        }
        fs::write(folder.join(STAMP), wanted)?;
        Ok(folder)
    }
}
