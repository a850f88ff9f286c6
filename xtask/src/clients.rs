//! `cargo xtask clients`: what the test clients in Python and for Node.js need.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{node, python, toolchain};

/// Make the Python and the Node.js packages of the test clients.
///
/// Into target/venv and target/node, for whoever runs a test binary directly; `cargo xtask test` does it by itself.
#[derive(Args)]
pub struct Options {}

/// The command.
pub fn run(_: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    toolchain::programs::ensure()?;
    python::ensure(&workspace)?;
    node::ensure(&workspace).map(drop)
}
