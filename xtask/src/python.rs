//! The Python of the test clients: a venv in the target folder with the packages of `tests/clients/requirements.txt`.
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::workspace::Workspace;

/// The packages, with their exact versions.
pub const REQUIREMENTS: &str = "tests/clients/requirements.txt";
/// What the clients and the harness import; proves the venv.
const PROOF: &str = "import fastapi, flask, jsonschema, moto.server, sqlalchemy, standardwebhooks, uvicorn";
/// Written last, with what was installed.
const STAMP: &str = "made-of.txt";

/// Makes the venv where it is missing or made of other packages. Gives its `python`.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let requirements = workspace.root.join(REQUIREMENTS);
    let wanted =
        fs::read_to_string(&requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = workspace.target.join("venv");
    let python = folder.join("bin/python");
    let text = python.to_str().context("the target folder's path is not UTF-8")?;
    let proves = || shell::read(&mut shell::program(text, &["-c", PROOF]));
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == wanted) && proves().is_ok() {
        println!("python: {} is good", python.display());
        return Ok(python);
    }
    if !shell::have("python3") {
        bail!("there is no python3; the test clients need it:\n    apt-get install --yes python3 python3-venv");
    }
    println!("python: making {}", folder.display());
    let place = folder.to_str().context("the target folder's path is not UTF-8")?;
    shell::read(&mut shell::program("python3", &["-m", "venv", "--clear", place]))
        .context("python3 cannot make a venv; on Debian:\n    apt-get install --yes python3-venv")?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    shell::run(shell::program(text, &install).arg(&requirements))
        .with_context(|| format!("the packages of {REQUIREMENTS} cannot be installed; is PyPI reachable?"))?;
    proves().with_context(|| format!("{REQUIREMENTS} does not give what the test clients import"))?;
    fs::write(stamp, wanted)?;
    Ok(python)
}
