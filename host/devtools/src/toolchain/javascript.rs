//! JavaScript: builds with componentize-js.

use crate::program::{have, program, read, run};
use crate::project::Project;
use crate::tools::Recipe;
use crate::{embedded, progress};
use anyhow::Context as _;
use std::path::Path;

const TOOLS: Recipe = Recipe { name: "javascript", files: embedded::JAVASCRIPT_TOOLS, install, interpreter: "node" };

/// Oldest supported version of Node.js.
const NODE_MIN: (u32, u32) = (20, 19);

/// Builds `step.js` and its imports.
pub fn build(project: &Project) -> anyhow::Result<()> {
    check()?;
    let tools = TOOLS.ensure()?;
    let mut command = program("node", &project.folder);
    command.arg(tools.join("build.mjs")).args(["--project", ".", "--out", &project.component_below()]);
    for capability in &project.manifest.capabilities {
        command.args(["--capability", capability.as_str()]);
    }
    progress::during("building with componentize-js", || run(&mut command))
}

fn install(folder: &Path) -> anyhow::Result<()> {
    // Install scripts of packages are untrusted code, and none of these packages needs one.
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
    run(program("npm", folder).args(arguments))
        .context("cannot install the npm packages: check that the registry is reachable")
}

fn check() -> anyhow::Result<()> {
    let (major, minor) = NODE_MIN;
    // Does not suggest Debian's package: Debian 12 has version 18, which is too old.
    let how = "from https://nodejs.org or with nvm";
    anyhow::ensure!(have("node"), "Node.js is not installed: install {major}.{minor} or later {how}");
    anyhow::ensure!(have("npm"), "npm is not installed: install Node.js {how}, which includes it");
    let version = read(program("node", Path::new(".")).arg("--version")).unwrap_or_default();
    anyhow::ensure!(is_enough(&version), "Node.js {version} is too old: install {major}.{minor} or later {how}");
    Ok(())
}

/// Whether a version such as `v22.1.0` is supported.
fn is_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= NODE_MIN
}

#[cfg(test)]
mod tests {
    use super::is_enough;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, enough) in
            [("v20.19.0", true), ("v20.9.0", false), ("v22.1.0", true), ("v9.99.0", false), ("", false)]
        {
            assert_eq!(is_enough(version), enough, "{version}");
        }
    }
}
