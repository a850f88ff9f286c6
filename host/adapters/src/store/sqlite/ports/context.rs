//! What a job of the writer works with: clocks, and who is woken by its commit.

use super::wakes::Wakes;
use crate::store::sqlite::tables::clocks::Clocks;
use morag_core::ports::{Clock, StoreError};
use morag_core::{SteadyTime, Timestamp};
use rusqlite::Connection;
use std::sync::Arc;

/// What a job of the writer needs beside the connection.
pub(crate) struct Context {
    clock: Arc<dyn Clock>,
    /// As they were at the call: the caller's times are by them, however long the job waits for the writer.
    clocks: Clocks,
    owns_file: bool,
    /// Who is woken once the job is committed.
    pub(crate) wakes: Arc<Wakes>,
}

impl Context {
    /// Reads the clocks. `owns_file`: no other process uses the database.
    pub(crate) fn new(clock: Arc<dyn Clock>, owns_file: bool, wakes: Arc<Wakes>) -> Self {
        let clocks = Clocks::read(&*clock);
        Self { clock, clocks, owns_file, wakes }
    }

    /// The time of day now, for times that are shown and for what is kept for a time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time now that keys come due by.
    pub(crate) fn steady(&self) -> SteadyTime {
        self.clock.steady()
    }

    /// The caller's time, as a due time.
    pub(crate) fn due(&self, at: Timestamp) -> SteadyTime {
        self.clocks.due(at)
    }

    /// A due time as a time of day, by both clocks now.
    pub(crate) fn at(&self, due: SteadyTime) -> Timestamp {
        Clocks::read(&*self.clock).at(due)
    }

    /// Notes the clocks for the next process, if the last note is outdated. `busy`: keys were claimed.
    pub(crate) fn keep_noted(&self, connection: &Connection, busy: bool) -> Result<(), StoreError> {
        // A process that shares the file has another steady clock than the due times are by.
        if self.owns_file { Clocks::read(&*self.clock).keep_noted(connection, busy) } else { Ok(()) }
    }
}
