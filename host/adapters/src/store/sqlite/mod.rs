//! The embedded store: SQLite.
//!
//! A database has one writer thread with group commit (`writer`) and a few read-only connections (`readers`). What changes
//! together is one job of the writer. Accepting a task waits for the disk; the rest survives a killed process, and power
//! loss up to the last accepted task.
//!
//! A lease belongs to its holder until it is released, committed away or claimed by another: running out makes the key due,
//! and the claim that follows raises the fence. A holder that wakes late while nobody else has claimed may go on.

mod accept;
mod before_upgrade;
mod chains;
mod claims;
mod clocks;
mod commit;
mod connection;
mod credentials;
mod deliveries;
mod due_queue;
mod endpoints;
mod expire;
mod fair;
mod feed;
mod key_values;
mod knowledge;
mod lanes;
mod pages;
mod query;
mod quotas;
mod readers;
mod resends;
mod schema;
mod setup;
mod snapshot;
mod store;
mod summaries;
mod tasks;
mod wakes;
mod writer;

pub use knowledge::SqliteKnowledge;
pub use snapshot::{Since, Snapshot, SnapshotTask, Versions};
pub use store::{Options, SqliteStore};
