//! What tests share: a process's ports in memory ([`Memory`]), sample records ([`record`] and the others) and a clock that a test
//! moves ([`FakeClock`]).
//!
//! There is no store of its own here. Tasks, queue, deliveries and knowledge are those of the embedded store, in a folder that is
//! deleted with it; [`TestStore`] only adds calls that fail on demand and a record of what was asked. `tests/contract` runs its
//! suites against [`TestStore`] and [`MemoryBlobs`] too, so that a unit test sees what a server does.

#![expect(clippy::unwrap_used, reason = "a test fails where one of these does")]

mod blobs;
mod clock;
mod forward;
mod memory;
mod network;
mod records;
mod store;

pub use blobs::MemoryBlobs;
pub use clock::FakeClock;
pub use memory::Memory;
pub use network::{Document, TestNetwork};
pub use records::{NOW, SOURCE, attempt, endpoint, event, new_task, pdf_record, record, step_completed};
pub use store::{OnAccept, TestStore};
