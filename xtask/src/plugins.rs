//! `cargo xtask plugins`: builds the step components, and the test guests, for wasm.
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::compile::Builds;
use crate::profile::Profile;
use crate::toolchain::{self, TARGET};
use crate::workspace::{Package, Workspace};

/// Build the step components into target/plugins.
///
/// Every package below plugins/ with a `cdylib` is a component.
#[derive(Args)]
pub struct Options {
    /// Build the test guests (tests/guests/*) into target/guests too.
    #[arg(long)]
    pub guests: bool,
}

/// The command.
pub fn run(options: &Options) -> Result<()> {
    build(&Workspace::find()?, options)
}

/// Builds them as they are shipped, and copies them.
pub fn build(workspace: &Workspace, options: &Options) -> Result<()> {
    build_with(&Builds::default(), workspace, Profile::Release, options)
}

/// The same in any profile, beside other builds. One cargo call, so that what the components share is compiled once.
pub fn build_with(builds: &Builds, workspace: &Workspace, profile: Profile, options: &Options) -> Result<()> {
    let steps = workspace.components_in("plugins");
    if steps.is_empty() {
        bail!("no package below plugins/ has a cdylib");
    }
    let guests = if options.guests { workspace.components_in("tests/guests") } else { Vec::new() };
    let toolchain = toolchain::ensure()?;
    let target = workspace.target.join("wasm");
    let mut args = vec!["build", "--profile", profile.of_components(), "--target", TARGET];
    args.extend(steps.iter().chain(&guests).flat_map(|package| ["-p", package.name.as_str()]));
    let mut command = toolchain.cargo(&workspace.root, &args);
    builds.run("components", command.arg("--target-dir").arg(&target))?;
    let built = target.join(TARGET).join(profile.of_components());
    copy_all(&built, &workspace.plugins_folder(), &steps)?;
    if options.guests {
        copy_all(&built, &workspace.guests_folder(), &guests)?;
    }
    Ok(())
}

/// Makes the folder hold exactly the packages' components: the server loads all that it finds there.
fn copy_all(built: &Path, folder: &Path, packages: &[&Package]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for package in packages {
        let from = built.join(format!("{}.wasm", package.name.replace('-', "_")));
        let to = folder.join(format!("{}.wasm", package.name));
        let bytes = fs::read(&from).with_context(|| format!("{} was not built", from.display()))?;
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            continue;
        }
        // By a rename: a server that runs may be reading the old one.
        let partial = folder.join(format!("{}.partial", package.name));
        fs::write(&partial, &bytes)?;
        fs::rename(&partial, &to)?;
        println!("plugins: {} ({} KiB)", to.display(), bytes.len().div_ceil(1024));
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let known = packages.iter().any(|package| path.file_stem().is_some_and(|stem| stem == package.name.as_str()));
        if path.extension().is_some_and(|extension| extension == "wasm") && !known {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_holds_exactly_what_was_built() {
        let root = std::env::temp_dir().join(format!("xtask-plugins-{}", std::process::id()));
        let (built, folder) = (root.join("built"), root.join("plugins"));
        fs::create_dir_all(&built).unwrap();
        fs::create_dir_all(&folder).unwrap();
        fs::write(built.join("a_step.wasm"), "new").unwrap();
        fs::write(folder.join("a_step.wasm"), "old").unwrap();
        fs::write(folder.join("gone.wasm"), "old").unwrap();
        fs::write(folder.join("steps.toml"), "kept").unwrap();
        let package = Package { name: "a_step".to_owned(), folder: root.clone(), component: true, roots: vec![] };
        copy_all(&built, &folder, &[&package]).unwrap();
        assert_eq!(fs::read(folder.join("a_step.wasm")).unwrap(), b"new");
        assert!(!folder.join("gone.wasm").exists());
        assert!(folder.join("steps.toml").exists());
        let missing = Package { name: "b_step".to_owned(), folder: root.clone(), component: true, roots: vec![] };
        assert!(copy_all(&built, &folder, &[&missing]).unwrap_err().to_string().contains("was not built"));
        fs::remove_dir_all(&root).unwrap();
    }
}
