//! Statements with the store's errors: kept prepared by their text, so the text must be one of few.

use super::connection::store_error;
use morag_core::ports::StoreError;
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;

/// Runs a statement that returns nothing. Says how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).map_err(store_error)
}

/// The first row, if there is one.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    statement.query_row(params, read).optional().map_err(store_error)
}

/// Every row.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let rows = || connection.prepare_cached(sql)?.query_map(params, read)?.collect();
    let rows: rusqlite::Result<Vec<T>> = rows();
    rows.map_err(store_error)
}

/// Rows until `read` says that it wants no more. Says whether it did.
pub(super) fn each(
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

/// A column.
pub(super) fn column<T: FromSql>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    row.get(index).map_err(store_error)
}

/// A text in a column, without a copy.
pub(super) fn text<'row>(row: &'row Row<'_>, index: usize) -> Result<&'row str, StoreError> {
    let text = row.get_ref(index).map_err(store_error)?.as_str();
    text.map_err(|error| StoreError::Corrupt(format!("a stored text cannot be read: {error}")))
}

/// A value as it is stored.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("a value cannot be stored: {error}")))
}

/// A stored value.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("a stored value cannot be read: {error}")))
}
