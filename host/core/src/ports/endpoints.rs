//! Named webhook endpoints.

use super::StoreError;
use crate::shares::leaves_enough;
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

/// How many endpoints there may be before another one is created. Only those that callers have created count, not the state of
/// those of a `morag.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointLimits {
    /// Of the same creator. No creator may have more than are left for the others either.
    pub creator_max: usize,
    /// Of the same tenant; none: no limit.
    pub tenant_max: Option<u64>,
}

/// How many endpoints there are, as far as one more is concerned. Counted as [`EndpointLimits`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointCounts {
    /// All of them.
    pub all: usize,
    /// Those of its creator.
    pub of_creator: usize,
    /// Those of its tenant.
    pub of_tenant: usize,
}

impl EndpointCounts {
    /// Counts one that there is, by its id and its creator, beside the one that is to be created.
    pub fn count(&mut self, (id, creator): (&EndpointId, Option<&str>), new: &NamedEndpoint) {
        self.all += 1;
        self.of_creator += usize::from(creator == new.created_by.as_deref());
        self.of_tenant += usize::from(id.is_of(&new.id.tenant()));
    }
}

impl EndpointLimits {
    /// Whether another one may be created.
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
    /// It has changed since it was read, is there already, or is there no more.
    #[error("the endpoint was changed by somebody else")]
    Stale,
    /// There are [`ENDPOINTS_MAX`] already.
    #[error("there are {ENDPOINTS_MAX} endpoints already")]
    Full,
    /// Its creator has as many as one may.
    #[error("its creator has {own} endpoints already, of {all}")]
    Share {
        /// Endpoints of the creator.
        own: usize,
        /// Endpoints of all.
        all: usize,
    },
    /// Its tenant has as many as the caller may have.
    #[error("its tenant has {limit} endpoints already")]
    Quota {
        /// As many as it may have.
        limit: u64,
    },
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

    /// Stores a new endpoint, as [`Self::put_endpoint`] does, unless there are as many as the limits say already. They are counted in
    /// the same commit: however many are created at once, no more are stored.
    async fn create_endpoint(&self, endpoint: &NamedEndpoint, limits: EndpointLimits) -> Result<(), PutEndpointError>;

    /// Forgets an endpoint. `false`: there was none. Its cursors end when they are looked at.
    async fn remove_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError>;

    /// The proof of the key that this store's sealed records are sealed with: a text that opens with that key and no other. None
    /// where nothing was sealed yet, or only before there were proofs.
    async fn seal_proof(&self) -> Result<Option<String>, StoreError>;

    /// Stores a proof in the place of `before`; none: where there is none. Gives the one that stands then: another's, where the
    /// stored one was not `before`. Durable as an accepted task is, so that what is sealed afterwards is never without it.
    async fn put_seal_proof(&self, before: Option<&str>, proof: &str) -> Result<String, StoreError>;
}
