//! Paths of the repository, its target folder and its packages.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell;

/// The cargo workspace.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder (`CARGO_TARGET_DIR` if set).
    pub target: PathBuf,
    /// Packages of the workspace.
    pub packages: Vec<Package>,
}

/// A package of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// The folder of its `Cargo.toml`.
    pub folder: PathBuf,
    /// Whether it builds to a component: it has a `cdylib` target.
    pub component: bool,
    /// The root files of its library, binaries and benches.
    pub roots: Vec<PathBuf>,
}

impl Workspace {
    /// Reads `cargo metadata`.
    pub fn find() -> Result<Self> {
        let root = root();
        let mut command = shell::cargo(&["metadata", "--format-version", "1", "--no-deps"]);
        let text = shell::read(command.current_dir(&root))?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?.into();
        let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        Ok(Self { root, target, packages: packages.iter().filter_map(package).collect() })
    }

    /// Component packages below a folder of the repository, such as `plugins`.
    pub fn components_in(&self, folder: &str) -> Vec<&Package> {
        let folder = self.root.join(folder);
        self.packages.iter().filter(|package| package.component && package.folder.starts_with(&folder)).collect()
    }

    /// Folder of the step components built by `xtask plugins`.
    pub fn plugins_folder(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// Folder of the test guests built by `xtask plugins --guests`.
    pub fn guests_folder(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The `morag` binary in a profile's folder: `debug` or `release`.
    pub fn morag(&self, profile_folder: &str) -> PathBuf {
        self.target.join(profile_folder).join(format!("morag{}", std::env::consts::EXE_SUFFIX))
    }

    /// Cargo for the host, run in the repository.
    pub fn cargo(&self, args: &[&str]) -> std::process::Command {
        let mut command = shell::cargo(args);
        command.current_dir(&self.root);
        command
    }
}

/// The repository root: from `cargo run`'s environment, or the path of the build if started directly.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.filter(|folder| folder.ends_with("xtask")).unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    package.parent().map(Path::to_owned).unwrap_or(package)
}

fn package(value: &Value) -> Option<Package> {
    let targets = value["targets"].as_array()?;
    let crate_types = targets.iter().filter_map(|target| target["crate_types"].as_array()).flatten();
    let is_code = |target: &&Value| {
        let kinds = target["kind"].as_array().into_iter().flatten();
        kinds.into_iter().all(|kind| kind != "test" && kind != "example" && kind != "custom-build")
    };
    Some(Package {
        name: value["name"].as_str()?.to_owned(),
        folder: Path::new(value["manifest_path"].as_str()?).parent()?.to_owned(),
        component: crate_types.into_iter().any(|kind| kind == "cdylib"),
        roots: targets.iter().filter(is_code).filter_map(|target| Some(target["src_path"].as_str()?.into())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_steps_are_components_and_the_sdk_is_not() {
        let workspace = Workspace::find().unwrap();
        let names: Vec<_> = workspace.components_in("plugins").iter().map(|package| package.name.as_str()).collect();
        let steps = [
            "text_conversion",
            "pdf_conversion",
            "office_conversion",
            "archive_conversion",
            "metadata_extraction",
            "content_processing",
            "chunking",
            "graph_extraction",
            "ingestion",
        ];
        for step in steps {
            assert!(names.contains(&step), "{step} is missing in {names:?}");
        }
        assert!(!names.contains(&"morag-step"));
        assert!(workspace.components_in("host").is_empty());
    }
}
