//! `cargo xtask clients`: dependencies of the test clients in Python and Node.js.
use anyhow::Result;
use clap::Args;

use crate::workspace::Workspace;
use crate::{node, python, speech, toolchain};

/// Install the packages of the Python and Node.js test clients, and the model that writes down speech.
///
/// Into target/venv, target/node, target/node-openapi and target/speech-venv, for running test binaries directly; `cargo xtask test` does this by itself.
#[derive(Args)]
pub struct Options {}

/// The command.
pub fn run(_: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    toolchain::programs::ensure()?;
    python::ensure(&workspace)?;
    speech::ensure(&workspace)?;
    node::ensure(&workspace).map(drop)
}
