//! Named webhook endpoints.

use super::store::RedisStore;
use async_trait::async_trait;
use morag_core::ports::{EndpointSet, Endpoints, PutEndpointError, StoreError};
use morag_core::webhook::{EndpointId, NamedEndpoint};

#[async_trait]
impl Endpoints for RedisStore {
    async fn endpoints(&self, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError> {
        Ok(known.is_none().then(|| EndpointSet { revision: 0, endpoints: vec![] }))
    }

    async fn put_endpoint(&self, _endpoint: &NamedEndpoint) -> Result<(), PutEndpointError> {
        Err(StoreError::Unavailable("not on Redis yet".into()).into())
    }

    async fn remove_endpoint(&self, _endpoint: &EndpointId) -> Result<bool, StoreError> {
        Err(StoreError::Unavailable("not on Redis yet".into()))
    }
}
