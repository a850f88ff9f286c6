//! Running other programs: toolchains and their installers.

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Variables of a cargo or a rustup proxy around us, or of the host's own builds, that would bind an inner build to the
/// outer one's toolchain, target or flags.
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

/// Lines of a failed program's output that are shown; the end says what is wrong.
const LINES_MAX: usize = 200;

/// A program that runs in a folder.
pub fn program(name: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(name);
    FOREIGN.iter().for_each(|variable| {
        command.env_remove(variable);
    });
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Whether a program of that name is in `PATH`.
pub fn have(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Runs a program to its end. Where it fails, what it printed goes to stderr, and the error says how to repeat it.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    for text in printed.iter().filter(|text| !text.is_empty()) {
        let skipped = text.lines().count().saturating_sub(LINES_MAX);
        if skipped > 0 {
            eprintln!("… {skipped} lines before these");
        }
        text.lines().skip(skipped).for_each(|line| eprintln!("{line}"));
    }
    bail!("`{}` failed ({}): see above", shown(command), output.status)
}

/// Trimmed standard output of a program that succeeds; none where it does not, or is not there.
pub fn read(command: &mut Command) -> Option<String> {
    Some(String::from_utf8_lossy(&output_of(command)?.stdout).trim().to_owned())
}

/// Output of a program that succeeds; none where it does not, or is not there.
pub fn output_of(command: &mut Command) -> Option<Output> {
    command.output().ok().filter(|output| output.status.success())
}

fn output(command: &mut Command) -> anyhow::Result<Output> {
    command.output().with_context(|| format!("cannot start `{}`", shown(command)))
}

/// The command as a person would type it, without the variables.
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
