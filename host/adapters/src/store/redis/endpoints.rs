//! Named webhook endpoints.

use super::scripts;
use super::store::{RedisStore, from_json, strange, to_json, token};
use async_trait::async_trait;
use morag_core::ports::{ENDPOINTS_MAX, EndpointLimits, EndpointSet, Endpoints, PutEndpointError, StoreError};
use morag_core::webhook::{EndpointId, NamedEndpoint};
use redis::{FromRedisValue as _, Value};

/// An endpoint as it is stored: version, token of who put it, JSON.
fn endpoint(stored: &str) -> Result<NamedEndpoint, StoreError> {
    // What is stored holds sealed credentials: no part of it is shown.
    let json = stored.splitn(3, ' ').nth(2).ok_or_else(|| strange(&"an endpoint without a version"))?;
    from_json(json)
}

/// What is noted of an endpoint among the creators, as `lua/creators.lua` does.
fn noted(endpoint: &NamedEndpoint) -> String {
    match endpoint.sealed.is_empty() {
        true => "-".to_owned(),
        false => format!("+{}", endpoint.created_by.as_deref().unwrap_or_default()),
    }
}

impl RedisStore {
    /// Stores an endpoint; with limits, a new one.
    async fn put(&self, endpoint: &NamedEndpoint, limits: Option<EndpointLimits>) -> Result<(), PutEndpointError> {
        let mut call = scripts::ENDPOINT_PUT
            .on([self.keys.endpoints(), self.keys.endpoints_state(), self.keys.endpoint_creators()])
            .arg("")
            .arg(endpoint.id.as_str())
            .arg(token())
            .arg(endpoint.version)
            .arg(to_json(endpoint)?)
            .arg(ENDPOINTS_MAX)
            .arg(noted(endpoint));
        let tenant_max = limits.and_then(|limits| limits.tenant_max);
        if let Some(limits) = limits {
            call = call
                .arg(endpoint.created_by.as_deref().unwrap_or_default())
                .arg(limits.creator_max)
                .arg(tenant_max.map_or_else(String::new, |limit| limit.to_string()))
                // What the ids of its tenant begin with.
                .arg(endpoint.id.as_str().strip_suffix(endpoint.id.name()).unwrap_or_default());
        }
        let answer: String = self.redis.call_kept(call).await?;
        match answer.split(' ').collect::<Vec<_>>().as_slice() {
            ["done"] => Ok(()),
            ["stale"] => Err(PutEndpointError::Stale),
            ["full"] => Err(PutEndpointError::Full),
            ["share", own, all] => {
                let number = |text: &str| text.parse().map_err(|_| strange(&answer));
                Err(PutEndpointError::Share { own: number(own)?, all: number(all)? })
            }
            ["quota"] => Err(PutEndpointError::Quota { limit: tenant_max.unwrap_or_default() }),
            _ => Err(strange(&answer).into()),
        }
    }
}

#[async_trait]
impl Endpoints for RedisStore {
    async fn endpoints(&self, known: Option<u64>) -> Result<Option<EndpointSet>, StoreError> {
        let call = scripts::ENDPOINTS_READ
            .on([self.keys.endpoints(), self.keys.endpoints_state()])
            .arg("")
            .arg(known.map_or_else(String::new, |known| known.to_string()));
        // Each task that is accepted asks.
        let mut answer = self.in_time(self.redis.call::<Vec<Value>>(call)).await?.into_iter();
        let revision = answer.next().and_then(|revision| u64::from_redis_value(revision).ok());
        let revision = revision.ok_or_else(|| strange(&"no revision of the endpoints"))?;
        let Some(stored) = answer.next() else { return Ok(None) };
        let stored = Vec::<String>::from_redis_value(stored).map_err(|error| strange(&error))?;
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
        let call = scripts::ENDPOINT_REMOVE
            .on([self.keys.endpoints(), self.keys.endpoints_state(), self.keys.endpoint_creators()])
            .arg("")
            .arg(endpoint.as_str())
            .arg(token());
        Ok(self.redis.call_kept::<i64>(call).await? == 1)
    }

    async fn seal_proof(&self) -> Result<Option<String>, StoreError> {
        self.redis.query(redis::cmd("HGET").arg(self.keys.endpoints_state()).arg("seal_proof")).await
    }

    async fn put_seal_proof(&self, before: Option<&str>, proof: &str) -> Result<String, StoreError> {
        let call = scripts::SEAL_PROOF.on([self.keys.endpoints_state()]).arg(before.unwrap_or_default()).arg(proof);
        self.redis.call(call).await
    }
}
