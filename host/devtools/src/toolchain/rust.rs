//! Rust: builds with cargo for `wasm32-wasip2`.

use crate::program::{have, program, read, run};
use crate::progress;
use crate::project::{Project, replace};
use std::path::Path;
use std::process::Command;

/// The target of components.
const TARGET: &str = "wasm32-wasip2";

/// The toolchain that `cargo xtask toolchain` creates if rustup cannot install the target, and the flags for its old C library.
const LINKED: &str = "morag-wasi";
const LINKED_FLAGS: &str = "--cfg morag_debian_wasi_libc";

/// Builds in the project's `target/`.
pub fn build(project: &Project) -> anyhow::Result<()> {
    let mut command = cargo(&project.folder)?;
    command.args(["build", "--release", "--target", TARGET, "--target-dir", "target"]);
    progress::during("building with cargo", || run(&mut command))?;
    let built = project.folder.join(format!("target/{TARGET}/release/{}.wasm", project.manifest.name));
    anyhow::ensure!(
        built.is_file(),
        "cargo did not create {}: Cargo.toml must contain `name = \"{}\"`, and `crate-type = [\"cdylib\"]` in [lib]",
        built.display(),
        project.manifest.name
    );
    replace(&built, &project.component())
}

/// A cargo command whose toolchain has the target.
fn cargo(folder: &Path) -> anyhow::Result<Command> {
    anyhow::ensure!(have("cargo"), "Rust is not installed: install it from https://rustup.rs");
    // The project's toolchain, as set by `rust-toolchain.toml`, `rustup override` or `RUSTUP_TOOLCHAIN`.
    if has_target(program("rustc", folder)) {
        return Ok(program("cargo", folder));
    }
    if have("rustup") {
        let mut linked = program("rustup", folder);
        linked.args(["run", LINKED, "rustc"]);
        if has_target(linked) {
            // `rustup run`, because a `cargo` in PATH that is not rustup's does not support `+TOOLCHAIN`.
            let mut command = program("rustup", folder);
            command.args(["run", LINKED, "cargo"]).env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", LINKED_FLAGS);
            return Ok(command);
        }
    }
    anyhow::bail!("the Rust toolchain has no target {TARGET}: install it with `rustup target add {TARGET}`")
}

/// Whether the standard library of the target is installed.
fn has_target(mut rustc: Command) -> bool {
    let folder = read(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}
