//! Named webhook endpoints.

use super::StoreError;
use crate::webhook::{EndpointId, NamedEndpoint};
use async_trait::async_trait;

/// Named endpoints of one server. Every task that is accepted is compared with all of them.
pub const ENDPOINTS_MAX: usize = 2000;

/// All endpoints, as they were at a revision.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSet {
    /// Raised with every change of any of them.
    pub revision: u64,
    /// The endpoints, in the order of their ids.
    pub endpoints: Vec<NamedEndpoint>,
}

/// Why an endpoint was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutEndpointError {
    /// It has changed since it was read, is there already, or is there no more.
    #[error("the endpoint was changed by somebody else")]
    Stale,
    /// There are [`ENDPOINTS_MAX`] already.
    #[error("there are {ENDPOINTS_MAX} endpoints already")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The named endpoints.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// All of them; none where nothing has changed since the revision that is known.
    async fn endpoints(&self, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError>;

    /// Stores an endpoint in the place of its version before; a new one has version 1. `Stale` unless the stored one's
    /// version is one less, or none is stored and it is new.
    async fn put_endpoint(&self, endpoint: &NamedEndpoint) -> Result<(), PutEndpointError>;

    /// Forgets an endpoint. `false`: there was none. Its cursors end when they are looked at.
    async fn remove_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError>;

    /// The proof of the key that this store's sealed records are sealed with: a text that opens with that key and no other. None
    /// where nothing was sealed yet, or only before there were proofs.
    async fn seal_proof(&self) -> Result<Option<String>, StoreError>;

    /// Stores a proof in the place of `before`; none: where there is none. Gives the one that stands then: another's, where the
    /// stored one was not `before`. Durable as an accepted task is, so that what is sealed afterwards is never without it.
    async fn put_seal_proof(&self, before: Option<&str>, proof: &str) -> Result<String, StoreError>;
}
