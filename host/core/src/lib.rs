//! Domain types and decisions of MoRAG: no network, no disk, no wasm.
//!
//! A task is an append-only log of [`task::Event`]s; everything else reads it. [`pipeline::transition`] decides the next
//! events, [`task::TaskStatus`] is a fold of them, [`webhook`] renders and signs them. [`ports`] are the traits that the
//! adapters implement, and [`store_policy`] is what stores
//! decide alike. Nothing here does I/O, and but for random ids every function is deterministic in its arguments.

pub mod caller;
pub mod connections;
mod glob;
mod json;
mod names;
pub mod pipeline;
pub mod plugin;
pub mod ports;
pub mod redis_demands;
mod secret;
pub mod shares;
mod shown;
pub mod store_policy;
pub mod task;
mod time;
pub mod trace;
pub mod webhook;

pub use json::{JSON_DEPTH_MAX, JsonObject, PAGE_BYTES_MAX, PageBudget, is_depth_allowed, tree_bytes};
pub use names::{listed, nearest};
pub use secret::Secret;
pub use shown::{SHOWN_BYTES_MAX, cut, shown};
pub use time::{SteadyTime, Timestamp};
