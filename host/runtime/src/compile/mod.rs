//! Compiling components, which are anyone's: in a process of their own that has limits of memory and processor time.
//!
//! [`census`] counts what a component has before anything is compiled, [`parent`] starts the process, hands it the component
//! and judges how it ended, [`child`] is what runs in it, [`wire`] is what the two say to each other. [`refusals`] remembers
//! what was refused. The process is `morag` itself with a command that its help does not show.

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
pub(crate) use refusals::{AGE_MAX as REFUSAL_AGE_MAX, Refusals, now};

use bytes::Bytes;
use morag_core::plugin::CompileLimits;
use parent::Children;
use std::sync::Arc;
use wasmtime::Engine;

/// What makes native code of components.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// The process itself, without limits of memory and time: for components that its own user has made, in tests and
    /// measurements.
    InProcess,
    /// Processes with limits. Clones share the bound on how many there are at once.
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

    /// Compiles. The result is for engines that are set up as this one.
    pub(crate) async fn compile(&self, engine: &Engine, wasm: Bytes) -> Result<Vec<u8>, CompileError> {
        match self {
            Self::InProcess => {
                let engine = engine.clone();
                let compiled = tokio::task::spawn_blocking(move || {
                    engine.precompile_component(&wasm).map_err(|error| CompileError::of_wasmtime(&error))
                });
                compiled.await.unwrap_or_else(|panic| Err(CompileError::Died(panic.to_string())))
            }
            Self::Children(children) => children.compile(wasm).await,
        }
    }

    /// What decides, besides engine and component, whether compiling succeeds: a refusal holds for these alone.
    pub(crate) fn limits(&self) -> Option<CompileLimits> {
        match self {
            Self::InProcess => None,
            Self::Children(children) => Some(children.limits()),
        }
    }
}
