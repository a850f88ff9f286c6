//! [`Endpoints`]: named webhook endpoints.

use super::store::SqliteStore;
use crate::store::sqlite::database::writer::Durability;
use crate::store::sqlite::tables::endpoints as table;
use async_trait::async_trait;
use morag_core::ports::{
    ENDPOINTS_MAX, EndpointCounts, EndpointLimits, EndpointSet, Endpoints, PutEndpointError, StoreError,
};
use morag_core::webhook::{EndpointId, NamedEndpoint};
use rusqlite::Connection;

fn endpoints(connection: &Connection, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError> {
    let revision = table::revision(connection)?;
    if known == Some(revision) {
        return Ok(None);
    }
    Ok(Some(EndpointSet { revision, endpoints: table::endpoints(connection)? }))
}

/// The job behind [`Endpoints::create_endpoint`]. An `Err` is followed by a rollback.
fn create(connection: &Connection, endpoint: &NamedEndpoint, limits: EndpointLimits) -> Result<(), PutEndpointError> {
    let mut before = EndpointCounts::default();
    for (id, creator) in table::creators(connection)? {
        before.count((&id, creator.as_deref()), endpoint);
    }
    put(connection, endpoint)?;
    limits.check(before)
}

/// The job behind [`Endpoints::put_endpoint`]. An `Err` is followed by a rollback.
fn put(connection: &Connection, endpoint: &NamedEndpoint) -> Result<(), PutEndpointError> {
    let stored = table::version(connection, &endpoint.id)?;
    if endpoint.version != stored + 1 {
        return Err(PutEndpointError::Stale);
    }
    if stored == 0 && table::number(connection)? >= ENDPOINTS_MAX as u64 {
        return Err(PutEndpointError::Full);
    }
    table::put(connection, endpoint)?;
    table::raise_revision(connection)?;
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
        let id = endpoint.clone();
        let job = move |connection: &Connection| {
            let removed = table::delete(connection, &id)?;
            if removed {
                table::raise_revision(connection)?;
            }
            Ok::<_, StoreError>(removed)
        };
        self.writer.run(Durability::Full, job).await
    }

    async fn seal_proof(&self) -> Result<Option<String>, StoreError> {
        self.readers.read(table::seal_proof).await
    }

    async fn put_seal_proof(&self, before: Option<&str>, proof: &str) -> Result<String, StoreError> {
        let (before, proof) = (before.map(str::to_owned), proof.to_owned());
        let job = move |connection: &Connection| match table::seal_proof(connection)? {
            Some(stored) if before.as_ref() != Some(&stored) => Ok(stored),
            None if before.is_some() => {
                Err(StoreError::Corrupt("the proof of the key that is to be replaced is not stored".into()))
            }
            Some(_) | None => {
                table::set_seal_proof(connection, &proof)?;
                Ok(proof.clone())
            }
        };
        self.writer.run(Durability::Full, job).await
    }
}
