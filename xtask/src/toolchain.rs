//! `cargo xtask toolchain`: makes sure that `wasm32-wasip2` can be built.
//!
//! Uses the active toolchain if it has the target or rustup can add it. Otherwise, on Debian, [`linked`] builds the target's
//! standard library from Debian's source package and links the result into rustup as `morag-wasi`.
pub mod c;
pub mod debian;
mod linked;
pub mod programs;
mod recipe;
mod target;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;
use target::LINK;
pub use target::TARGET;

/// Chooses the way: `auto` (default), `rustup` or `linked`.
const CHOICE: &str = "MORAG_WASM_TOOLCHAIN";

/// Make sure that wasm32-wasip2 can be built.
///
/// Adds rustup's target; if that fails, builds one from Debian's packages (as root, about a minute, once per machine: it is kept
/// in ~/.cache/morag). MORAG_WASM_TOOLCHAIN=rustup or =linked forces one of the two.
#[derive(Args)]
pub struct Options {}

/// A toolchain for the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The active toolchain.
    Active,
    /// The toolchain `morag-wasi`, with Debian's old C library.
    Linked,
}

impl Toolchain {
    /// Cargo for the target. With Debian's C library, `cfg(morag_debian_wasi_libc)` is set, because the library lacks symbols
    /// that a step may have to define.
    pub fn cargo(self, root: &Path, args: &[&str]) -> Command {
        let link = format!("+{LINK}");
        let (words, flags) = match self {
            Self::Active => (args.to_vec(), None),
            Self::Linked => (std::iter::once(link.as_str()).chain(args.iter().copied()).collect(), Some(linked::FLAGS)),
        };
        let mut command = shell::unbound("cargo", &words);
        command.current_dir(root);
        if let Some(flags) = flags {
            command.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", flags);
        }
        command
    }
}

/// The command.
pub fn run(_: &Options) -> Result<()> {
    ensure().map(drop)
}

/// Finds a toolchain for the target, or creates one. Prints what it does.
pub fn ensure() -> Result<Toolchain> {
    let choice = std::env::var(CHOICE).unwrap_or_else(|_| "auto".to_owned());
    match choice.as_str() {
        "linked" => linked::ensure().map(|()| Toolchain::Linked),
        "rustup" => add_target().map(|()| Toolchain::Active),
        "auto" => automatic(),
        other => bail!("{CHOICE}={other} is not supported; unset it, or set it to `rustup` or `linked`"),
    }
}

fn automatic() -> Result<Toolchain> {
    if active_has_target() {
        println!("toolchain: the active toolchain builds {TARGET}");
        return Ok(Toolchain::Active);
    }
    if linked::is_ready() {
        println!("toolchain: {LINK} builds {TARGET}");
        return Ok(Toolchain::Linked);
    }
    match add_target() {
        Ok(()) => Ok(Toolchain::Active),
        Err(why) => {
            println!("toolchain: rustup cannot add {TARGET}: {why:#}");
            linked::ensure().with_context(|| {
                format!("cannot build {TARGET} yet; where rustup's downloads are reachable, run `rustup target add {TARGET}`")
            })?;
            Ok(Toolchain::Linked)
        }
    }
}

/// Whether the active `rustc`, rustup's or a distribution's, has the target's standard library.
fn active_has_target() -> bool {
    let asked = shell::read(&mut shell::unbound("rustc", &["--print", "target-libdir", "--target", TARGET]));
    asked.is_ok_and(|folder| Path::new(&folder).is_dir())
}

fn add_target() -> Result<()> {
    if active_has_target() {
        return Ok(());
    }
    if !shell::have("rustup") {
        bail!("rustup is not installed; install it (https://rustup.rs), or install {TARGET} for the rustc in use");
    }
    println!("toolchain: rustup target add {TARGET}");
    let output = shell::output(&mut shell::unbound("rustup", &["target", "add", TARGET]))?;
    if output.status.success() && active_has_target() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let reason = stderr.lines().rev().find(|line| line.contains("error")).or_else(|| stderr.lines().last());
    bail!("`rustup target add {TARGET}` failed ({}): {}", output.status, reason.unwrap_or("no error message"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linked_toolchain_is_named_and_its_library_is_known_to_the_code() {
        let command = Toolchain::Linked.cargo(Path::new("/"), &["build"]);
        let shown = shell::shown(&command);
        assert!(shown.ends_with("cargo +morag-wasi build"), "{shown}");
        assert!(shown.contains("--cfg morag_debian_wasi_libc"), "{shown}");
        assert!(command.get_envs().any(|(key, value)| key == "RUSTUP_TOOLCHAIN" && value.is_none()));
    }

    #[test]
    fn the_active_toolchain_gets_no_flags() {
        assert_eq!(shell::shown(&Toolchain::Active.cargo(Path::new("/"), &["build"])), "cargo build");
    }
}
