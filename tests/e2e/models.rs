//! `morag models`, with a Python of the test's own in place of the one that would download.

use morag_tests::server::{binary, models_dir};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// The model's files.
const FILES: [&str; 2] = ["PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"];

/// A key of the server, which pip does not get.
const SECRET: &str = "sk-of-the-server";

/// A `python3` in a folder: what it is asked is written to `asked`, and its `pip download` does this.
fn python(folder: &Path, download: &str) {
    let models = models_dir().join("pp-ocrv6-small");
    let script = format!(
        "#!/bin/sh\nset -e\nfolder='{}'\necho \"$*\" >> \"$folder/asked\"\nenv >> \"$folder/asked\"\npwd >> \"$folder/asked\"\ncase \"$2\" in\n\
         pip) while [ $# -gt 0 ]; do case \"$1\" in --requirement) cat \"$2\" >> \"$folder/asked\";; --dest) dest=\"$2\";; esac; shift; done\n\
         {download};;\n\
         zipfile) mkdir -p \"$5/rapidocr/models\"; cp '{}'/*.onnx \"$5/rapidocr/models\";;\nesac\n",
        folder.display(),
        models.display()
    );
    // `$5` is the folder: `-m zipfile -e WHEEL FOLDER`.
    let path = folder.join("python3");
    fs::write(&path, script).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script that runs");
}

fn models(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    let path = format!("{}:/usr/bin:/bin", folder.display());
    command.arg("models").args(args).args(["--data-dir", "data"]).current_dir(folder).env_clear().env("PATH", path);
    command
        .env("REDACT_TOKEN", SECRET)
        .env("https_proxy", "http://proxy.example")
        .env("PIP_INDEX_URL", "https://index.example");
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_model_is_downloaded_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    python(folder.path(), "mkdir -p \"$dest\"; touch \"$dest/rapidocr.whl\"");
    let before = models(folder.path(), &["list"]);
    let said = text(&before.stdout);
    assert!(said.contains("missing in ") && said.contains("run `morag models add pp-ocrv6-small`"), "{said}");
    let added = models(folder.path(), &["add", "pp-ocrv6-small"]);
    assert!(added.status.success(), "{added:?}");
    for file in FILES {
        assert!(folder.path().join("data/models/pp-ocrv6-small").join(file).is_file(), "{file}");
    }
    let listed = text(&models(folder.path(), &["list"]).stdout);
    assert!(listed.contains("in data/models/pp-ocrv6-small"), "{listed}");
    let log = || fs::read_to_string(folder.path().join("asked")).expect("pip was asked");
    let asked_once = log();
    let again = models(folder.path(), &["add", "pp-ocrv6-small"]);
    assert!(again.status.success() && text(&again.stdout).contains("is already in"), "{again:?}");
    assert_eq!(log(), asked_once, "it is not downloaded again");
    // pip takes no other package than the known one.
    let asked = fs::read_to_string(folder.path().join("asked")).expect("pip was asked");
    for part in ["--require-hashes", "--no-deps", "rapidocr==3.9.2 --hash=sha256:04d6b8d151f8"] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert!(
        asked.contains("https://index.example") && asked.contains("http://proxy.example") && !asked.contains(SECRET),
        "{asked}"
    );
    let here = folder.path().canonicalize().expect("a folder").display().to_string();
    assert!(!asked.lines().any(|line| line == here), "modules of the current folder are not run: {asked}");
}

#[test]
fn what_pip_says_is_told_and_what_else_can_be_done() {
    let folder = tempfile::tempdir().expect("a folder");
    python(
        folder.path(),
        "echo 'WARNING: Tunnel connection failed: 407' >&2; echo 'ERROR: No matching distribution' >&2; exit 1",
    );
    let failed = models(folder.path(), &["add", "pp-ocrv6-small"]);
    let said = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{said}");
    for part in
        ["Tunnel connection failed: 407", "No matching distribution", "rapidocr==3.9.2", "morag models add FOLDER"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!folder.path().join("data/models/pp-ocrv6-small").exists(), "nothing is written");
}
