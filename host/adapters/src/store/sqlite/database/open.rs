//! How a database file is opened, and what its errors mean.

use super::before_upgrade;
use morag_core::ports::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for a lock of another process (a backup, a person with a shell) before it gives up.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// Statements a connection keeps prepared: more than a store has.
const STATEMENTS_MAX: usize = 128;

/// Page cache of the writer, KiB: the working set of a busy queue fits; history is read rarely.
const WRITER_CACHE_KIB: i64 = 8 * 1024;

/// Page cache of a reader, KiB. There are a few of them, and what one lacks the system's cache has.
const READER_CACHE_KIB: i64 = 1024;

/// Size the write-ahead log is cut back to after a burst, bytes.
const WAL_BYTES: i64 = 64 * 1024 * 1024;

/// What a database of ours is known by.
pub(super) struct Schema {
    /// What it holds, for messages: `a task store`.
    pub(super) what: &'static str,
    /// SQLite's `application_id`: tells our databases from others' and from each other.
    pub(super) application_id: i32,
    /// Statements that make the tables of version 1 in an empty database.
    pub(super) create: &'static str,
    /// Statements that take a database from one version to the next, from version 1 on. A new database goes the same way,
    /// so it is what an old one becomes. What has been released is never edited.
    pub(super) upgrades: &'static [&'static str],
}

impl Schema {
    /// Version of the tables that this program reads. A database of a later one is refused.
    pub(super) fn version(&self) -> i64 {
        i64::try_from(self.upgrades.len()).map_or(i64::MAX, |upgrades| upgrades.saturating_add(1))
    }

    /// Version of a database's tables; 0 for an empty one. Refuses one that is not ours or of a version unknown here.
    fn found(&self, connection: &Connection) -> Result<i64, StoreError> {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(store_error);
        let (what, version) = (self.what, self.version());
        match (number("PRAGMA application_id")?, number("PRAGMA user_version")?) {
            (id, found) if id == i64::from(self.application_id) && (1..=version).contains(&found) => Ok(found),
            (id, found) if id == i64::from(self.application_id) => Err(StoreError::Corrupt(format!(
                "{what} of version {found}, while this program (MoRAG {}) reads none above {version}: use the program that wrote \
                 it, or go back to a copy of before (docs/operations.md), or move the file away to start anew",
                env!("CARGO_PKG_VERSION")
            ))),
            (0, 0) if number("SELECT count(*) FROM sqlite_schema")? == 0 => Ok(0),
            _ => Err(StoreError::Corrupt(format!("a database that is not {what}; give another path"))),
        }
    }

    /// The same, of a database that must not be empty.
    pub(super) fn check(&self, connection: &Connection) -> Result<i64, StoreError> {
        match self.found(connection)? {
            0 => Err(StoreError::Corrupt(format!("an empty database, which is not {}", self.what))),
            found => Ok(found),
        }
    }
}

/// Opens a database for its writer, in WAL mode; creates the file, readable by its owner alone, where there is none.
/// `bytes_max`, if given, is the largest size it may grow to.
pub(super) fn open_writer(path: &Path, schema: &Schema, bytes_max: Option<u64>) -> Result<Connection, StoreError> {
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
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection, READER_CACHE_KIB)?;
        Ok(connection)
    };
    open().map_err(|error| at(path, store_error(error)))
}

/// Opens a database that another process may be at work on, to read it as it is. Never made. Not read-only: who copies must be
/// able to take the write lock, and to read what a killed process has left in the log.
pub(super) fn open_to_copy(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection, READER_CACHE_KIB)?;
        Ok(connection)
    };
    open().map_err(|error| at(path, store_error(error)))
}

/// Makes the tables in an empty database and brings those of an earlier version up; refuses a database that is not ours or
/// of a version unknown here.
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

/// Creates the file where there is none, and takes it from group and others: it holds documents' names and webhook tokens.
/// SQLite gives its companions (`-wal`, `-shm`) the same permissions.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}

pub(super) fn at(path: &Path, error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("{}: {text}", path.display())),
        StoreError::Full(text) => StoreError::Full(format!("{}: {text}", path.display())),
        StoreError::Corrupt(text) => StoreError::Corrupt(format!("{}: {text}", path.display())),
    }
}

/// What an error of SQLite means to the caller.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    let corrupt = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::TypeMismatch)
    ) || matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
    );
    let full = error.sqlite_error_code() == Some(ErrorCode::DiskFull);
    match corrupt {
        true => StoreError::Corrupt(error.to_string()),
        false if full => StoreError::Full(error.to_string()),
        false => StoreError::Unavailable(error.to_string()),
    }
}
