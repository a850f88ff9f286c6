//! Runs programs: in a clean environment, with the full command in error messages.
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Variables set by the outer `cargo run` and rustup's proxy, which would bind an inner cargo to the outer toolchain or make
/// it rebuild.
const LEAKS_EXACT: [&str; 9] = [
    "CARGO",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "RUSTC",
    "RUSTDOC",
    "RUST_RECURSION_COUNT",
    "OUT_DIR",
];
const LEAKS_PREFIX: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CFG_"];

/// Variables for the host's builds that must not affect the wasm builds, which set their own toolchain and flags.
const HOST_ONLY: [&str; 9] = [
    "RUSTUP_TOOLCHAIN",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_TARGET_DIR",
];

fn leaks(name: &str) -> bool {
    LEAKS_EXACT.contains(&name) || LEAKS_PREFIX.iter().any(|prefix| name.starts_with(prefix))
}

/// A program with the environment in which `cargo xtask` was called.
pub fn program(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(leaks) {
            command.env_remove(&key);
        }
    }
    command.args(args);
    command
}

/// Cargo for the host, with the user's toolchain.
pub fn cargo(args: &[&str]) -> Command {
    program("cargo", args)
}

/// Cargo or rustup without toolchain, target and flags of the host's build.
pub fn unbound(name: &str, args: &[&str]) -> Command {
    let mut command = program(name, args);
    for name in HOST_ONLY {
        command.env_remove(name);
    }
    command
}

/// The command in shell syntax, with the variables it sets.
pub fn shown(command: &Command) -> String {
    let quoted = |text: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:+,@%".contains(c);
        if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    let set = command.get_envs().filter_map(|(key, value)| {
        Some(format!("{}={}", key.to_string_lossy(), quoted(value?.to_string_lossy().into())))
    });
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    set.chain(words.map(|word| quoted(word.to_string_lossy().into()))).collect::<Vec<_>>().join(" ")
}

/// Runs a program in this terminal. Errors contain the command to repeat.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    if !status.success() {
        bail!("failed ({status}); to repeat:\n    {}", repeat(command));
    }
    Ok(())
}

/// Runs a program and returns its output; a non-zero exit status is not an error.
pub fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{}`", shown(command)))
}

/// Trimmed standard output of a program; fails if the program fails.
pub fn read(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", shown(command), output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program is in `PATH`.
pub fn have(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Removes a folder with its content, if it exists.
pub fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The command to repeat, including its working directory.
pub fn repeat(command: &Command) -> String {
    let folder = command.get_current_dir().map(Path::display);
    folder.map(|folder| format!("cd {folder} && {}", shown(command))).unwrap_or_else(|| shown(command))
}

/// `0.8 s`, `12 s`, `3 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{whole} s"),
        _ => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_outer_cargo_sets_is_a_leak() {
        for name in ["CARGO", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "RUSTC", "LD_LIBRARY_PATH"] {
            assert!(leaks(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_JOBS", "PATH", "CARGO_INCREMENTAL", "CI"] {
            assert!(!leaks(name), "{name}");
        }
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        let mut command = Command::new("cargo");
        command.args(["test", "it's"]).env("A_KEY", "two words").env_remove("B_KEY");
        assert_eq!(shown(&command), r"A_KEY='two words' cargo test 'it'\''s'");
    }

    #[test]
    fn a_failing_program_is_named() {
        let error = run(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.contains("to repeat:\n    false"), "{error}");
        assert!(read(&mut Command::new("false")).is_err());
        assert_eq!(read(Command::new("echo").arg(" hi ")).unwrap(), "hi");
    }

    #[test]
    fn times_read_well() {
        assert_eq!(seconds(Duration::from_millis(840)), "0.8 s");
        assert_eq!(seconds(Duration::from_secs(59)), "59 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 05 s");
    }
}
