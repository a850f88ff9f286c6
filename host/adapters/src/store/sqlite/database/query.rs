//! Running statements, with the port's errors. They stay prepared, by their text: a text must be one of a fixed few.

use super::error::store_error;
use morag_core::ports::StoreError;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use std::ops::ControlFlow;

/// Runs a statement that returns no rows. Returns how many rows it changed.
pub(crate) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).map_err(store_error)
}

/// The first row, if there is one.
pub(crate) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    statement.query_row(params, read).optional().map_err(store_error)
}

/// Every row.
pub(crate) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let rows = || connection.prepare_cached(sql)?.query_map(params, read)?.collect();
    let rows: rusqlite::Result<Vec<T>> = rows();
    rows.map_err(store_error)
}

/// Every row, until `read` breaks off. Returns whether it did.
pub(crate) fn each(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<ControlFlow<()>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let mut rows = statement.query(params).map_err(store_error)?;
    while let Some(row) = rows.next().map_err(store_error)? {
        if read(row)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Whether the database answers.
pub(crate) fn ping(connection: &Connection) -> Result<(), StoreError> {
    first(connection, "SELECT 1", [], |_| Ok(())).map(drop)
}
