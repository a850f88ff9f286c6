//! Python packages in a virtual environment in the target folder.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::Workspace;

/// Written last, with what was installed.
const STAMP: &str = "made-of.txt";

/// A virtual environment and what it is made of.
pub struct Venv {
    /// Its folder in the target folder.
    pub folder: &'static str,
    /// The packages with their exact versions, a file of the repository in pip's format.
    pub requirements: &'static str,
    /// Arguments of Python that succeed if the packages are there.
    pub proof: &'static [&'static str],
}

impl Venv {
    /// Makes it where it is missing or made of other packages. Returns its `bin` folder.
    pub fn ensure(&self, workspace: &Workspace) -> Result<PathBuf> {
        let requirements = workspace.root.join(self.requirements);
        let wanted =
            fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
        let folder = workspace.target.join(self.folder);
        let bin = folder.join("bin");
        let python = bin.join("python");
        let python = python.to_str().context("the target folder's path is not UTF-8")?;
        let proves = || shell::read(&mut shell::program(python, self.proof));
        let stamp = folder.join(STAMP);
        if fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == wanted) && proves().is_ok() {
            println!("python: {} is up to date", folder.display());
            return Ok(bin);
        }
        if !shell::have("python3") {
            bail!("python3 is missing; on Debian:\n    apt-get install --yes python3 python3-venv");
        }
        println!("python: making {}", folder.display());
        let path = folder.to_str().context("the target folder's path is not UTF-8")?;
        shell::read(&mut shell::program("python3", &["-m", "venv", "--clear", path]))
            .context("python3 cannot make a venv; on Debian:\n    apt-get install --yes python3-venv")?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        shell::run(shell::program(python, &install).arg(&requirements))
            .with_context(|| format!("cannot install the packages of {}; is PyPI reachable?", self.requirements))?;
        proves().with_context(|| format!("{} lacks packages that are needed", self.requirements))?;
        fs::write(stamp, wanted)?;
        Ok(bin)
    }
}
