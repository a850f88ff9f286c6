//! Errors of loading components.

use crate::compile::CompileError;
use crate::interface::{self, OtherVersion};
use morag_core::plugin::{COMPONENT_BYTES_MAX, InvalidDescriptor, NotGranted, UnusableSchema};
use std::path::PathBuf;

/// Why components cannot be loaded. One line, for the operator.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A component cannot be used.
    #[error("plugin {}: {reason}", .path.display())]
    Component {
        /// The component's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: LoadErrorReason,
    },
    /// There is no sandbox to load it into.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Why no component can be loaded at all.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The folder of compiled components.
    #[error("the folder of compiled components, {}, cannot be opened: {error}", .path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The threads that steps run on.
    #[error("the threads for steps cannot be started: {0}")]
    Threads(std::io::Error),
}

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadErrorReason {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is too large.
    #[error("it has more than {} MiB, the largest component taken", COMPONENT_BYTES_MAX >> 20)]
    TooLarge,
    /// A core module.
    #[error(
        "it is a core WebAssembly module, not a component: build it for wasm32-wasip2, or use `wasm-tools component new`"
    )]
    CoreModule,
    /// Not WebAssembly, or not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It needs something the host does not give it.
    #[error("it imports {0}, which this host does not have")]
    UnknownImport(String),
    /// It was built against an interface that the host does not have.
    #[error(transparent)]
    Version(#[from] OtherVersion),
    /// It needs a capability it does not say it wants.
    #[error("it imports {0}, a capability its descriptor does not ask for")]
    UndeclaredImport(String),
    /// It wants a capability that was not granted.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
    /// It does not export the step interface.
    #[error("it does not fit the interface morag:step/step@{version}: {0}", version = interface::VERSION)]
    Interface(String),
    /// It fails to describe itself.
    #[error("it failed to describe itself: {0}")]
    Describe(String),
    /// Its description is invalid.
    #[error(transparent)]
    Descriptor(#[from] InvalidDescriptor),
    /// Its schema cannot check a configuration.
    #[error("its configuration schema cannot be used: {0}")]
    Schema(#[from] UnusableSchema),
    /// Its name is that of another one.
    #[error("another component of the name {0} is loaded already")]
    DuplicateName(String),
    /// A defect of the host.
    #[error("the host failed to load it: {0}")]
    Host(#[from] tokio::task::JoinError),
}
