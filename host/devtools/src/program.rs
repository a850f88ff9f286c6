//! Runs other programs: toolchains and their installers.

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Environment variables set by an outer cargo, a rustup proxy or the build of the host, which would force the outer build's
/// toolchain, target or flags on the inner build.
const FOREIGN: [&str; 11] = [
    "CARGO",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
];

/// Most lines of a failed program's output to show: the last ones usually contain the error.
const LINES_MAX: usize = 200;

/// A command that runs a program in `folder`, with a clean environment and no input.
pub fn program(name: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    FOREIGN.iter().for_each(|variable| {
        command.env_remove(variable);
    });
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Whether `PATH` contains a program of that name.
pub fn have(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs a program. If it fails, prints its output to stderr, and the error contains the command line.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    for text in printed.iter().filter(|text| !text.is_empty()) {
        let skipped = text.lines().count().saturating_sub(LINES_MAX);
        if skipped > 0 {
            eprintln!("… {skipped} earlier lines");
        }
        text.lines().skip(skipped).for_each(|line| eprintln!("{line}"));
    }
    bail!("`{}` failed ({}): see above", shown(command), output.status)
}

/// Trimmed standard output of a program; `None` if it fails or does not exist.
pub fn read(command: &mut Command) -> Option<String> {
    Some(String::from_utf8_lossy(&output_of(command)?.stdout).trim().to_owned())
}

/// Output of a program; `None` if it fails or does not exist.
pub fn output_of(command: &mut Command) -> Option<Output> {
    command.output().ok().filter(|output| output.status.success())
}

fn output(command: &mut Command) -> anyhow::Result<Output> {
    command.output().with_context(|| format!("cannot start `{}`", shown(command)))
}

/// The command line quoted for a shell, without environment variables.
pub fn shown(command: &Command) -> String {
    let quoted = |text: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:+,@%".contains(c);
        if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| quoted(word.to_string_lossy().into())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = program("cargo", Path::new("/"));
        command.args(["test", "it's"]);
        assert_eq!(shown(&command), r"cargo test 'it'\''s'");
        assert!(command.get_envs().any(|(name, value)| name == "RUSTFLAGS" && value.is_none()));
    }

    #[test]
    fn a_failing_program_is_named() {
        let folder = Path::new("/");
        let error = run(program("sh", folder).args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.contains("`sh -c 'exit 3'` failed") && error.contains('3'), "{error}");
        assert!(run(&mut program("no-such-program-morag", folder)).unwrap_err().to_string().contains("cannot start"));
        assert_eq!(read(program("echo", folder).arg(" hi ")).as_deref(), Some("hi"));
        assert_eq!(read(&mut program("false", folder)), None);
        assert!(have("sh") && !have("no-such-program-morag"));
    }
}
