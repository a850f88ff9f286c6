//! Runs steps: sandboxed WebAssembly components behind the [`StepRunner`] port.
//!
//! A component is compiled once, in a process of its own ([`compile`], [`cache`], [`compiled`]), linked with what it was granted ([`plugin`]), put into a set with others
//! ([`registry`]), and run on a fresh instance a call ([`runner`]) under limits that end it wherever it is ([`limits`]). What a guest can call is in
//! [`capabilities`], one file a WIT import. Nothing here knows which steps exist.
//!
//! [`StepRunner`]: morag_core::ports::StepRunner

mod bindings;
mod budget;
#[expect(clippy::disallowed_methods, reason = "the cache is a folder")]
mod cache;
mod capabilities;
#[expect(
    clippy::disallowed_methods,
    reason = "compiling takes processes, their notes are files, and a refusal has a time"
)]
mod compile;
mod compiled;
#[expect(clippy::disallowed_methods, reason = "the epoch has a thread of its own: a guest must not hold it up")]
mod engine;
mod failure;
mod guest;
mod inspect;
mod interface;
mod limits;
mod log;
#[expect(clippy::disallowed_methods, reason = "a guest's time is measured")]
mod metered;
#[expect(clippy::disallowed_methods, reason = "a component is read from a file")]
mod plugin;
mod redact;
#[expect(clippy::disallowed_methods, reason = "how long a component takes to load is logged")]
mod registry;
#[expect(clippy::disallowed_methods, reason = "a guest's time is measured")]
mod runner;
mod threads;

pub use compile::{CompileError, Compiler, CompilerProgram, compile_child};
pub use engine::{EngineOptions, StepEngine};
pub use inspect::{Facts, Inspection, facts, inspect};
pub use plugin::{LoadError, LoadErrorReason, Plugin};
pub use registry::PluginRegistry;
pub use runner::{PluginRunner, Services};
