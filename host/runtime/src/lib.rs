//! Runs steps: sandboxed WebAssembly components behind the [`StepRunner`] port.
//!
//! A component is compiled once ([`engine`], [`cache`]), linked with what it was granted ([`plugin`]), and run on a fresh
//! instance a call ([`runner`]) under limits that end it wherever it is ([`limits`]). What a guest can call is in
//! [`capabilities`], one file a WIT import. Nothing here knows which steps exist.
//!
//! [`StepRunner`]: morag_core::ports::StepRunner

mod bindings;
mod cache;
mod capabilities;
mod engine;
mod failure;
mod guest;
mod inspect;
mod limits;
mod log;
mod metered;
mod plugin;
mod runner;
mod threads;

pub use engine::{EngineOptions, StepEngine};
pub use inspect::{Inspection, inspect};
pub use plugin::{LoadError, Plugin};
pub use runner::{PluginRunner, Services};
