//! C and other languages: builds with the project's own command.

use crate::manifest::Language;
use crate::program::{have, program, run};
use crate::project::Project;
use crate::tools::{Recipe, python_packages};
use crate::{embedded, progress};
use anyhow::Context as _;

/// `wasm-tools`, which turns the output of a C compiler into a component.
const C_TOOLS: Recipe = Recipe {
    name: "c",
    files: &[("requirements.txt", embedded::C_TOOLS)],
    install: python_packages,
    interpreter: "python3",
};

/// Runs the build command of `plugin.toml` in the project folder.
pub fn build(project: &Project) -> anyhow::Result<()> {
    let text = project.manifest.command.as_deref().context("plugin.toml has no build.command")?;
    // Otherwise the output of an earlier build could be used if the command succeeds without writing the file. The tools of
    // other languages write the file or fail.
    match std::fs::remove_file(project.component()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be removed", project.component_below()));
        }
        _ => {}
    }
    let mut command = program("sh", &project.folder);
    command.args(["-c", text]);
    command.env("MORAG_NAME", &project.manifest.name).env("MORAG_WIT_DIR", project.folder.join(".morag/wit"));
    if project.manifest.language == Language::C {
        if std::env::var_os("CC").is_none() && !have("clang") {
            anyhow::ensure!(
                have("zig"),
                "clang is not installed: on Debian and Ubuntu, `apt install clang lld wasi-libc libclang-rt-dev-wasm32`"
            );
            command.env("CC", "zig cc");
        }
        anyhow::ensure!(
            have("python3"),
            "Python is not installed, which the tools for C need: on Debian and Ubuntu, `apt install python3 python3-venv`"
        );
        let tools = C_TOOLS.ensure()?.join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path)));
        command.env("PATH", path.context("invalid PATH")?);
    }
    progress::during(&format!("running {text}"), || run(&mut command))
}
