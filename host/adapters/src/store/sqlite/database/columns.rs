//! Values in columns: how each type is read, and how values are written as text.

use super::error::store_error;
use morag_core::ports::StoreError;
use morag_core::task::{StatusWord, TaskId, TenantId};
use rusqlite::Row;
use rusqlite::types::{FromSql, Type};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A column, with the port's error.
pub(crate) fn column<T: FromSql>(row: &Row<'_>, index: usize) -> Result<T, StoreError> {
    row.get(index).map_err(store_error)
}

/// A text in a column, not copied.
pub(crate) fn text<'row>(row: &'row Row<'_>, index: usize) -> Result<&'row str, StoreError> {
    let text = row.get_ref(index).map_err(store_error)?.as_str();
    text.map_err(|error| StoreError::Corrupt(format!("a stored text cannot be read: {error}")))
}

/// A value as the text that is stored.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("a value cannot be stored: {error}")))
}

/// The value of a stored text.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("a stored value cannot be read: {error}")))
}

/// A task's id.
pub(crate) fn task_id(row: &Row<'_>, index: usize) -> rusqlite::Result<TaskId> {
    let bytes: [u8; 16] = row.get(index)?;
    Ok(uuid::Uuid::from_bytes(bytes).into())
}

/// A task's state.
pub(crate) fn status_word(row: &Row<'_>, index: usize) -> rusqlite::Result<StatusWord> {
    let text: String = row.get(index)?;
    let unknown = || format!("{text:?} is no state of a task").into();
    text.parse().map_err(|()| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, unknown()))
}

/// A tenant.
pub(crate) fn tenant(row: &Row<'_>, index: usize) -> rusqlite::Result<TenantId> {
    let text: String = row.get(index)?;
    let unknown = |error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error));
    TenantId::try_from(text).map_err(unknown)
}

/// A count, which SQLite stores as a signed number.
pub(crate) fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::unsigned_abs)
}

/// A count as it is stored: the largest that can be where it is larger.
pub(crate) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A limit of rows as it is bound.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// An event's text, with the bytes of memory that the parsed event takes.
pub(crate) fn event_text(row: &Row<'_>, index: usize) -> Result<(String, usize), StoreError> {
    let event: String = column(row, index)?;
    let bytes = morag_core::tree_bytes(&event);
    Ok((event, bytes))
}
