//! What steps in C are built with: clang, its linker for wasm, a C library for WASI and clang's own library for it.
use anyhow::{Context, Result};

use super::debian;

/// Debian's packages.
const PACKAGES: [&str; 4] = ["clang", "lld", "wasi-libc", "libclang-rt-dev-wasm32"];

/// Installs what is missing.
pub fn ensure() -> Result<()> {
    debian::install(&PACKAGES).context("the tests build a step in C")?;
    println!("c: {} are there", PACKAGES.join(", "));
    Ok(())
}
