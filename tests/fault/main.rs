//! Fault scenarios: real processes on a real store, faults while they work, and a check at the end.
//!
//! Only one scenario runs at a time: two at once would slow each other down and take longer. So each first takes [`common::alone`].
//!
//! `MORAG_FAULT_TASKS` is the number of tasks of each (60; `cargo xtask test --full` sets 500), `MORAG_FAULT_SEED` the seed of its random
//! choices.
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
