//! Compiling components, which are untrusted: in a process of their own with limits of memory and processor time.
//!
//! [`census`] counts the contents of a component before it is compiled, [`parent`] starts the process, sends it the component
//! and interprets its end, [`child`] runs in it, [`wire`] is their protocol. [`refusals`] stores which components were refused.
//! The process is `morag` itself with a command that its help does not show.

mod census;
mod child;
mod error;
mod parent;
mod refusals;
mod wire;

pub use child::compile_in_this_process as compile_child;
pub use error::CompileError;
pub use parent::CompilerProgram;

pub(crate) use census::check as check_size;
pub(crate) use refusals::{AGE_MAX as REFUSAL_AGE_MAX, Refusals, Turn, now};

use crate::engine_config::Tier;
use bytes::Bytes;
use morag_core::plugin::CompileLimits;
use parent::Children;
use std::sync::Arc;
use wasmtime::Engine;

/// Compiles components to native code.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In the process itself, without limits of memory and time: for trusted components, in tests and benchmarks.
    InProcess,
    /// In processes with limits. Clones share the bound on concurrent processes.
    Children(Arc<Children>),
}

impl Compiler {
    /// Compiles in processes of this program, each within the limits.
    pub fn children(program: CompilerProgram, limits: CompileLimits) -> Self {
        Self::Children(Arc::new(Children::new(program, limits)))
    }

    /// Compiles in processes of the program that runs, which must be a `morag`.
    ///
    /// # Errors
    /// Where the system does not say which program that is.
    pub fn of_this_program(limits: CompileLimits) -> std::io::Result<Self> {
        let program = CompilerProgram::this();
        let program = program.map_err(|error| {
            let text = format!("the program's own file, which compiles components, cannot be found: {error}");
            std::io::Error::new(error.kind(), text)
        })?;
        Ok(Self::children(program, limits))
    }

    /// Compiles for `engine`, which is one of `tier`. The result is for engines with the same settings.
    pub(crate) async fn compile(&self, engine: &Engine, tier: Tier, wasm: Bytes) -> Result<Vec<u8>, CompileError> {
        match self {
            Self::InProcess => {
                let engine = engine.clone();
                let compiled = tokio::task::spawn_blocking(move || {
                    engine.precompile_component(&wasm).map_err(|error| CompileError::of_wasmtime(&error))
                });
                compiled.await.unwrap_or_else(|panic| Err(CompileError::Died(panic.to_string())))
            }
            Self::Children(children) => children.compile(wasm, tier).await,
        }
    }

    /// The limits of compiling: a refusal is valid for the same limits only.
    pub(crate) fn limits(&self) -> Option<CompileLimits> {
        match self {
            Self::InProcess => None,
            Self::Children(children) => Some(children.limits()),
        }
    }
}
