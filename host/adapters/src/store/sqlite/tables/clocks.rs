//! The two clocks of a store, the time of day and the steady clock, and what both said last (`clocks`).
//!
//! The time of day may be set while the process runs; keys would then come due an hour late, or lose their leases. So `due.due_at`
//! is by [`Clock::steady`], and a time that a caller gives or gets is converted at the port. A new process's steady clock begins at
//! the time of day, which is not where the last process's ended: the store notes now and then what both clocks said, and the next
//! process moves the due times by the difference ([`Clocks::ahead_of`]).

use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::{Clock, StoreError};
use morag_core::{SteadyTime, Timestamp};
use rusqlite::{Connection, params};
use std::time::Duration;

/// Clocks that went apart by less were not set. Also the time between two notes: due times cannot be further out, and a note
/// with each claim would be a page more to write in all of them.
const APART: Duration = Duration::from_secs(1);

/// What both clocks say at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clocks {
    now: Timestamp,
    steady: SteadyTime,
}

impl Clocks {
    /// Reads both.
    pub(crate) fn read(clock: &dyn Clock) -> Self {
        Self { now: clock.now(), steady: clock.steady() }
    }

    /// How far the steady clock is ahead, milliseconds.
    fn ahead(self) -> i64 {
        self.steady.as_millis().saturating_sub(self.now.as_millis())
    }

    /// A caller's time, as a due time.
    pub(crate) fn due(self, at: Timestamp) -> SteadyTime {
        SteadyTime::from_millis(at.as_millis().saturating_add(self.ahead()))
    }

    /// A due time, as a caller's time.
    pub(crate) fn at(self, due: SteadyTime) -> Timestamp {
        Timestamp::from_millis(due.as_millis().saturating_sub(self.ahead()))
    }

    /// How far due times of the process that noted `last` must be moved for this one, milliseconds; none where both clocks
    /// went on alike. A key has to wait as long as it had to at the note, less the time since: that is known by the wall
    /// clock, and taken as none where that was set back in between.
    pub(crate) fn ahead_of(self, last: Self) -> Option<i64> {
        let since = i64::try_from(self.now.since(last.now).as_millis()).unwrap_or(i64::MAX);
        let shift = self.steady.as_millis().saturating_sub(last.steady.as_millis()).saturating_sub(since);
        (u128::from(shift.unsigned_abs()) >= APART.as_millis()).then_some(shift)
    }

    /// What was noted last, if anything was.
    pub(crate) fn noted(connection: &Connection) -> Result<Option<Self>, StoreError> {
        first(connection, "SELECT now, steady FROM clocks WHERE id = 0", [], |row| {
            Ok(Self { now: row.get(0).map(Timestamp::from_millis)?, steady: row.get(1).map(SteadyTime::from_millis)? })
        })
    }

    /// Notes them.
    pub(crate) fn note(self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO clocks(id, now, steady) VALUES (0, ?1, ?2)
                   ON CONFLICT(id) DO UPDATE SET now = excluded.now, steady = excluded.steady";
        execute(connection, sql, params![self.now.as_millis(), self.steady.as_millis()]).map(drop)
    }

    /// Notes them where the wall clock was set since the last note or, if `busy`, where that is old: a store in which nothing
    /// happens writes nothing.
    pub(crate) fn keep_noted(self, connection: &Connection, busy: bool) -> Result<(), StoreError> {
        let outdated = Self::noted(connection)?.is_none_or(|last| {
            let set = u128::from(self.ahead().abs_diff(last.ahead())) >= APART.as_millis();
            set || (busy && self.steady.since(last.steady) >= APART)
        });
        if outdated { self.note(connection) } else { Ok(()) }
    }
}
