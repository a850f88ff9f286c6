//! Build tools from package registries: installed once for all projects of a user, with pinned versions.
//!
//! The name of a tool folder contains a digest of the pinned versions and the version of the interpreter, so that a change of
//! either creates a new folder: a Python environment works only with the Python that created it. The stamp file is written last;
//! a folder without it is incomplete and is created again. A lock lets only one of several builds install.

use super::program::{program, read};
use super::progress;
use anyhow::Context as _;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Environment variable with the folder of all tools.
const FOLDER: &str = "MORAG_TOOLS_DIR";

/// Stamp file with the digest; written last.
const STAMP: &str = "installed.txt";

/// Hexadecimal digits of the digest in a folder's name: enough to distinguish a few versions. The stamp contains all digits.
const NAME_DIGITS: usize = 16;

/// How to install the tools of a language.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// First part of the folder's name.
    pub name: &'static str,
    /// Files with the pinned versions; they are written into the folder.
    pub files: &'static [(&'static str, &'static str)],
    /// Installs the tools into the folder.
    pub install: fn(&Path) -> anyhow::Result<()>,
    /// The program that runs the tools; it must print its version for `--version`.
    pub interpreter: &'static str,
}

impl Recipe {
    /// The folder with the tools; installs them if needed.
    pub fn ensure(&self) -> anyhow::Result<PathBuf> {
        let output = read(program(self.interpreter, Path::new(".")).arg("--version"));
        self.ensure_in(&tools_folder()?, &version(&output.unwrap_or_default()))
    }

    /// `version` is the version of the interpreter.
    fn ensure_in(&self, tools: &Path, version: &str) -> anyhow::Result<PathBuf> {
        let digest = self.digest();
        let folder = tools.join(format!("{}-{version}-{}", self.name, &digest[..NAME_DIGITS]));
        if is_installed(&folder, &digest) {
            return Ok(folder);
        }
        let unusable = || format!("cannot use the tools folder {}: set {FOLDER} to another one", tools.display());
        fs::create_dir_all(tools).with_context(unusable)?;
        let lock = File::create(folder.with_added_extension("lock")).with_context(unusable)?;
        if lock.try_lock().is_err() {
            progress::during("waiting for another build that installs the same tools", || {
                lock.lock().context("cannot lock the tools folder")
            })?;
        }
        if is_installed(&folder, &digest) {
            return Ok(folder);
        }
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).with_context(unusable),
            _ => fs::create_dir_all(&folder).with_context(unusable)?,
        }
        for (name, text) in self.files {
            fs::write(folder.join(name), text).with_context(unusable)?;
        }
        let what = format!("installing the tools for {} into {}, once", self.name, folder.display());
        progress::during(&what, || (self.install)(&folder))?;
        fs::write(folder.join(STAMP), &digest).with_context(unusable)?;
        Ok(folder)
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, text) in self.files {
            for part in [name, text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hex::encode(hash.finalize())
    }
}

/// Extracts a version for use in a file name: `3.11.2` from `Python 3.11.2`, `20.19.0` from `v20.19.0`.
fn version(output: &str) -> String {
    let word = output.split_whitespace().last().unwrap_or("none").trim_start_matches('v');
    word.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' }).collect()
}

fn is_installed(folder: &Path, digest: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|stamp| stamp == digest)
}

/// The user's cache folder of morag.
pub fn cache_folder() -> anyhow::Result<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    cache
        .map(|cache| cache.join("morag"))
        .context("neither XDG_CACHE_HOME nor HOME is set: set one of them to locate the cache folder")
}

fn tools_folder() -> anyhow::Result<PathBuf> {
    match std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()) {
        // Absolute, because builds run in other folders.
        Some(folder) => std::path::absolute(folder).with_context(|| format!("{FOLDER} is not a valid path")),
        None => Ok(cache_folder()?.join("tools")),
    }
}

/// Creates a Python environment in the folder and installs its `requirements.txt`.
pub fn python_packages(folder: &Path) -> anyhow::Result<()> {
    let venv = super::program::output_of(program("python3", folder).args(["-m", "venv", "."]));
    anyhow::ensure!(
        venv.is_some(),
        "`python3 -m venv` cannot create an environment: install venv, on Debian and Ubuntu with `apt install python3-venv`"
    );
    let arguments = ["install", "--disable-pip-version-check", "--no-input", "--quiet", "-r", "requirements.txt"];
    super::program::run(program(folder.join("bin/pip"), folder).args(arguments))
        .context("cannot install the Python packages: check that the registry is reachable")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const FILES: &[(&str, &str)] = &[("requirements.txt", "a==1\n")];

    #[test]
    fn tools_are_installed_once_by_builds_that_run_at_once() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        fn install(folder: &Path) -> anyhow::Result<()> {
            assert_eq!(fs::read_to_string(folder.join("requirements.txt"))?, "a==1\n");
            COUNT.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
        let tools = tempfile::tempdir().unwrap();
        let recipe = Recipe { name: "x", files: FILES, install, interpreter: "sh" };
        let made: Vec<_> = std::thread::scope(|scope| {
            let builds: Vec<_> =
                (0..4).map(|_| scope.spawn(|| recipe.ensure_in(tools.path(), "1.2").unwrap())).collect();
            builds.into_iter().map(|build| build.join().unwrap()).collect()
        });
        assert!(made.iter().all(|folder| *folder == made[0] && is_installed(folder, &recipe.digest())));
        assert_eq!(COUNT.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn an_incomplete_folder_is_created_again() {
        fn fails(folder: &Path) -> anyhow::Result<()> {
            fs::write(folder.join("half"), "")?;
            anyhow::bail!("the network is away")
        }
        fn works(folder: &Path) -> anyhow::Result<()> {
            anyhow::ensure!(!folder.join("half").exists(), "the half is still there");
            Ok(())
        }
        let tools = tempfile::tempdir().unwrap();
        let failing = Recipe { name: "x", files: FILES, install: fails, interpreter: "sh" };
        assert!(failing.ensure_in(tools.path(), "1").is_err());
        Recipe { install: works, ..failing }.ensure_in(tools.path(), "1").unwrap();
    }

    #[test]
    fn another_version_is_another_folder() {
        let recipe = Recipe { name: "x", files: FILES, install: |_| Ok(()), interpreter: "sh" };
        let other = Recipe { files: &[("requirements.txt", "a==2\n")], ..recipe };
        assert_ne!(recipe.digest(), other.digest());
        let tools = tempfile::tempdir().unwrap();
        let [old, new] = ["3.11.2", "3.12.0"].map(|version| recipe.ensure_in(tools.path(), version).unwrap());
        assert!(old != new && old.is_dir() && new.is_dir(), "another interpreter is another folder too");
        for (output, version) in
            [("Python 3.11.2", "3.11.2"), ("v20.19.0\n", "20.19.0"), ("", "none"), ("a ../b", ".._b")]
        {
            assert_eq!(super::version(output), version);
        }
    }
}
