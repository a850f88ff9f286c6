//! The look-ups before a task is accepted: the request's idempotency key, and the hosts of its webhooks. Each is looked up once
//! for a request, and the key once more for one that is refused. Accepting does not repeat them, because the store compares the key in
//! the commit that stores the task, and each delivery checks the address that it connects to.

use super::origin::Origin;
use super::spec::TaskSpec;
use crate::Api;
use crate::ApiError;
use crate::accept_error::accept_error;
use crate::caller::Caller;
use crate::error::FieldError;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use morag_core::JsonObject;
use morag_core::ports::UrlRefused;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Idempotency keys of one batch that are looked up at once: twice as many as the embedded store reads at once (4), so that
/// it never idles, and few enough that one batch does not keep other requests' reads waiting. In Redis eight round trips
/// become one.
const KEYS_AT_ONCE: usize = 8;

/// The answer that the same request got before, if any.
///
/// # Errors
/// 409 where the key was used with another request.
pub async fn replayed(app: &Api, origin: &Origin, digest: &str) -> Result<Option<JsonObject>, ApiError> {
    match origin.key() {
        Some(key) => app.tasks.replay(&key, digest).await.map_err(|error| accept_error(app, error)),
        None => Ok(None),
    }
}

/// The answer that the same request got meanwhile, or else the error that refuses this one.
pub async fn replayed_or(app: &Api, origin: &Origin, digest: &str, error: ApiError) -> Result<JsonObject, ApiError> {
    match replayed(app, origin, digest).await {
        Ok(Some(response)) => Ok(response),
        Ok(None) | Err(_) => Err(error),
    }
}

/// The answers that the first `count` items of the same batch got before, by index. All none without a key.
///
/// # Errors
/// 409 where a key of one of them was used with another request.
pub async fn replayed_parts(
    app: &Api,
    origin: &Origin,
    digest: &str,
    count: usize,
) -> Result<Vec<Option<JsonObject>>, ApiError> {
    if origin.idempotency_key.is_none() {
        return Ok(vec![None; count]);
    }
    let look_ups = (0..count).map(|index| {
        let part = origin.part(index);
        async move { replayed(app, &part, digest).await }
    });
    stream::iter(look_ups).buffered(KEYS_AT_ONCE).try_collect().await
}

/// Looks the names of one request's webhooks up, each host once: the items of a batch mostly share one.
#[derive(Debug, Default)]
pub struct WebhookHosts(Mutex<HashMap<String, Arc<CheckOnce>>>);

/// The check of one host: the first caller makes it, the others wait for its result. That there was no permit for it is a result
/// too: each item would wait for one as long again.
type CheckOnce = OnceCell<Result<Result<(), UrlRefused>, ApiError>>;

impl WebhookHosts {
    /// Checks that deliveries may reach the webhook, if there is one.
    ///
    /// # Errors
    /// 422 where its host leads to an address that deliveries may not reach; 429 where the caller's other look-ups take all
    /// that it may have.
    pub async fn check(&self, app: &Api, caller: &Caller, spec: &TaskSpec) -> Result<(), ApiError> {
        let Some(endpoint) = &spec.endpoint else { return Ok(()) };
        let host = endpoint.url.as_url().host_str().unwrap_or_default().to_owned();
        let cell = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host).or_default());
        let look_up = || async { app.fair.look_up(caller, app.sender.check(&endpoint.url)).await };
        let checked = cell.get_or_init(look_up).await.clone()?;
        checked.map_err(|error| ApiError::invalid(vec![FieldError::body("webhook_url", error.to_string())]))
    }
}
