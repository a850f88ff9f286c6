//! The store of tasks, their queue and their deliveries: one database.

use super::clocks::Clocks;
use super::connection::{open_writer, store_error};
use super::lanes::Rotor;
use super::query::execute;
use super::readers::Readers;
use super::schema;
use super::wakes::Wakes;
use super::writer::Writer;
use morag_core::ports::{Clock, StoreError};
use morag_core::{SteadyTime, Timestamp};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Tasks that may wait for a worker. At a second each they are a day of work: whoever submits more should be told.
const QUEUE_MAX: u64 = 100_000;

/// A client that repeats a request later than this means a new one.
const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What an operator may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Tasks that may be pending; a further one is refused. Default 100,000.
    pub queue_max: u64,
    /// Whether several callers share the queue: a flow may have no more tasks waiting then than it leaves room for others.
    /// Default no.
    pub queue_shared: bool,
    /// How long an idempotency key is remembered at least; the first [`morag_core::ports::Tasks::expire`] after it
    /// forgets it. Default 7 days.
    pub idempotency_kept: Duration,
    /// Largest size of the database, bytes, rounded down to pages; none means as large as the disk allows.
    pub bytes_max: Option<u64>,
    /// Whether who held a lease is known to be gone, because this process alone may use the file now: what was leased is
    /// due at once then, and not when its lease runs out; and what waits is due as it was, even if the clock was set back
    /// since. Default no.
    pub ends_leases: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_max: QUEUE_MAX,
            queue_shared: false,
            idempotency_kept: IDEMPOTENCY_KEPT,
            bytes_max: None,
            ends_leases: false,
        }
    }
}

/// Tasks, due-queue and deliveries in one SQLite database. Dropping it waits for what was handed over, then closes the
/// database.
pub struct SqliteStore {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
    pub(super) wakes: Arc<Wakes>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: Options,
    pub(super) rotor: Arc<Rotor>,
}

impl SqliteStore {
    /// Opens the store in a file, made (for its owner alone) where there is none. `Corrupt` for a file that is no task
    /// store of this version or an earlier one, which is brought up to this one. For one process: another that opens the same file is not woken by this one.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StoreError> {
        Self::open_with(path, clock, Options::default())
    }

    /// [`Self::open`], with options.
    pub fn open_with(path: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Arc<Self>, StoreError> {
        let mut connection = open_writer(path, &schema::TASKS, options.bytes_max)?;
        if options.ends_leases {
            take_over(&mut connection, &*clock)?;
        }
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes);
        let writer = Writer::spawn(connection, move || waker.committed())?;
        Ok(Arc::new(Self {
            writer,
            readers: Readers::new(path.to_owned()),
            wakes,
            clock,
            options,
            rotor: Arc::default(),
        }))
    }

    /// What a job of the writer needs of the store.
    pub(super) fn context(&self) -> Context {
        Context {
            clock: Arc::clone(&self.clock),
            clocks: Clocks::read(&*self.clock),
            owns_file: self.options.ends_leases,
            wakes: Arc::clone(&self.wakes),
        }
    }
}

/// What a job needs beside the connection.
pub(super) struct Context {
    clock: Arc<dyn Clock>,
    /// As they stood at the call: what the caller's times are by, however long the job waits for the writer.
    clocks: Clocks,
    owns_file: bool,
    /// Whom to wake once the job is committed.
    pub(super) wakes: Arc<Wakes>,
}

impl Context {
    /// The time of day now: for what is shown or kept for a time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The time now that keys come due by.
    pub(super) fn steady(&self) -> SteadyTime {
        self.clock.steady()
    }

    /// The caller's time, as a due time.
    pub(super) fn due(&self, at: Timestamp) -> SteadyTime {
        self.clocks.due(at)
    }

    /// A due time, by the clock on the wall as it stands now.
    pub(super) fn at(&self, due: SteadyTime) -> Timestamp {
        Clocks::read(&*self.clock).at(due)
    }

    /// Sees to it that the next process knows what the due times are by. `busy`: keys were claimed.
    pub(super) fn keep_noted(&self, connection: &Connection, busy: bool) -> Result<(), StoreError> {
        // One that shares the file has other clocks than those that the due times are by.
        if self.owns_file { Clocks::read(&*self.clock).keep_noted(connection, busy) } else { Ok(()) }
    }
}

/// Brings what the last process left of the queue to this one's clocks, and makes every leased key due now. Reads the
/// whole queue, once a start.
fn take_over(connection: &mut Connection, clock: &dyn Clock) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    let clocks = Clocks::read(clock);
    if let Some(shift) = Clocks::noted(&transaction)?.and_then(|last| clocks.ahead_of(last)) {
        // All of them by the same, so that they stay in their order.
        execute(&transaction, "UPDATE due SET due_at = due_at + ?1 WHERE due_at IS NOT NULL", [shift])?;
        tracing::warn!("the clock was set since keys were claimed last: what waits was moved by {shift} ms");
    }
    let due = clock.steady().as_millis();
    execute(&transaction, "UPDATE due SET due_at = ?1, leased = 0 WHERE leased = 1 AND due_at IS NOT NULL", [due])?;
    clocks.note(&transaction)?;
    transaction.commit().map_err(store_error)
}
