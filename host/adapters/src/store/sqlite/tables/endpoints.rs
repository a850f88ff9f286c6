//! Named webhook endpoints (`endpoints`), the revision of their set, and the proof of the key that seals their credentials
//! (`endpoint_revision`).

use crate::store::sqlite::database::columns::{count, from_json, stored, to_json};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::ports::StoreError;
use morag_core::webhook::{EndpointId, NamedEndpoint};
use rusqlite::{Connection, params};

/// How often the set has changed.
pub(crate) fn revision(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT revision FROM endpoint_revision WHERE id = 0";
    Ok(first(connection, sql, [], |row| count(row, 0))?.unwrap_or(0))
}

/// Notes that the set has changed.
pub(crate) fn raise_revision(connection: &Connection) -> Result<(), StoreError> {
    execute(connection, "UPDATE endpoint_revision SET revision = revision + 1 WHERE id = 0", []).map(drop)
}

/// What opens with the sealing key alone.
pub(crate) fn seal_proof(connection: &Connection) -> Result<Option<String>, StoreError> {
    let sql = "SELECT seal_proof FROM endpoint_revision WHERE id = 0";
    Ok(first(connection, sql, [], |row| row.get::<_, Option<String>>(0))?.flatten())
}

/// Replaces the proof.
pub(crate) fn set_seal_proof(connection: &Connection, proof: &str) -> Result<(), StoreError> {
    execute(connection, "UPDATE endpoint_revision SET seal_proof = ?1 WHERE id = 0", [proof]).map(drop)
}

/// Every endpoint, by id.
pub(crate) fn endpoints(connection: &Connection) -> Result<Vec<NamedEndpoint>, StoreError> {
    let stored = all(connection, "SELECT endpoint FROM endpoints ORDER BY id", [], |row| row.get::<_, String>(0))?;
    stored.iter().map(|endpoint| from_json(endpoint)).collect()
}

/// Id and creator of every endpoint that was created over HTTP.
pub(crate) fn creators(connection: &Connection) -> Result<Vec<(EndpointId, Option<String>)>, StoreError> {
    let sql = "SELECT id, json_extract(endpoint, '$.created_by') FROM endpoints
               WHERE json_extract(endpoint, '$.sealed') <> ''";
    all(connection, sql, [], |row| Ok((row.get::<_, String>(0)?.into(), row.get(1)?)))
}

/// An endpoint's version; 0 where there is no such endpoint.
pub(crate) fn version(connection: &Connection, endpoint: &EndpointId) -> Result<u64, StoreError> {
    let sql = "SELECT version FROM endpoints WHERE id = ?1";
    Ok(first(connection, sql, [endpoint.as_str()], |row| count(row, 0))?.unwrap_or(0))
}

/// Number of endpoints.
pub(crate) fn number(connection: &Connection) -> Result<u64, StoreError> {
    Ok(first(connection, "SELECT count(*) FROM endpoints", [], |row| count(row, 0))?.unwrap_or(0))
}

/// Adds or replaces an endpoint.
pub(crate) fn put(connection: &Connection, endpoint: &NamedEndpoint) -> Result<(), StoreError> {
    let sql = "INSERT INTO endpoints(id, version, endpoint) VALUES (?1, ?2, ?3)
               ON CONFLICT(id) DO UPDATE SET version = excluded.version, endpoint = excluded.endpoint";
    let (id, version) = (endpoint.id.as_str(), stored(endpoint.version));
    execute(connection, sql, params![id, version, to_json(endpoint)?]).map(drop)
}

/// Deletes an endpoint. Returns whether there was one.
pub(crate) fn delete(connection: &Connection, endpoint: &EndpointId) -> Result<bool, StoreError> {
    Ok(execute(connection, "DELETE FROM endpoints WHERE id = ?1", [endpoint.as_str()])? > 0)
}
