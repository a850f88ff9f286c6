//! The version of a database's tables, and whether this program reads it.

use super::error::store_error;
use morag_core::ports::StoreError;
use rusqlite::Connection;

/// The tables of a database, and how it is recognised.
pub(crate) struct Schema {
    /// What it holds, for messages: `a task store`.
    pub(crate) what: &'static str,
    /// SQLite's `application_id`: tells our databases from others' and from each other.
    pub(crate) application_id: i32,
    /// Statements that create the tables of version 1 in an empty database.
    pub(crate) create: &'static str,
    /// Statements that take a database from one version to the next, from version 1 on. A new database goes the same way,
    /// so its tables are those of an upgraded one. A released statement is never edited.
    pub(crate) upgrades: &'static [&'static str],
}

impl Schema {
    /// Version of the tables that this program reads. A database of a later one is refused.
    pub(crate) fn version(&self) -> i64 {
        i64::try_from(self.upgrades.len()).map_or(i64::MAX, |upgrades| upgrades.saturating_add(1))
    }

    /// Version of a database's tables; 0 for an empty one. Refuses one that is not ours or is of a later version.
    pub(super) fn found(&self, connection: &Connection) -> Result<i64, StoreError> {
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

    /// Version of the tables of a database that must not be empty.
    pub(crate) fn check(&self, connection: &Connection) -> Result<i64, StoreError> {
        match self.found(connection)? {
            0 => Err(StoreError::Corrupt(format!("an empty database, which is not {}", self.what))),
            found => Ok(found),
        }
    }
}
