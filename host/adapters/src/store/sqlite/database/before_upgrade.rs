//! The copy of a database that is made before an upgrade, so that an operator can go back to it.

use super::error::store_error;
use super::file::{copy_to, make_private};
use morag_core::ports::StoreError;
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Most copies that are kept, the latest ones. Each is as large as the database was.
const COPIES_MAX: usize = 2;

/// What must be free on the disk beside the copy, bytes: the upgrade writes the changed pages to the write-ahead log first.
const FREE_BESIDE: u64 = 64 * 1024 * 1024;

/// Copies the database of `path` to `NAME.before-vN`, where N is the version that it is upgraded to, and deletes older copies. The
/// copy is on the disk when this returns. No transaction may be open.
///
/// # Errors
/// `Unavailable` where there is no room, or the copy cannot be written; nothing is changed then.
pub(crate) fn copy(connection: &Connection, path: &Path, version: i64) -> Result<(), StoreError> {
    copy_with(connection, path, version, |folder| {
        let disk = rustix::fs::statvfs(folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    })
}

/// [`copy`] with another source of the number of bytes that are free on the disk of a folder.
fn copy_with(
    connection: &Connection,
    path: &Path,
    version: i64,
    free: impl FnOnce(&Path) -> std::io::Result<u64>,
) -> Result<(), StoreError> {
    let kept = beside(path, &format!(".before-v{version}"));
    let failed = |error: std::io::Error| {
        StoreError::Unavailable(format!(
            "a copy of the database from before its upgrade cannot be written to {}: {error}; make room or mend the folder, \
             and start again",
            kept.display()
        ))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(store_error);
    let size = number("PRAGMA page_count")?.saturating_mul(number("PRAGMA page_size")?).unsigned_abs();
    // A killed process may have left a part of a copy.
    let part = beside(path, ".before.part");
    let remove = || [&part, &beside(&part, "-journal")].into_iter().try_for_each(|path| remove_if_there(path));
    remove().map_err(failed)?;
    free(folder).and_then(|free| refuse_without_room(size, free)).map_err(failed)?;

    // Renamed once it is complete: part of a copy must not have the name of one.
    let replace = || -> std::io::Result<()> {
        File::open(&part)?.sync_all()?;
        std::fs::rename(&part, &kept)?;
        let all = copies(folder, path)?;
        for (_, old) in all.iter().rev().skip(COPIES_MAX) {
            std::fs::remove_file(old)?;
        }
        File::open(folder)?.sync_all()
    };
    let copied = make_private(&part).map_err(failed).and_then(|()| copy_to(connection, &part));
    copied.and_then(|()| replace().map_err(failed)).inspect_err(|_| drop(remove()))?;
    tracing::info!(copy = %kept.display(), "the database from before its upgrade was kept");
    Ok(())
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn refuse_without_room(size: u64, free: u64) -> std::io::Result<()> {
    if free >= size.saturating_add(FREE_BESIDE) {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    Err(std::io::Error::other(format!(
        "{} MiB are free, {} MiB are needed",
        mib(free),
        mib(size.saturating_add(FREE_BESIDE))
    )))
}

/// The path with `end` behind its name.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The copies of a database in its folder, the lowest version first.
fn copies(folder: &Path, path: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let begin = format!("{}.before-v", path.file_name().unwrap_or_default().to_string_lossy());
    let mut copies = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let version = entry.file_name().to_str().and_then(|name| name.strip_prefix(&begin)?.parse().ok());
        copies.extend(version.map(|version| (version, entry.path())));
    }
    copies.sort();
    Ok(copies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;
    use crate::store::sqlite::SqliteStore;
    use crate::store::sqlite::tables::schema::TASKS;
    use std::sync::Arc;

    /// A store of an earlier version, with one row.
    fn old_store(path: &Path) {
        let old = Connection::open(path).unwrap();
        old.execute_batch(TASKS.create).unwrap();
        old.execute("INSERT INTO status_counts(status, tasks) VALUES ('pending', 7)", []).unwrap();
        old.pragma_update(None, "application_id", TASKS.application_id).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name.contains("before"));
        names.sort();
        names
    }

    #[test]
    fn an_upgrade_leaves_the_database_as_it_was_beside_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        old_store(&path);
        drop(SqliteStore::open(&path, Arc::new(SystemClock)).unwrap());
        let version = 1 + TASKS.upgrades.len();
        let kept = folder.path().join(format!("tasks.db.before-v{version}"));
        assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        let copy = Connection::open(&kept).unwrap();
        let number = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((number("PRAGMA user_version"), number("SELECT tasks FROM status_counts")), (1, 7));
        assert_eq!(number("SELECT count(*) FROM sqlite_schema WHERE name = 'flows'"), 0, "a table of version 2");
        drop(copy);
        // One that is as it should be is not copied.
        std::fs::remove_file(&kept).unwrap();
        drop(SqliteStore::open(&path, Arc::new(SystemClock)).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_new_database_has_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        drop(SqliteStore::open(&folder.path().join("tasks.db"), Arc::new(SystemClock)).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn the_latest_two_copies_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        old_store(&path);
        let connection = Connection::open(&path).unwrap();
        for version in [2, 9, 10, 11] {
            copy(&connection, &path, version).unwrap();
        }
        assert_eq!(names(folder.path()), ["tasks.db.before-v10", "tasks.db.before-v11"]);
    }

    #[test]
    fn what_a_killed_attempt_left_takes_no_room_from_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        old_store(&path);
        let connection = Connection::open(&path).unwrap();
        for name in ["tasks.db.before.part", "tasks.db.before.part-journal"] {
            std::fs::write(folder.path().join(name), "half a copy").unwrap();
        }
        let text = copy_with(&connection, &path, 2, |_| Ok(0)).unwrap_err().to_string();
        assert!(text.contains("make room"), "{text}");
        assert_eq!(names(folder.path()), [""; 0]);
        // One that fails later leaves nothing either.
        std::fs::create_dir_all(folder.path().join("tasks.db.before-v2/full")).unwrap();
        copy_with(&connection, &path, 2, |_| Ok(u64::MAX)).unwrap_err();
        assert_eq!(names(folder.path()), ["tasks.db.before-v2"]);
    }

    #[test]
    fn a_disk_without_room_is_refused_with_both_numbers() {
        let mib = |count: u64| count * 1024 * 1024;
        assert!(refuse_without_room(mib(100), mib(164)).is_ok());
        let text = refuse_without_room(mib(100), mib(163)).unwrap_err().to_string();
        assert_eq!(text, "163 MiB are free, 164 MiB are needed");
        assert!(refuse_without_room(u64::MAX, u64::MAX).is_ok(), "no overflow");
    }
}
