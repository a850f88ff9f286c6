//! Both databases of a data folder at one moment, for a backup by another process while the server works.
//!
//! No task is committed at that moment: the write lock of the tasks is held while both read transactions begin. So the
//! knowledge has nothing of a task that the tasks do not have, and has all that the tasks say was stored. A step may have
//! published and not committed yet, as after a crash: it runs again and publishes the same.
//!
//! While a snapshot is open the write-ahead logs (`-wal`) cannot be cut back, so it should not be open for long.

use super::database::error::{at, store_error};
use super::database::file::{copy_to, make_private};
use super::database::open::open_to_copy;
use super::database::schema::Schema;
use super::knowledge::KNOWLEDGE;
use super::tables::schema::TASKS;
use super::tables::{events, records, tasks};
use morag_core::ports::StoreError;
use morag_core::task::{Event, TaskId, TaskRecord};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Versions of the tables of both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Of the tasks.
    pub tasks: i64,
    /// Of the knowledge.
    pub knowledge: i64,
}

impl Versions {
    /// The versions that this program writes; it reads every earlier one.
    pub fn known() -> Self {
        Self { tasks: TASKS.version(), knowledge: KNOWLEDGE.version() }
    }
}

/// Both databases as they were at a moment.
pub struct Snapshot {
    tasks: Connection,
    knowledge: Connection,
    versions: Versions,
    tasks_path: PathBuf,
}

impl Snapshot {
    /// Takes it. Commits wait meanwhile: a few milliseconds.
    ///
    /// # Errors
    /// `Unavailable` where a database is missing, cannot be opened for writing, or is locked for more than five seconds; `Corrupt` where it is not
    /// ours or of a later version.
    pub fn take(tasks_path: &Path, knowledge_path: &Path) -> Result<Self, StoreError> {
        Self::take_with(tasks_path, knowledge_path, || ())
    }

    /// [`Self::take`]; `between` is called after the read transaction of the tasks has begun, before that of the knowledge.
    fn take_with(tasks_path: &Path, knowledge_path: &Path, between: impl FnOnce()) -> Result<Self, StoreError> {
        let lock = open_to_copy(tasks_path)?;
        let (tasks, knowledge) = (open_to_copy(tasks_path)?, open_to_copy(knowledge_path)?);
        lock.execute_batch("BEGIN IMMEDIATE").map_err(|error| at(tasks_path, store_error(error)))?;
        let tasks_version = begin(&tasks, &TASKS).map_err(|error| at(tasks_path, error))?;
        between();
        let knowledge_version = begin(&knowledge, &KNOWLEDGE).map_err(|error| at(knowledge_path, error))?;
        lock.execute_batch("ROLLBACK").map_err(|error| at(tasks_path, store_error(error)))?;
        let versions = Versions { tasks: tasks_version, knowledge: knowledge_version };
        Ok(Self { tasks, knowledge, versions, tasks_path: tasks_path.to_owned() })
    }

    /// The versions of the tables.
    pub fn versions(&self) -> Versions {
        self.versions
    }

    /// Writes both databases to new files, for their owner alone. Not flushed.
    pub fn copy_to(&self, tasks: &Path, knowledge: &Path) -> Result<(), StoreError> {
        for (from, to) in [(&self.tasks, tasks), (&self.knowledge, knowledge)] {
            make_private(to).map_err(|error| StoreError::Unavailable(format!("{}: {error}", to.display())))?;
            copy_to(from, to)?;
        }
        Ok(())
    }

    /// Goes through the tasks in the order of their acceptance, one in memory at a time: the task with its log, or why it cannot be
    /// read (`Corrupt`). Says how many there were.
    pub fn each_task<E: From<StoreError>>(
        &self,
        mut visit: impl FnMut(TaskId, Result<&SnapshotTask, StoreError>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let (mut count, mut last) = (0, 0);
        loop {
            let Some((number, task)) = tasks::next_after(&self.tasks, last)? else { return Ok(count) };
            match self.task(number) {
                Err(error @ StoreError::Corrupt(_)) => visit(task, Err(error))?,
                found => visit(task, Ok(&found?))?,
            }
            (last, count) = (number, count + 1);
        }
    }

    fn task(&self, number: i64) -> Result<SnapshotTask, StoreError> {
        let (record, events) = (records::record(&self.tasks, number)?, events::log(&self.tasks, number)?);
        Ok(SnapshotTask { record, events })
    }

    /// What has happened since the snapshot to a task that had so many events in it.
    pub fn since(&self, task: TaskId, events: usize) -> Result<Since, StoreError> {
        let now = open_to_copy(&self.tasks_path)?;
        Ok(match tasks::last_sequence(&now, task)? {
            None => Since::Gone,
            Some(last) if last == events as u64 => Since::Same,
            Some(_) => Since::MovedOn,
        })
    }
}

/// A task of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct SnapshotTask {
    /// What was accepted.
    pub record: TaskRecord,
    /// Every event, in order.
    pub events: Vec<Event>,
}

/// What has happened to a task since a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Nothing.
    Same,
    /// It has more events.
    MovedOn,
    /// It was forgotten.
    Gone,
}

/// Begins a read transaction. Returns the version of the tables.
fn begin(connection: &Connection, schema: &Schema) -> Result<i64, StoreError> {
    connection.execute_batch("BEGIN").map_err(store_error)?;
    schema.check(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;
    use crate::store::sqlite::{SqliteKnowledge, SqliteStore};
    use rusqlite::ErrorCode;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn nobody_commits_to_the_tasks_between_the_two_moments() {
        let folder = tempfile::tempdir().unwrap();
        let (tasks, knowledge) = (folder.path().join("tasks.db"), folder.path().join("knowledge.db"));
        drop(SqliteStore::open(&tasks, Arc::new(SystemClock)).unwrap());
        drop(SqliteKnowledge::open(&knowledge, None).unwrap());
        let another = Connection::open(&tasks).unwrap();
        another.busy_timeout(Duration::ZERO).unwrap();
        let commit = || another.execute_batch("BEGIN IMMEDIATE; UPDATE endpoint_revision SET revision = 7; COMMIT");
        let mut between = Ok(());
        let snapshot = Snapshot::take_with(&tasks, &knowledge, || between = commit()).unwrap();
        let held_up = between.unwrap_err().sqlite_error_code();
        assert_eq!(held_up, Some(ErrorCode::DatabaseBusy));
        commit().unwrap();
        let revision = |connection: &Connection| {
            connection.query_row("SELECT revision FROM endpoint_revision", [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!((revision(&snapshot.tasks), revision(&another)), (1, 7), "the snapshot is of before");
    }
}
