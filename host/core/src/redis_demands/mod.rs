//! Required configuration of Redis, so that it keeps acknowledged data: relevant settings ([`NodeFacts`]) and their check
//! ([`judge()`]). No I/O: the adapter queries the servers.
//!
//! | setting | required | otherwise |
//! |---|---|---|
//! | version | 6.2 or later (any Valkey) | refused |
//! | `maxmemory-policy` | `noeviction` | refused, unless [`Loss::Eviction`] is accepted |
//! | `appendonly` | `yes` | refused, unless [`Loss::Restart`] is accepted |
//! | `appendfsync` | `always` | `everysec`: a note; `no`: refused, unless [`Loss::PowerCut`] is accepted |
//!
//! A setting that a server does not report is a note: many services forbid `CONFIG`, and `INFO` does not cover everything.

mod facts;
mod judge;
mod loss;

pub use facts::NodeFacts;
pub use judge::{Verdict, judge};
pub use loss::{AcceptedLosses, InvalidLosses, Loss};
