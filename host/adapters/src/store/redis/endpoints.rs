//! Named webhook endpoints.

use super::scripts;
use super::store::RedisStore;
use super::values::{from_json, to_json, token, unexpected_reply};
use async_trait::async_trait;
use morag_core::ports::{ENDPOINTS_MAX, EndpointLimits, EndpointSet, Endpoints, PutEndpointError, StoreError};
use morag_core::webhook::{EndpointId, NamedEndpoint};
use redis::{FromRedisValue as _, Value};

/// A stored endpoint: version, token of the call that stored it, JSON.
fn endpoint(stored: &str) -> Result<NamedEndpoint, StoreError> {
    // The stored text has sealed credentials, so the error shows nothing of it.
    let json = stored.splitn(3, ' ').nth(2).ok_or_else(|| unexpected_reply(&"an endpoint without a version"))?;
    from_json(json)
}

/// The creators' entry of an endpoint, as described in `lua/creators.lua`.
fn creator_entry(endpoint: &NamedEndpoint) -> String {
    match endpoint.sealed.is_empty() {
        true => "-".to_owned(),
        false => format!("+{}", endpoint.created_by.as_deref().unwrap_or_default()),
    }
}

impl RedisStore {
    /// Stores an endpoint; with limits, a new one.
    async fn put(&self, endpoint: &NamedEndpoint, limits: Option<EndpointLimits>) -> Result<(), PutEndpointError> {
        let tenant_max = limits.and_then(|limits| limits.tenant_max);
        let id = endpoint.id.as_str();
        let call = scripts::EndpointPut {
            endpoints: self.keys.endpoints(),
            state: self.keys.endpoints_state(),
            creators: self.keys.endpoint_creators(),
            id: id.to_owned(),
            token: token(),
            version: endpoint.version,
            json: to_json(endpoint)?,
            endpoints_max: ENDPOINTS_MAX,
            creator_entry: creator_entry(endpoint),
            creator: endpoint.created_by.clone().unwrap_or_default(),
            creator_max: limits.map(|limits| limits.creator_max),
            tenant_max,
            tenant_prefix: id.strip_suffix(endpoint.id.name()).unwrap_or_default().to_owned(),
        };
        let answer: String = self.redis.call_replicated(call).await?;
        match answer.split(' ').collect::<Vec<_>>().as_slice() {
            ["done"] => Ok(()),
            ["stale"] => Err(PutEndpointError::Stale),
            ["full"] => Err(PutEndpointError::Full),
            ["share", own, all] => {
                let number = |text: &str| text.parse().map_err(|_| unexpected_reply(&answer));
                Err(PutEndpointError::Share { own: number(own)?, all: number(all)? })
            }
            ["quota"] => Err(PutEndpointError::Quota { limit: tenant_max.unwrap_or_default() }),
            _ => Err(unexpected_reply(&answer).into()),
        }
    }
}

#[async_trait]
impl Endpoints for RedisStore {
    async fn endpoints(&self, known_revision: Option<u64>) -> Result<Option<EndpointSet>, StoreError> {
        let (endpoints, state) = (self.keys.endpoints(), self.keys.endpoints_state());
        let call = scripts::EndpointsRead { endpoints, state, known_revision };
        // Each acceptance of a task asks this.
        let mut answer = self.in_time(self.redis.call::<Vec<Value>>(call)).await?.into_iter();
        let revision = answer.next().and_then(|revision| u64::from_redis_value(revision).ok());
        let revision = revision.ok_or_else(|| unexpected_reply(&"no revision of the endpoints"))?;
        let Some(stored) = answer.next() else { return Ok(None) };
        let stored = Vec::<String>::from_redis_value(stored).map_err(|error| unexpected_reply(&error))?;
        let mut endpoints = stored.iter().map(|stored| endpoint(stored)).collect::<Result<Vec<_>, _>>()?;
        endpoints.sort_by(|one, other| one.id.as_str().cmp(other.id.as_str()));
        Ok(Some(EndpointSet { revision, endpoints }))
    }

    async fn put_endpoint(&self, endpoint: &NamedEndpoint) -> Result<(), PutEndpointError> {
        self.put(endpoint, None).await
    }

    async fn create_endpoint(&self, endpoint: &NamedEndpoint, limits: EndpointLimits) -> Result<(), PutEndpointError> {
        self.put(endpoint, Some(limits)).await
    }

    async fn remove_endpoint(&self, endpoint: &EndpointId) -> Result<bool, StoreError> {
        let call = scripts::EndpointRemove {
            endpoints: self.keys.endpoints(),
            state: self.keys.endpoints_state(),
            creators: self.keys.endpoint_creators(),
            id: endpoint.as_str().to_owned(),
            token: token(),
        };
        Ok(self.redis.call_replicated::<i64>(call).await? == 1)
    }

    async fn seal_proof(&self) -> Result<Option<String>, StoreError> {
        self.redis.query(redis::cmd("HGET").arg(self.keys.endpoints_state()).arg("seal_proof")).await
    }

    async fn put_seal_proof(&self, before: Option<&str>, proof: &str) -> Result<String, StoreError> {
        let (before, proof) = (before.unwrap_or_default().to_owned(), proof.to_owned());
        self.redis.call(scripts::SealProof { state: self.keys.endpoints_state(), before, proof }).await
    }
}
