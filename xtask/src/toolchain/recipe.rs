//! Builds a toolchain for `wasm32-wasip2` from Debian's packages and rustup's linkers.
//!
//! Debian's compiler comes with the matching source of the standard library, which cargo can build for the target. The result,
//! Debian's wasm C library and links to rustup's linkers (Debian has none for components) are arranged in the layout of a rustup
//! toolchain.
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::target::TARGET;
use crate::shell;

/// Increased with every change of this file that changes the result.
pub const VERSION: u32 = 1;

/// Debian's cargo and compiler; those in `PATH` are rustup's.
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
/// Folder of wasi-libc.
const LIBC: &str = "/usr/lib/wasm32-wasi";
const LIBC_FILES: [&str; 3] = ["crt1-command.o", "crt1-reactor.o", "libc.a"];
/// Programs of rustup's toolchain that link components.
const LINKERS: [&str; 3] = ["wasm-component-ld", "rust-lld", "gcc-ld"];

/// An empty package: building it builds the standard library.
const EMPTY_MANIFEST: &str = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
                              [lib]\npath = \"lib.rs\"\n[profile.release]\ncodegen-units = 1\n[workspace]\n";
/// Tests the result: heap, formatting, a panic path, output.
const PROOF: &str =
    "fn main() { let n: Vec<usize> = (0..std::env::args().count() + 9).collect(); println!(\"{n:?}\"); }";

/// Paths of the linkers of a toolchain in `folder`.
pub fn linkers(folder: &Path, host: &str) -> Vec<PathBuf> {
    let bin = folder.join("lib/rustlib").join(host).join("bin");
    LINKERS.iter().map(|name| bin.join(name)).collect()
}

/// Builds the toolchain and moves it to `folder`, replacing what is there.
pub fn build(folder: &Path, sysroot: &Path, host: &str) -> Result<()> {
    let parent = folder.parent().context("the toolchain's folder has no parent")?;
    // On the same file system, so that the final move is a rename. The caller holds the lock: leftovers are unused.
    let work = parent.join("wasi-toolchain.work");
    shell::remove_folder(&work)?;
    shell::remove_folder(folder)?;
    let library = build_library(&work.join("std"))?;
    lay_out(&work.join("toolchain"), folder, &library, sysroot, host)?;
    fs::rename(work.join("toolchain"), folder).with_context(|| format!("cannot move to {}", folder.display()))?;
    prove(folder, &work.join("proof"))?;
    shell::remove_folder(&work)
}

/// Compiles the standard library and returns its files.
fn build_library(work: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(work)?;
    fs::write(work.join("Cargo.toml"), EMPTY_MANIFEST)?;
    fs::write(work.join("lib.rs"), "")?;
    let args =
        ["build", "--quiet", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET, "--target-dir", "target"];
    let mut command = shell::unbound(CARGO, &args);
    command.current_dir(work).env("PATH", "/usr/bin:/bin").env("RUSTC_BOOTSTRAP", "1").env("RUSTC", RUSTC);
    // Steps are linked with LTO, which needs the library's bitcode.
    command.env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", "-Cembed-bitcode=yes");
    shell::run(&mut command)?;
    let folder = work.join("target").join(TARGET).join("release/deps");
    let files = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let files: Vec<_> = files.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_library(path)).collect();
    if !files.iter().any(|path| name(path).starts_with("libstd-")) {
        bail!("cargo built no libstd for {TARGET} in {}", folder.display());
    }
    Ok(files)
}

fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rlib") && !name(path).starts_with("libempty-")
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Arranges a toolchain in `folder`, which will be moved to `place`.
fn lay_out(folder: &Path, place: &Path, library: &[PathBuf], sysroot: &Path, host: &str) -> Result<()> {
    let rustlib = folder.join("lib/rustlib");
    let target = rustlib.join(TARGET).join("lib");
    for new in [&folder.join("bin"), &target.join("self-contained"), &rustlib.join(host).join("bin")] {
        fs::create_dir_all(new)?;
    }
    for file in library {
        fs::copy(file, target.join(name(file)))?;
    }
    for file in LIBC_FILES {
        let from = Path::new(LIBC).join(file);
        fs::copy(&from, target.join("self-contained").join(file))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    let rustup_bin = sysroot.join("lib/rustlib").join(host).join("bin");
    for linker in LINKERS {
        let from = rustup_bin.join(linker);
        if !from.exists() {
            bail!(
                "rustup's toolchain has no {}; run `rustup toolchain install stable --profile minimal`",
                from.display()
            );
        }
        symlink(from, rustlib.join(host).join("bin").join(linker))?;
    }
    // Build scripts and macros of a step are compiled for the host, with Debian's own library.
    symlink(Path::new("/usr/lib/rustlib").join(host).join("lib"), rustlib.join(host).join("lib"))?;
    symlink(CARGO, folder.join("bin/cargo"))?;
    let rustc = folder.join("bin/rustc");
    fs::write(&rustc, format!("#!/bin/sh\nexec {RUSTC} --sysroot '{}' \"$@\"\n", place.display()))?;
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Compiles and links a program with the finished toolchain.
fn prove(folder: &Path, work: &Path) -> Result<()> {
    fs::create_dir_all(work)?;
    fs::write(work.join("proof.rs"), PROOF)?;
    let rustc = folder.join("bin/rustc");
    let rustc = rustc.to_str().context("the path of the cache folder is not UTF-8")?;
    let mut command = shell::unbound(rustc, &["--target", TARGET, "-O", "-o", "proof.wasm", "proof.rs"]);
    shell::run(command.current_dir(work)).context("the new toolchain cannot build a program")?;
    let bytes = fs::read(work.join("proof.wasm"))?;
    // The component layer is encoded here, where a core module has its version.
    if bytes.get(..8) != Some(b"\0asm\x0d\0\x01\0") {
        bail!("the new toolchain built something other than a component");
    }
    Ok(())
}
