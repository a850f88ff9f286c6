//! What a Redis must be set to so that it keeps what it has acknowledged: which facts count ([`NodeFacts`]), and what is said
//! of them ([`judge`]). No I/O: the adapter asks the servers.
//!
//! | what | must be | else |
//! |---|---|---|
//! | version | 6.2 or later (any Valkey) | refused |
//! | `maxmemory-policy` | `noeviction` | refused, unless [`Loss::Eviction`] is accepted |
//! | `appendonly` | `yes` | refused, unless [`Loss::Restart`] is accepted |
//! | `appendfsync` | `always` | `everysec`: a note; `no`: refused, unless [`Loss::PowerCut`] is accepted |
//!
//! What a server does not tell is a note: many services forbid `CONFIG`, and `INFO` does not have everything.

mod facts;
mod judge;
mod loss;

pub use facts::NodeFacts;
pub use judge::{Verdict, judge};
pub use loss::{AcceptedLosses, InvalidLosses, Loss};
