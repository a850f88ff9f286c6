//! Sagas of failure: real processes on a real store, faults while they work, and a judge at the end.
//!
//! Each saga has the machine to itself: two of them at once would starve each other and take longer. So every one takes
//! [`common::alone`] first.
//!
//! `MORAG_FAULT_TASKS` is the size of each (60; `cargo xtask test --full` makes it 500), `MORAG_FAULT_SEED` its choices.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clock;
mod cluster;
mod common;
mod disk;
mod dispatcher;
mod failover;
mod network;
mod power;
mod redis;
mod worker;
