//! The store of tasks, their queue and their deliveries: one database.

use super::connection::{open_writer, store_error};
use super::readers::Readers;
use super::schema;
use super::wakes::Wakes;
use super::writer::Writer;
use morag_core::Timestamp;
use morag_core::ports::{Clock, StoreError};
use rusqlite::Connection;
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
    /// How long an idempotency key is remembered at least; the first [`morag_core::ports::Tasks::expire`] after it
    /// forgets it. Default 7 days.
    pub idempotency_kept: Duration,
    /// Largest size of the database, bytes, rounded down to pages; none means as large as the disk allows.
    pub bytes_max: Option<u64>,
    /// Whether who held a lease is known to be gone, because this process alone may use the file now: what was leased is
    /// due at once then, and not when its lease runs out. Default no.
    pub ends_leases: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { queue_max: QUEUE_MAX, idempotency_kept: IDEMPOTENCY_KEPT, bytes_max: None, ends_leases: false }
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
}

impl SqliteStore {
    /// Opens the store in a file, made (for its owner alone) where there is none. `Corrupt` for a file that is no task
    /// store of this version or an earlier one, which is brought up to this one. For one process: another that opens the same file is not woken by this one.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StoreError> {
        Self::open_with(path, clock, Options::default())
    }

    /// [`Self::open`], with options.
    pub fn open_with(path: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Arc<Self>, StoreError> {
        let connection = open_writer(path, &schema::TASKS, options.bytes_max)?;
        if options.ends_leases {
            end_leases(&connection, clock.now())?;
        }
        let wakes = Arc::new(Wakes::default());
        let waker = Arc::clone(&wakes);
        let writer = Writer::spawn(connection, move || waker.committed())?;
        Ok(Arc::new(Self { writer, readers: Readers::new(path.to_owned()), wakes, clock, options }))
    }

    /// What a job of the writer needs of the store.
    pub(super) fn context(&self) -> Context {
        Context { clock: Arc::clone(&self.clock), wakes: Arc::clone(&self.wakes) }
    }
}

/// What a job needs beside the connection.
pub(super) struct Context {
    clock: Arc<dyn Clock>,
    /// Whom to wake once the job is committed.
    pub(super) wakes: Arc<Wakes>,
}

impl Context {
    /// The time now, milliseconds.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Makes every leased key due now. Reads the whole queue, once a start.
fn end_leases(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE due SET due_at = ?1, leased = 0 WHERE leased = 1 AND due_at IS NOT NULL";
    connection.execute(sql, [now.as_millis()]).map_err(store_error)?;
    Ok(())
}
