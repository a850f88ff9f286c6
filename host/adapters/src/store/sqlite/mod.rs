//! The embedded store: SQLite.
//!
//! In layers, each of which uses those below it alone:
//!
//! - `ports`: the ports, one file each, and their transactions; what follows from the facts is [`morag_core::store_policy`]'s to
//!   say. `knowledge` and `snapshot` beside it.
//! - `tables`: the statements, one file a table.
//! - `database`: one writer thread with group commit and a few read-only connections, whatever the tables.
//!
//! What changes together is one job of the writer. Accepting a task waits for the disk; other changes survive a killed process, and
//! power loss up to the last accepted task.
//!
//! A lease belongs to its holder until it is released, committed away or claimed by another: when it runs out the key is due, and the
//! claim that follows raises the fence. A holder that comes late, before another has claimed, may go on.

mod database;
mod knowledge;
mod ports;
mod snapshot;
mod tables;

pub use knowledge::SqliteKnowledge;
pub use ports::store::{Options, SqliteStore};
pub use snapshot::{Since, Snapshot, SnapshotTask, Versions};
