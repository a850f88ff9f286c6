//! Signatures by the `minisign` program of Debian's package.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A key pair, in a temporary folder.
#[derive(Debug)]
pub struct Signer {
    folder: TempDir,
    /// The public key, one line of base64.
    pub public_key: String,
}

impl Signer {
    /// Generates a key pair.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        run(folder.path(), &["-G", "-W", "-p", "key.pub", "-s", "key"]);
        let text = std::fs::read_to_string(folder.path().join("key.pub")).expect("a public key");
        let public_key = text.lines().nth(1).expect("the key's line").to_owned();
        Self { folder, public_key }
    }

    /// Signs a file; the signature is written beside it.
    pub fn sign(&self, path: &Path) {
        run(self.folder.path(), &["-S", "-s", "key", "-m", &path.display().to_string()]);
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

/// Path of a file's signature.
pub fn signature_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.minisig", path.display()))
}

fn run(folder: &Path, arguments: &[&str]) {
    let output = Command::new("minisign").args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("minisign: {error}; `cargo xtask test` installs it"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
