//! Named webhook endpoints.

use super::query::{all, execute, first, from_json, to_json};
use super::store::SqliteStore;
use super::writer::Durability;
use async_trait::async_trait;
use morag_core::ports::{
    ENDPOINTS_MAX, EndpointCounts, EndpointLimits, EndpointSet, Endpoints, PutEndpointError, StoreError,
};
use morag_core::webhook::{EndpointId, NamedEndpoint};
use rusqlite::{Connection, params};

fn revision(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT revision FROM endpoint_revision WHERE id = 0";
    let revision = first(connection, sql, [], |row| row.get::<_, i64>(0))?;
    Ok(revision.unwrap_or(0).unsigned_abs())
}

fn raise_revision(connection: &Connection) -> Result<(), StoreError> {
    execute(connection, "UPDATE endpoint_revision SET revision = revision + 1 WHERE id = 0", []).map(drop)
}

fn seal_proof(connection: &Connection) -> Result<Option<String>, StoreError> {
    let sql = "SELECT seal_proof FROM endpoint_revision WHERE id = 0";
    Ok(first(connection, sql, [], |row| row.get::<_, Option<String>>(0))?.flatten())
}

fn endpoints(connection: &Connection, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError> {
    let revision = revision(connection)?;
    if known == Some(revision) {
        return Ok(None);
    }
    let stored = all(connection, "SELECT endpoint FROM endpoints ORDER BY id", [], |row| row.get::<_, String>(0))?;
    let endpoints = stored.iter().map(|endpoint| from_json(endpoint)).collect::<Result<_, _>>()?;
    Ok(Some(EndpointSet { revision, endpoints }))
}

/// What there is beside a new endpoint.
fn counts(connection: &Connection, new: &NamedEndpoint) -> Result<EndpointCounts, StoreError> {
    let sql = "SELECT id, json_extract(endpoint, '$.created_by') FROM endpoints
               WHERE json_extract(endpoint, '$.sealed') <> ''";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
    let mut counts = EndpointCounts::default();
    for (id, creator) in all(connection, sql, [], read)? {
        counts.count((&id.into(), creator.as_deref()), new);
    }
    Ok(counts)
}

/// The job behind [`Endpoints::create_endpoint`]. An `Err` is followed by a rollback.
fn create(connection: &Connection, endpoint: &NamedEndpoint, limits: EndpointLimits) -> Result<(), PutEndpointError> {
    let before = counts(connection, endpoint)?;
    put(connection, endpoint)?;
    limits.check(before)
}

/// The job behind [`Endpoints::put_endpoint`]. An `Err` is followed by a rollback.
fn put(connection: &Connection, endpoint: &NamedEndpoint) -> Result<(), PutEndpointError> {
    let id = endpoint.id.as_str();
    let sql = "SELECT version FROM endpoints WHERE id = ?1";
    let stored = first(connection, sql, [id], |row| row.get::<_, i64>(0))?.map_or(0, i64::unsigned_abs);
    if endpoint.version != stored + 1 {
        return Err(PutEndpointError::Stale);
    }
    let count = first(connection, "SELECT count(*) FROM endpoints", [], |row| row.get::<_, i64>(0))?.unwrap_or(0);
    if stored == 0 && count.unsigned_abs() >= ENDPOINTS_MAX as u64 {
        return Err(PutEndpointError::Full);
    }
    let sql = "INSERT INTO endpoints(id, version, endpoint) VALUES (?1, ?2, ?3)
               ON CONFLICT(id) DO UPDATE SET version = excluded.version, endpoint = excluded.endpoint";
    let version = i64::try_from(endpoint.version).unwrap_or(i64::MAX);
    execute(connection, sql, params![id, version, to_json(endpoint)?])?;
    raise_revision(connection)?;
    Ok(())
}

#[async_trait]
impl Endpoints for SqliteStore {
    async fn endpoints(&self, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError> {
        self.readers.read(move |connection| endpoints(connection, known)).await
    }

    async fn put_endpoint(&self, endpoint: &NamedEndpoint) -> Result<(), PutEndpointError> {
        let endpoint = endpoint.clone();
        self.writer.run(Durability::Full, move |connection: &Connection| put(connection, &endpoint)).await
    }

    async fn create_endpoint(&self, endpoint: &NamedEndpoint, limits: EndpointLimits) -> Result<(), PutEndpointError> {
        let endpoint = endpoint.clone();
        self.writer.run(Durability::Full, move |connection: &Connection| create(connection, &endpoint, limits)).await
    }

    async fn remove_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError> {
        let id = endpoint.as_str().to_owned();
        let job = move |connection: &Connection| {
            let removed = execute(connection, "DELETE FROM endpoints WHERE id = ?1", [&id])? > 0;
            if removed {
                raise_revision(connection)?;
            }
            Ok::<_, StoreError>(removed)
        };
        self.writer.run(Durability::Full, job).await
    }

    async fn seal_proof(&self) -> Result<Option<String>, StoreError> {
        self.readers.read(seal_proof).await
    }

    async fn put_seal_proof(&self, before: Option<&str>, proof: &str) -> Result<String, StoreError> {
        let (before, proof) = (before.map(str::to_owned), proof.to_owned());
        let job = move |connection: &Connection| match seal_proof(connection)? {
            Some(stored) if before.as_ref() != Some(&stored) => Ok(stored),
            None if before.is_some() => {
                Err(StoreError::Corrupt("the proof of the key that is to be replaced is not stored".into()))
            }
            _ => {
                execute(connection, "UPDATE endpoint_revision SET seal_proof = ?1 WHERE id = 0", [&proof])?;
                Ok(proof.clone())
            }
        };
        self.writer.run(Durability::Full, job).await
    }
}
