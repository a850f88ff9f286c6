//! Names of what is built for.

/// The target of the step components.
pub const TARGET: &str = "wasm32-wasip2";
/// The name under which rustup knows the toolchain that we build.
pub const LINK: &str = "morag-wasi";
