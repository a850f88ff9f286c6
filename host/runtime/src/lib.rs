//! Runs steps: sandboxed WebAssembly components behind the [`StepRunner`] port.
//!
//! A component describes itself ([`describe`]), is compiled once in a process of its own ([`compile`], [`cache`], [`compiled`]), when
//! it is loaded ([`plugin`]) or first needed ([`code`]), linked with what it was granted ([`link`]), put into a set with others
//! ([`registry`]), and run on a fresh instance for each call ([`runner`]) under limits that end it wherever it is ([`limits`]). The
//! functions that a guest can call are in [`capabilities`]. Nothing here knows which steps exist, nor a route of the API.
//!
//! [`StepRunner`]: morag_core::ports::StepRunner
//!
//! # Rules of the sandbox
//!
//! - A component gets only what it asks for and is granted. Imports are checked by name before linking; only granted interfaces are
//!   linked. WASI is linked with nothing behind it: no files, no environment, no network. `wasi:http` goes through the operator's rules
//!   and the address guard.
//! - Every call of a guest is counted in one place: a store gives out the host's side by `Instance::called` alone, so no interface,
//!   WASI's included, can be linked without it.
//! - A guest is ended from outside: by a wall-clock limit and one of its thread's processor time, looked at every epoch of 10 ms, and by
//!   a resource limiter. A reached limit ends the guest within an epoch and decides the failure, with the measured value, even if the guest
//!   handles the error; only a file of a pattern (`page-*.png`) is refused while the guest goes on. Each call has a fresh instance. Processor time is that of the guest's thread, not the time of its polls: on a busy
//!   machine a thread waits for a core. Guests have their own threads, so one that computes delays no request.
//! - A component is compiled in another process: `compile` counts what it has, then starts `morag compile-component`, which sets its own
//!   limits of memory and time, has no environment and no files, and ends when its input does. Permanent failures are remembered. Native
//!   code is run only with the cache's seal ([`cache`]) or straight from that process. A description that an earlier start has kept has
//!   such a seal too, for it decides what the component is granted.
//! - The host's keys never reach a guest: it asks for completions and transcripts by ports, and gets texts. A secret that it was given
//!   is cut out of all its output in one place (`redact`).
//! - Python components keep their WASI imports: with stubs in their place, `print` and `time.time()` would trap, and random numbers would
//!   be fixed at build time.

mod bindings;
mod budget;
#[expect(clippy::disallowed_methods, reason = "the cache is a folder")]
mod cache;
mod call_error;
mod call_spans;
mod capabilities;
mod chain;
mod code;
#[expect(
    clippy::disallowed_methods,
    reason = "compiling takes processes, their notes are files, and a refusal has a time"
)]
mod compile;
mod compiled;
#[expect(clippy::disallowed_methods, reason = "a component is read from a file")]
mod component_file;
mod describe;
mod description;
#[expect(clippy::disallowed_methods, reason = "the epoch has a thread of its own: a guest must not hold it up")]
mod engine;
mod engine_config;
mod failure;
mod files;
mod guest;
mod inner_documents;
mod inspect;
mod interface;
mod limits;
mod link;
mod load_error;
mod log;
mod metered;
#[expect(clippy::disallowed_methods, reason = "how long a component takes to compile is logged")]
mod plugin;
mod redact;
#[expect(clippy::disallowed_methods, reason = "how long a component takes to load is logged")]
mod registry;
mod run_time;
mod runner;
#[expect(clippy::disallowed_methods, reason = "a guest's time is measured")]
mod sandbox;
mod services;
mod state;
mod stopwatch;
mod store;
mod threads;
#[expect(clippy::disallowed_methods, reason = "the compile cache and its notes are files")]
mod whole_file;

pub use compile::{CompileError, Compiler, CompilerProgram, compile_child};
pub use compiled::CodeOrigin;
pub use engine::{EngineOptions, StepEngine};
pub use engine_config::Tier;
pub use inspect::{Facts, Inspection, facts, inspect};
pub use load_error::{LoadError, LoadErrorReason, SandboxError};
pub use plugin::{ConverterCode, Plugin};
pub use registry::PluginRegistry;
pub use runner::PluginRunner;
pub use services::Services;
