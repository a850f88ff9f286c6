//! Python: builds with componentize-py.

use crate::program::{have, program, read, run};
use crate::project::Project;
use crate::tools::{Recipe, python_packages};
use crate::{embedded, progress};

const TOOLS: Recipe = Recipe {
    name: "python",
    files: &[("requirements.txt", embedded::PYTHON_TOOLS)],
    install: python_packages,
    interpreter: "python3",
};

/// Builds `step.py` and its imports.
pub fn build(project: &Project) -> anyhow::Result<()> {
    check()?;
    let tools = TOOLS.ensure()?;
    let out = project.component_below();
    let mut command = program(tools.join("bin/componentize-py"), &project.folder);
    command.args(["-q", "-d", ".morag/wit", "-w", "plugin", "componentize", "morag_step.component"]);
    command.args(["-p", ".", "-p", ".morag/sdk/python", "-o", &out]);
    // Otherwise componentize-py would search the packages of the machine's Python.
    command.env("VIRTUAL_ENV", project.folder.join(".venv"));
    command.env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
    progress::during("building with componentize-py", || run(&mut command))
}

fn check() -> anyhow::Result<()> {
    anyhow::ensure!(
        have("python3"),
        "Python is not installed: install 3.10 or later, on Debian and Ubuntu with `apt install python3 python3-venv`"
    );
    let script = "import sys; print('ok' if sys.version_info >= (3, 10) else sys.version.split()[0])";
    match read(program("python3", std::path::Path::new(".")).args(["-c", script])).as_deref() {
        Some("ok") => Ok(()),
        Some(version) => anyhow::bail!("Python {version} is too old: install 3.10 or later"),
        None => anyhow::bail!("python3 does not run: install Python 3.10 or later"),
    }
}
