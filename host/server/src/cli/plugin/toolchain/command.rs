//! C, and whatever else makes components: by the project's own command.

use crate::cli::plugin::manifest::Language;
use crate::cli::plugin::program::{have, program, run};
use crate::cli::plugin::project::Project;
use crate::cli::plugin::tools::{Recipe, python_packages};
use crate::cli::plugin::{embedded, progress};
use anyhow::Context as _;

/// `wasm-tools`, which makes a component of what a C compiler makes.
const C_TOOLS: Recipe =
    Recipe { name: "c", files: &[("requirements.txt", embedded::C_TOOLS)], install: python_packages };

/// Runs the command of `plugin.toml` in the project's folder.
pub fn build(project: &Project) -> anyhow::Result<()> {
    let text = project.manifest.command.as_deref().context("plugin.toml has no build.command")?;
    let mut command = program("sh", &project.folder);
    command.args(["-c", text]);
    command.env("MORAG_NAME", &project.manifest.name).env("MORAG_WIT_DIR", project.folder.join(".morag/wit"));
    if project.manifest.language == Language::C {
        anyhow::ensure!(
            have("clang") || have("zig"),
            "there is no clang: get it, on Debian and Ubuntu by \
             `apt install clang lld wasi-libc libclang-rt-14-dev-wasm32`"
        );
        anyhow::ensure!(have("python3"), "the tools for C come by Python: `apt install python3 python3-venv`");
        let tools = C_TOOLS.ensure()?.join("bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path)));
        command.env("PATH", path.context("PATH cannot be used")?);
    }
    progress::during(&format!("running {text}"), || run(&mut command))
}
