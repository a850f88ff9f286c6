//! Runs steps: sandboxed WebAssembly components behind the [`StepRunner`] port.
//!
//! A component is compiled once, in a process of its own ([`compile`], [`cache`], [`compiled`]), linked with what it was granted ([`plugin`]), put into a set with others
//! ([`registry`]), and run on a fresh instance a call ([`runner`]) under limits that end it wherever it is ([`limits`]). What a guest can call is in
//! [`capabilities`], one file a WIT import. Nothing here knows which steps exist.
//!
//! [`StepRunner`]: morag_core::ports::StepRunner

mod bindings;
mod budget;
mod cache;
mod capabilities;
mod compile;
mod compiled;
mod engine;
mod failure;
mod guest;
mod inspect;
mod interface;
mod limits;
mod log;
mod metered;
mod plugin;
mod redact;
mod registry;
mod runner;
mod threads;

pub use compile::{CompileError, Compiler, CompilerProgram, compile_child};
pub use engine::{EngineOptions, StepEngine};
pub use inspect::{Facts, Inspection, facts, inspect};
pub use plugin::{LoadError, LoadErrorReason, Plugin};
pub use registry::PluginRegistry;
pub use runner::{PluginRunner, Services};
