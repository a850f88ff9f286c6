//! The store of tasks, their queue and their deliveries: one database.

use super::context::Context;
use super::rotor::Rotor;
use super::wakes::Wakes;
use crate::store::sqlite::database::error::store_error;
use crate::store::sqlite::database::open::open_writer;
use crate::store::sqlite::database::readers::Readers;
use crate::store::sqlite::database::writer::Writer;
use crate::store::sqlite::tables::clocks::Clocks;
use crate::store::sqlite::tables::{due, schema};
use morag_core::ports::{Clock, StoreError};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Tasks that may wait for a worker. At a second each they are a day of work: a further one is refused.
const QUEUE_MAX: u64 = 100_000;

/// A client that repeats a request later than this means a new task.
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
    /// Whether this process alone uses the file, so that no holder of a lease is left: leased keys are due at once then, not when
    /// their leases run out, and waiting keys keep their due times even if the clock was set back since. Default no.
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
    pub(in crate::store::sqlite) writer: Writer,
    pub(in crate::store::sqlite) readers: Readers,
    pub(in crate::store::sqlite) wakes: Arc<Wakes>,
    pub(in crate::store::sqlite) clock: Arc<dyn Clock>,
    pub(in crate::store::sqlite) options: Options,
    pub(in crate::store::sqlite) rotor: Arc<Rotor>,
}

impl SqliteStore {
    /// Opens the store in a file, which is created (for its owner alone) where there is none. Tables of an earlier version are
    /// upgraded. For one process: another that opens the same file is not woken by this one.
    ///
    /// # Errors
    /// `Corrupt` for a file that is no task store of this version or an earlier one; `Unavailable` where it cannot be opened.
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
    pub(in crate::store::sqlite) fn context(&self) -> Context {
        Context::new(Arc::clone(&self.clock), self.options.ends_leases, Arc::clone(&self.wakes))
    }
}

/// Moves the due times that the last process left to this one's clocks, and makes every leased key due now. Reads the
/// whole queue, once a start.
fn take_over(connection: &mut Connection, clock: &dyn Clock) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    let clocks = Clocks::read(clock);
    if let Some(shift) = Clocks::noted(&transaction)?.and_then(|last| clocks.ahead_of(last)) {
        due::shift_all(&transaction, shift)?;
        tracing::warn!(shift_ms = shift, "the clock was set since keys were claimed last: due times are moved");
    }
    due::end_leases(&transaction, clock.steady())?;
    clocks.note(&transaction)?;
    transaction.commit().map_err(store_error)
}
