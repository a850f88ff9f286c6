//! Shared by tests: the ports of a process in memory ([`Memory`]), sample records ([`record`] and others) and a clock that tests control
//! ([`FakeClock`]).
//!
//! There is no separate store implementation. Tasks, queue, deliveries and knowledge use the embedded store, in a temporary folder;
//! [`TestStore`] only adds failures on demand and records of calls. `tests/contract` also runs its suites against [`TestStore`] and
//! [`MemoryBlobs`], so that unit tests see the behaviour of a server.

#![expect(clippy::unwrap_used, reason = "a test fails where one of these does")]

mod blobs;
mod clock;
mod forward;
mod memory;
mod network;
mod records;
mod store;

pub use blobs::{Hold, MemoryBlobs};
pub use clock::FakeClock;
pub use memory::Memory;
pub use network::{Document, TestNetwork};
pub use records::{NOW, SOURCE, attempt, endpoint, event, new_task, pdf_record, record, step_completed};
pub use store::{OnAccept, TestStore};
