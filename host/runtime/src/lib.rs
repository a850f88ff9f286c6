//! Runs steps: sandboxed WebAssembly components behind the [`StepRunner`] port.
//!
//! A component is compiled once, in a process of its own ([`compile`], [`cache`], [`compiled`]), describes itself
//! ([`describe`]), is linked with what it was granted ([`plugin`]), put into a set with others ([`registry`]), and run on a
//! fresh instance for each call ([`runner`]) under limits that end it wherever it is ([`limits`]). The functions that a guest
//! can call are in [`capabilities`]. Nothing here knows which steps exist, nor a route of the API.
//!
//! [`StepRunner`]: morag_core::ports::StepRunner

mod bindings;
mod budget;
mod cache;
mod call_error;
mod capabilities;
mod compile;
mod compiled;
mod component_file;
mod describe;
mod engine;
mod engine_config;
mod failure;
mod files;
mod guest;
mod inspect;
mod interface;
mod limits;
mod load_error;
mod log;
mod metered;
mod plugin;
mod redact;
mod registry;
mod runner;
mod services;
mod state;
mod store;
mod threads;
mod whole_file;

pub use compile::{CompileError, Compiler, CompilerProgram, compile_child};
pub use compiled::CodeOrigin;
pub use engine::{EngineOptions, StepEngine};
pub use inspect::{Facts, Inspection, facts, inspect};
pub use load_error::{LoadError, LoadErrorReason, SandboxError};
pub use plugin::Plugin;
pub use registry::PluginRegistry;
pub use runner::PluginRunner;
pub use services::Services;
