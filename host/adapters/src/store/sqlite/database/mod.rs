//! A database file, whatever its tables: opening, upgrading and copying it, the one writer and the readers, statements, columns and
//! errors. Nothing here names a table.

pub(super) mod before_upgrade;
pub(super) mod columns;
pub(super) mod error;
pub(super) mod file;
pub(super) mod open;
pub(super) mod query;
pub(super) mod readers;
pub(super) mod schema;
pub(super) mod writer;
