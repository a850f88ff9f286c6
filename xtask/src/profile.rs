//! How what is started here is compiled.
use std::path::PathBuf;

use crate::workspace::Workspace;

/// How the server and the step components are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The server by Cargo's `dev`: only what takes the time of a task (wasmtime, SQLite) is optimised. Components by `plugin-quick`.
    Quick,
    /// As they are shipped, and as they are measured.
    Release,
}

impl Profile {
    /// The binary of it.
    pub fn morag(self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Quick => workspace.morag("debug"),
            Self::Release => workspace.morag("release"),
        }
    }

    /// Cargo's name of the profile for what runs as wasm; the root `Cargo.toml` has them.
    pub fn of_components(self) -> &'static str {
        match self {
            Self::Quick => "plugin-quick",
            Self::Release => "plugin",
        }
    }
}
