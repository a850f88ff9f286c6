//! Idempotency keys and what they were answered with (`idempotency`).

use crate::store::sqlite::database::columns::{from_json, to_json};
use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::{AcceptError, Idempotency, StoreError};
use morag_core::{JsonObject, Timestamp};
use rusqlite::{Connection, Row, params};

/// What a key was answered with; `IdempotencyConflict` for another request.
pub(crate) fn replay(
    connection: &Connection,
    key: &str,
    request_digest: &str,
) -> Result<Option<JsonObject>, AcceptError> {
    let sql = "SELECT request_digest, response FROM idempotency WHERE key = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    match first(connection, sql, [key], read)? {
        None => Ok(None),
        Some((digest, response)) if digest == request_digest => Ok(Some(from_json(&response)?)),
        Some(_) => Err(AcceptError::IdempotencyConflict),
    }
}

/// Stores a new key.
pub(crate) fn insert(connection: &Connection, new: &Idempotency, now: Timestamp) -> Result<(), StoreError> {
    let sql = "INSERT INTO idempotency(key, request_digest, response, created_at) VALUES (?1, ?2, ?3, ?4)";
    let response = to_json(&new.response)?;
    execute(connection, sql, params![new.key, new.request_digest, response, now.as_millis()]).map(drop)
}

/// Deletes keys of before a time, at most `max`, the oldest first.
pub(crate) fn delete_before(connection: &Connection, before: Timestamp, max: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM idempotency WHERE key IN
                   (SELECT key FROM idempotency WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    execute(connection, sql, params![before.as_millis(), max]).map(drop)
}
