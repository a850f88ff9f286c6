//! A step project on disk.

use super::manifest::{self, Language, Manifest};
use super::snapshot::{Snapshot, is_ignored};
use super::{embedded, vendored};
use anyhow::{Context as _, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder of generated files: the SDK and the WIT. Every build updates it; it must not be edited or committed.
const GENERATED: &str = ".morag";

/// Selects the project.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// Folder of the project
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    dir: PathBuf,
}

/// A project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Absolute path of the project folder.
    pub folder: PathBuf,
    /// The parsed `plugin.toml`.
    pub manifest: Manifest,
}

impl Project {
    /// Reads the selected project.
    pub fn open(args: &ProjectArgs) -> anyhow::Result<Self> {
        Self::open_folder(&args.dir)
    }

    /// Reads the project of a folder.
    pub fn open_folder(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(manifest::FILE);
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => anyhow::bail!(
                "{} does not exist: change to the project folder, set it with --dir, or create a project with `morag plugin new`",
                file.display()
            ),
            read => read.with_context(|| format!("{} cannot be read", file.display()))?,
        };
        let manifest = Manifest::parse(&text).with_context(|| file.display().to_string())?;
        let folder = fs::canonicalize(folder).with_context(|| format!("cannot resolve {}", folder.display()))?;
        Ok(Self { folder, manifest })
    }

    /// Path of the component that `build` creates.
    pub fn component(&self) -> PathBuf {
        self.folder.join(self.component_below())
    }

    /// The same path, relative to the project folder.
    pub fn component_below(&self) -> String {
        format!("build/{}.wasm", self.manifest.name)
    }

    /// Folder of the test cases.
    pub fn tests(&self) -> PathBuf {
        self.folder.join(&self.manifest.tests)
    }

    /// Updates `.morag/` for this version of morag: the WIT with the project's own world, and the language's SDK. Unchanged files
    /// are not rewritten, so that toolchains need not rebuild them; other files are removed.
    pub fn generate(&self) -> anyhow::Result<()> {
        let mut files: Vec<(String, String)> = Vec::new();
        files.extend(embedded::WIT.iter().map(|(name, text)| (format!("wit/{name}"), (*text).to_owned())));
        files.push(("wit/plugin.wit".into(), self.manifest.world()));
        files.extend(sdk(self.manifest.language)?);
        sync(&self.folder.join(GENERATED), &files)
    }

    /// The current sources of the project.
    ///
    /// # Errors
    /// There are more than [`FILES_MAX`](super::snapshot::FILES_MAX) files.
    pub fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let mut snapshot = Snapshot::default();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            // A folder may be removed while it is read; the next snapshot notices that.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(meta) = entry.metadata() else { continue };
                if is_ignored(&entry.file_name().to_string_lossy()) {
                    continue;
                }
                if meta.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                ensure!(
                    !snapshot.is_full(),
                    "{} has more than {} files: move files that are not sources to build/ or another folder",
                    self.folder.display(),
                    super::snapshot::FILES_MAX
                );
                let path = entry.path().strip_prefix(&self.folder).map(Path::to_owned).unwrap_or_else(|_| entry.path());
                snapshot.note(path, meta.len(), meta.modified().ok());
            }
        }
        Ok(snapshot)
    }
}

/// Files of the SDK, with paths below `.morag`.
fn sdk(language: Language) -> anyhow::Result<Vec<(String, String)>> {
    let below = |folder: &str, files: embedded::Files| -> Vec<(String, String)> {
        files.iter().map(|(name, text)| (format!("sdk/{folder}/{name}"), (*text).to_owned())).collect()
    };
    Ok(match language {
        Language::Rust => {
            let mut files = below("rust", embedded::RUST_SDK);
            let manifest = vendored::manifest(embedded::RUST_SDK_MANIFEST, embedded::ROOT_MANIFEST)?;
            files.push(("sdk/rust/Cargo.toml".into(), manifest));
            files
        }
        Language::Python => below("python", embedded::PYTHON_SDK),
        Language::Javascript => below("javascript", embedded::JAVASCRIPT_SDK),
        Language::C => below("c", embedded::C_SDK),
        Language::Other => Vec::new(),
    })
}

/// Makes a folder contain exactly these files.
fn sync(folder: &Path, files: &[(String, String)]) -> anyhow::Result<()> {
    for (name, text) in files {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            continue;
        }
        write(&path, text.as_bytes())?;
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder_now) = folders.pop() {
        for entry in fs::read_dir(&folder_now).with_context(|| format!("{} cannot be read", folder_now.display()))? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !files.iter().any(|(known, _)| *known == name) {
                fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
            }
        }
    }
    Ok(())
}

/// Writes a file and creates its missing folders.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

/// Copies a file atomically: readers of the target see the complete old or new file.
pub fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    let folder = to.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    // Without the extension wasm, so that a server does not load it.
    let partial = to.with_extension(format!("partial-{}", std::process::id()));
    let copied = fs::copy(from, &partial).and_then(|_| fs::rename(&partial, to));
    copied
        .inspect_err(|_| drop(fs::remove_file(&partial)))
        .with_context(|| format!("{} cannot be written", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(folder: &Path, language: &str) -> Project {
        let text = format!("[plugin]\nname = \"a\"\nlanguage = \"{language}\"\n");
        fs::write(folder.join(manifest::FILE), text).unwrap();
        Project::open_folder(folder).unwrap()
    }

    #[test]
    fn the_generated_folder_has_all_files_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path(), "rust");
        let stale = folder.path().join(".morag/wit/gone.wit");
        write(&stale, b"old").unwrap();
        project.generate().unwrap();
        assert!(!stale.exists());
        for file in ["wit/step.wit", "wit/plugin.wit", "sdk/rust/Cargo.toml", "sdk/rust/src/lib.rs"] {
            assert!(folder.path().join(".morag").join(file).is_file(), "{file}");
        }
        // Unchanged files are not rewritten: toolchains compare modification times.
        let at = |file: &str| fs::metadata(folder.path().join(".morag").join(file)).unwrap().modified().unwrap();
        let before = at("sdk/rust/src/lib.rs");
        fs::write(folder.path().join(".morag/wit/plugin.wit"), "changed by hand").unwrap();
        project.generate().unwrap();
        assert_eq!(at("sdk/rust/src/lib.rs"), before);
        assert_eq!(fs::read_to_string(folder.path().join(".morag/wit/plugin.wit")).unwrap(), project.manifest.world());
    }

    #[test]
    fn sources_are_watched_and_build_outputs_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(folder.path(), "python");
        let before = project.snapshot().unwrap();
        for made in ["build/a.wasm", ".morag/wit/x.wit", "__pycache__/x.pyc", "tests/one/expected/report.json"] {
            write(&folder.path().join(made), b"x").unwrap();
        }
        assert_eq!(project.snapshot().unwrap().changed_since(&before), None);
        write(&folder.path().join("step.py"), b"x").unwrap();
        assert_eq!(project.snapshot().unwrap().changed_since(&before), Some(Path::new("step.py")));
    }

    #[test]
    fn a_folder_without_a_project_is_explained() {
        let folder = tempfile::tempdir().unwrap();
        let error = Project::open_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("plugin.toml does not exist") && error.contains("morag plugin new"), "{error}");
        fs::write(folder.path().join(manifest::FILE), "[plugin]\n").unwrap();
        let error = format!("{:#}", Project::open_folder(folder.path()).unwrap_err());
        assert!(error.contains("plugin.toml: line 1") && error.contains("name"), "{error}");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.wasm"), folder.path().join("plugins/a.wasm"));
        fs::write(&from, "new").unwrap();
        write(&to, b"old").unwrap();
        replace(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path().join("plugins")).unwrap().count(), 1);
        let error = replace(&folder.path().join("none"), &to).unwrap_err().to_string();
        assert!(error.contains("a.wasm cannot be written"), "{error}");
    }
}
