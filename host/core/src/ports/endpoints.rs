//! Named webhook endpoints.

use super::StoreError;
use crate::shares::leaves_enough;
use crate::webhook::{EndpointId, NamedEndpoint};
use async_trait::async_trait;

/// Maximum named endpoints of a server. Every accepted task is matched against all of them.
pub const ENDPOINTS_MAX: usize = 2000;

/// All endpoints at one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSet {
    /// Increases with every change of any endpoint.
    pub revision: u64,
    /// The endpoints, ordered by id.
    pub endpoints: Vec<NamedEndpoint>,
}

/// Limits that are checked before an endpoint is created. Only endpoints created by callers count, not the stored state of
/// endpoints in a `morag.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointLimits {
    /// Maximum per creator. In addition, no creator may have more than are left for the others.
    pub creator_max: usize,
    /// Maximum per tenant; `None`: no limit.
    pub tenant_max: Option<u64>,
}

/// Number of existing endpoints, counted as described at [`EndpointLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointCounts {
    /// All endpoints.
    pub all: usize,
    /// Endpoints of the creator.
    pub of_creator: usize,
    /// Endpoints of the tenant.
    pub of_tenant: usize,
}

impl EndpointCounts {
    /// Counts an existing endpoint, given by id and creator, towards the limits for creating `new`.
    pub fn count(&mut self, (id, creator): (&EndpointId, Option<&str>), new: &NamedEndpoint) {
        self.all += 1;
        self.of_creator += usize::from(creator == new.created_by.as_deref());
        self.of_tenant += usize::from(id.is_of(&new.id.tenant()));
    }
}

impl EndpointLimits {
    /// Whether another endpoint may be created.
    ///
    /// # Errors
    /// [`PutEndpointError::Share`] or [`PutEndpointError::Quota`].
    pub fn check(&self, counts: EndpointCounts) -> Result<(), PutEndpointError> {
        let EndpointCounts { all, of_creator, of_tenant } = counts;
        if of_creator >= self.creator_max || !leaves_enough(of_creator, all, ENDPOINTS_MAX) {
            return Err(PutEndpointError::Share { own: of_creator, all });
        }
        match self.tenant_max {
            Some(limit) if of_tenant as u64 >= limit => Err(PutEndpointError::Quota { limit }),
            _ => Ok(()),
        }
    }
}

/// Why an endpoint was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PutEndpointError {
    /// It was changed since it was read, exists already, or no longer exists.
    #[error("the endpoint was changed concurrently")]
    Stale,
    /// There are [`ENDPOINTS_MAX`] endpoints.
    #[error("there are {ENDPOINTS_MAX} endpoints already")]
    Full,
    /// Its creator has reached its share.
    #[error("its creator has {own} endpoints already, of {all}")]
    Share {
        /// Endpoints of the creator.
        own: usize,
        /// Endpoints of all.
        all: usize,
    },
    /// Its tenant has reached the caller's quota.
    #[error("its tenant has {limit} endpoints already")]
    Quota {
        /// The quota.
        limit: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The named endpoints.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// All endpoints; `None` if nothing has changed since the revision `known`.
    async fn endpoints(&self, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError>;

    /// Replaces an endpoint's previous version, or stores a new one with version 1. `Stale` unless the stored version is one
    /// less, or none is stored and the endpoint is new.
    async fn put_endpoint(&self, endpoint: &NamedEndpoint) -> Result<(), PutEndpointError>;

    /// Stores a new endpoint as [`Self::put_endpoint`] does, unless a limit is reached. The endpoints are counted in the same
    /// commit, so that concurrent calls cannot exceed the limits.
    async fn create_endpoint(&self, endpoint: &NamedEndpoint, limits: EndpointLimits) -> Result<(), PutEndpointError>;

    /// Removes an endpoint. `false`: it did not exist. Its cursors end when they are next processed.
    async fn remove_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError>;

    /// Proof of the key that seals this store's records: a text that only that key can open. `None` if nothing was sealed yet,
    /// or only by a version without proofs.
    async fn seal_proof(&self) -> Result<Option<String>, StoreError>;

    /// Replaces the proof `before` (`None`: no proof is stored) and returns the stored one, which is another's if `before` did
    /// not match. As durable as an accepted task, so that sealed records never exist without it.
    async fn put_seal_proof(&self, before: Option<&str>, proof: &str) -> Result<String, StoreError>;
}
