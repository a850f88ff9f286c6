//! Projects of steps, made and built by `morag plugin` with the languages' own toolchains.
//!
//! The first time, tools for Python, JavaScript and C come from their registries, into `MORAG_TOOLS_DIR` or the user's cache.

use super::server::binary;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// Name of the converter that the templates are.
pub const CONVERTER: &str = "kvtxt";

/// Runs `morag` in a folder: exit code, stdout, stderr. It inherits the environment, which toolchains need, but for the settings of a
/// server.
pub async fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(binary());
    for name in ["MORAG_SERVER", "MORAG_API_KEY", "MORAG_PLUGINS_DIR"] {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).kill_on_drop(true).stdin(Stdio::null());
    let output = command.output().await.expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs a command that must succeed; returns stdout.
pub async fn ok(folder: &Path, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(folder, arguments).await;
    assert_eq!(code, Some(0), "morag {arguments:?} in {}\n{stdout}\n{stderr}", folder.display());
    stdout
}

/// A new project of a converter, not built: files of lines `key = value` with the extension `kvt` become a table.
pub async fn new_converter(folder: &Path, language: &str) -> PathBuf {
    ok(folder, &["plugin", "new", CONVERTER, "--lang", language, "--converter"]).await;
    folder.join(CONVERTER)
}

/// The component of that converter in Python: what an operator drops into the plugins folder. Built in some ten seconds.
pub async fn converter_component(folder: &Path) -> PathBuf {
    let project = new_converter(folder, "python").await;
    ok(&project, &["plugin", "build"]).await;
    project.join(format!("build/{CONVERTER}.wasm"))
}
