//! Database files: created for their owner alone, and copied.

use super::error::store_error;
use morag_core::ports::StoreError;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::Path;

/// Creates the file where there is none, and makes it readable and writable by its owner alone: it holds documents' names and webhook
/// tokens. SQLite gives the files beside it (`-wal`, `-shm`) the same permissions.
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
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

/// Copies a database to an existing empty file, within the open transaction or in one of its own. The file is not flushed.
pub(crate) fn copy_to(connection: &Connection, to: &Path) -> Result<(), StoreError> {
    let at = |error| match store_error(error) {
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("{}: {text}", to.display())),
        StoreError::Full(text) => StoreError::Full(format!("{}: {text}", to.display())),
        corrupt @ StoreError::Corrupt(_) => corrupt,
    };
    let mut copy = Connection::open(to).map_err(at)?;
    // The caller flushes the file once it is whole.
    copy.pragma_update(None, "synchronous", "OFF").map_err(at)?;
    // All pages in one step, so that no commit comes in between; a read transaction blocks no writer.
    match Backup::new(connection, &mut copy).and_then(|backup| backup.step(-1)).map_err(at)? {
        StepResult::Done => {}
        // A locked database is a result here, not an error.
        other => {
            let shown = to.display();
            return Err(StoreError::Unavailable(format!("{shown}: the copy is not complete ({other:?})")));
        }
    }
    copy.close().map_err(|(_, error)| at(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_not_complete_is_none_and_is_not_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t(x)").unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let another = Connection::open(&path).unwrap();
        another.execute_batch("BEGIN EXCLUSIVE").unwrap();
        let to = folder.path().join("copy.db");
        let text = copy_to(&connection, &to).unwrap_err().to_string();
        assert!(text.contains("copy.db: the copy is not complete"), "{text}");
    }
}
