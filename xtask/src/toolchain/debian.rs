//! Debian packages: queries and installation.
use anyhow::{Result, bail};

use crate::shell;

/// Version of a package, if it is installed.
pub fn installed_version(package: &str) -> Option<String> {
    let text = shell::read(&mut shell::program("dpkg-query", &["-W", "-f", "${Status} ${Version}", package])).ok()?;
    text.strip_prefix("install ok installed ").map(str::to_owned)
}

/// Installs missing packages; without root, fails with the command to run.
pub fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<_> = packages.iter().copied().filter(|package| installed_version(package).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !shell::have("apt-get") {
        bail!("cannot install the Debian packages {}: this system has no apt-get", missing.join(", "));
    }
    let list = missing.join(" ");
    if shell::read(&mut shell::program("id", &["-u"]))? != "0" {
        bail!(
            "Debian packages are missing, and installing them needs root; run\n    \
             sudo apt-get update && sudo apt-get install --yes --no-install-recommends {list}\nand then repeat this command"
        );
    }
    println!("toolchain: apt-get install {list}");
    apt(&["update", "--quiet"])?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt(&[&install, missing.as_slice()].concat())
}

/// Shows the output only on failure.
fn apt(args: &[&str]) -> Result<()> {
    let mut command = shell::program("apt-get", args);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    let output = shell::output(&mut command)?;
    if !output.status.success() {
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("`{}` failed ({}):\n{stdout}{stderr}", shell::shown(&command), output.status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_is_not_there_has_no_version() {
        assert_eq!(installed_version("no-such-package-morag"), None);
    }
}
