//! Rust, by cargo for `wasm32-wasip2`.

use crate::program::{have, program, read, run};
use crate::progress;
use crate::project::{Project, replace};
use std::path::Path;
use std::process::Command;

/// The target of components.
const TARGET: &str = "wasm32-wasip2";

/// The toolchain that `cargo xtask toolchain` makes where rustup's target cannot be had, and the flag that its old C library
/// needs.
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
        "cargo made no {}: Cargo.toml must have `name = \"{}\"`, and `crate-type = [\"cdylib\"]` below [lib]",
        built.display(),
        project.manifest.name
    );
    replace(&built, &project.component())
}

/// A cargo that has the target.
fn cargo(folder: &Path) -> anyhow::Result<Command> {
    anyhow::ensure!(have("cargo"), "Rust is not installed: get it from https://rustup.rs");
    // The toolchain that holds in the project's folder: `rust-toolchain.toml`, `rustup override`, `RUSTUP_TOOLCHAIN`.
    if has_target(program("rustc", folder)) {
        return Ok(program("cargo", folder));
    }
    if have("rustup") {
        let mut linked = program("rustup", folder);
        linked.args(["run", LINKED, "rustc"]);
        if has_target(linked) {
            // `rustup run`, for a `cargo` in PATH that is not rustup's own does not know `+TOOLCHAIN`.
            let mut command = program("rustup", folder);
            command.args(["run", LINKED, "cargo"]).env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", LINKED_FLAGS);
            return Ok(command);
        }
    }
    anyhow::bail!("this Rust has no target {TARGET}: install it by `rustup target add {TARGET}`")
}

/// Whether the standard library of the target is there.
fn has_target(mut rustc: Command) -> bool {
    let folder = read(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_some_and(|folder| Path::new(&folder).is_dir())
}
