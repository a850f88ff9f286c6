//! Opening a database file: its settings, and its tables brought up to this version.

use super::before_upgrade;
use super::error::{at, store_error};
use super::file::make_private;
use super::schema::Schema;
use morag_core::ports::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for a lock of another process (a backup, a person with a shell) before it gives up.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// Statements a connection keeps prepared: more than a store has.
const STATEMENTS_MAX: usize = 128;

/// Page cache of the writer, KiB: the working set of a busy queue fits; history is read rarely.
const WRITER_CACHE_KIB: i64 = 8 * 1024;

/// Page cache of a reader, KiB. There are a few readers, and the system's cache holds the other pages.
const READER_CACHE_KIB: i64 = 1024;

/// Size the write-ahead log is cut back to after a burst, bytes.
const WAL_BYTES: i64 = 64 * 1024 * 1024;

/// Opens a database for its writer, in WAL mode; creates the file, readable by its owner alone, where there is none.
/// `bytes_max`, if given, is the largest size it may grow to.
pub(crate) fn open_writer(path: &Path, schema: &Schema, bytes_max: Option<u64>) -> Result<Connection, StoreError> {
    make_private(path).map_err(|error| {
        StoreError::Unavailable(format!(
            "cannot open {}: {error}; check the folder and its permissions",
            path.display()
        ))
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection, WRITER_CACHE_KIB)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
        if let Some(bytes) = bytes_max {
            let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page;
            connection.pragma_update(None, "max_page_count", pages.max(1))?;
        }
        Ok(connection)
    };
    let mut connection = open().map_err(|error| at(path, store_error(error)))?;
    let kept = match schema.found(&connection) {
        Ok(found) if (1..schema.version()).contains(&found) => {
            before_upgrade::copy(&connection, path, schema.version())
        }
        found => found.map(drop),
    };
    kept.and_then(|()| ensure_schema(&mut connection, schema)).map_err(|error| at(path, error))?;
    Ok(connection)
}

/// Opens a further, read-only connection to a database that [`open_writer`] has opened.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection, READER_CACHE_KIB)?;
        Ok(connection)
    };
    open().map_err(|error| at(path, store_error(error)))
}

/// Opens a database that another process may be writing to. Never creates it. Not read-only: a copy needs the write lock, and must
/// read what a killed process has left in the write-ahead log.
pub(crate) fn open_to_copy(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection, READER_CACHE_KIB)?;
        Ok(connection)
    };
    open().map_err(|error| at(path, store_error(error)))
}

/// Creates the tables in an empty database and upgrades those of an earlier version; refuses a database that is not ours or is of
/// a later version.
fn ensure_schema(connection: &mut Connection, schema: &Schema) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store_error)?;
    let (what, version) = (schema.what, schema.version());
    let reached = schema.found(&transaction)?;
    if reached == version {
        return Ok(());
    }
    let done = usize::try_from(reached).unwrap_or(0);
    for step in std::iter::once(&schema.create).chain(schema.upgrades).skip(done) {
        transaction.execute_batch(step).map_err(store_error)?;
    }
    if reached > 0 {
        tracing::info!("{what} of version {reached} was brought up to version {version}");
    }
    transaction.pragma_update(None, "application_id", schema.application_id).map_err(store_error)?;
    transaction.pragma_update(None, "user_version", version).map_err(store_error)?;
    transaction.commit().map_err(store_error)
}

fn prepare(connection: &Connection, cache_kib: i64) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_MAX)?;
    // A statement is planned once, whatever is bound to it: SQLite would plan one with `LIMIT ?` anew at every use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "cache_size", -cache_kib)
}
