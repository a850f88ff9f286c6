//! Tools for steps in C: clang, its wasm linker, a C library for WASI and clang's runtime library for wasm.
use anyhow::{Context, Result};

use super::debian;

/// Debian packages.
const PACKAGES: [&str; 4] = ["clang", "lld", "wasi-libc", "libclang-rt-dev-wasm32"];

/// Installs missing packages.
pub fn ensure() -> Result<()> {
    debian::install(&PACKAGES).context("the tests build a step in C")?;
    println!("c: {} are installed", PACKAGES.join(", "));
    Ok(())
}
