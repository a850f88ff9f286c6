//! To whom a cursor's events go, now: its endpoint as it is configured at this moment, and whether it is its turn.

use super::turns;
use crate::App;
use crate::endpoints::seal::SealError;
use crate::endpoints::{Opened, task_credentials};
use morag_core::Secret;
use morag_core::ports::{KeptCredentials, PendingDelivery, StoreError};
use morag_core::webhook::{Credentials, Endpoint, EndpointId, Order, RetryPolicy, secret_of_tenant};
use std::sync::Arc;
use std::time::Duration;

/// How long a cursor waits whose endpoint's credentials cannot be read: until somebody sets the right key.
pub(super) const UNREADABLE_PAUSE: Duration = Duration::from_secs(60);

/// To whom.
pub(super) enum Target {
    /// To this one.
    Ready(Box<Ready>),
    /// Nobody now; after so long again.
    Later(Duration),
    /// Nobody until the endpoint is enabled, or known.
    Disabled,
}

/// An endpoint that takes events now.
pub(super) struct Ready {
    /// Who is told, where and how.
    pub(super) endpoint: Endpoint,
    /// What to sign with, newest first.
    pub(super) secrets: Vec<Secret>,
    /// How often and how soon again.
    pub(super) retry: RetryPolicy,
    /// Most attempts a second.
    pub(super) rate_limit: Option<u32>,
    /// Deliveries of the same key before this task's.
    pub(super) base: u64,
    /// The named endpoint, if it is one.
    pub(super) named: Option<Arc<Opened>>,
    /// Why what the endpoint is sent with cannot be read: nothing is sent, for [`UNREADABLE_PAUSE`].
    pub(super) unreadable: Option<SealError>,
}

impl Ready {
    /// Host and port.
    pub(super) fn authority(&self) -> String {
        self.endpoint.url.authority()
    }
}

/// The server's own policy.
pub(super) fn policy(app: &App) -> RetryPolicy {
    // The configuration has been checked by the same constructor.
    RetryPolicy::new(app.config.webhook_max_retries, app.config.webhook_retry_delay).unwrap_or_default()
}

pub(super) async fn target(app: &App, pending: &PendingDelivery) -> Result<Target, StoreError> {
    let id = pending.cursor.name.endpoint();
    let target = match pending.record.endpoints.iter().find(|endpoint| endpoint.id == *id) {
        Some(endpoint) => own(app, endpoint, pending).await?,
        None => named(app, id, pending).await?,
    };
    Ok(match (target, &pending.cursor.url) {
        // Replayed elsewhere: with the endpoint's signature, but its token is for its own URL alone.
        (Target::Ready(mut ready), Some(url)) => {
            ready.endpoint = Endpoint { url: url.clone(), auth_token: None, ..ready.endpoint };
            ready.endpoint.headers.clear();
            Target::Ready(ready)
        }
        (target, _) => target,
    })
}

/// The task's own endpoint. Records of earlier versions have its credentials in them; since then they are beside, until they go.
///
/// Credentials of another key than that of the store's proof are lost with their key: nothing brings them back, and the webhooks
/// go without them, still signed. Otherwise they are this process's to wait for, until it has the right key.
async fn own(app: &App, endpoint: &Endpoint, pending: &PendingDelivery) -> Result<Target, StoreError> {
    let task = pending.record.id;
    let mut unreadable = None;
    let endpoint = match &pending.credentials {
        KeptCredentials::None | KeptCredentials::Gone => endpoint.clone(),
        // Not sent there anyway.
        KeptCredentials::Kept(_) if pending.cursor.url.is_some() => endpoint.clone(),
        KeptCredentials::Kept(kept) => match task_credentials::put_back(app.endpoints.sealer(), task, kept, endpoint) {
            Ok(endpoint) => endpoint,
            Err(_) if app.endpoints.has_the_stores_key().await? => {
                tracing::warn!(%task, "the task's webhook_auth_token is lost with its key: its webhooks go without it");
                endpoint.clone()
            }
            Err(error) => {
                unreadable = Some(error);
                endpoint.clone()
            }
        },
    };
    let of_tenant = |secret| secret_of_tenant(secret, &pending.record.tenant);
    Ok(Target::Ready(Box::new(Ready {
        endpoint,
        secrets: app.config.webhook_secrets.iter().map(of_tenant).collect(),
        retry: policy(app),
        rate_limit: None,
        base: 0,
        named: None,
        unreadable,
    })))
}

async fn named(app: &App, id: &EndpointId, pending: &PendingDelivery) -> Result<Target, StoreError> {
    let mut known = app.endpoints.recent().await?;
    if known.get(id).is_none_or(|opened| opened.endpoint.disabled.is_some()) {
        // Before anything ends or is parked it must be so, and not only have been.
        known = app.endpoints.fresh().await?;
    }
    // Removed, or not in this process's file though it is in another's: kept for as long as the task is, should it come (back).
    let Some(opened) = known.get(id) else { return Ok(Target::Disabled) };
    let endpoint = &opened.endpoint;
    // A replay elsewhere goes on: that is what one does with the events of an endpoint that is down.
    if endpoint.disabled.is_some() && pending.cursor.url.is_none() {
        return Ok(Target::Disabled);
    }
    let nothing = Credentials::default();
    let (credentials, unreadable) = match &opened.credentials {
        Ok(credentials) => (credentials, None),
        Err(error) => (&nothing, Some(*error)),
    };
    let base = match endpoint.settings.order {
        Order::Task => 0,
        Order::Document => match turns::turn(app, pending).await? {
            Ok(base) => base,
            Err(pause) if unreadable.is_some() => return Ok(Target::Later(pause.max(UNREADABLE_PAUSE))),
            Err(pause) => return Ok(Target::Later(pause)),
        },
    };
    let own = endpoint.settings.retry.and_then(|retry| retry.policy().ok());
    Ok(Target::Ready(Box::new(Ready {
        endpoint: endpoint.endpoint(credentials),
        secrets: credentials.signing(app.clock.now()),
        retry: own.unwrap_or_else(|| policy(app)),
        rate_limit: endpoint.settings.rate_limit,
        base,
        named: Some(Arc::clone(opened)),
        unreadable,
    })))
}

/// After a cursor was parked: whoever enabled the endpoint in between has not seen it.
pub(super) async fn unpark_if_enabled(app: &App, pending: &PendingDelivery) -> Result<(), StoreError> {
    let id = pending.cursor.name.endpoint();
    if app.endpoints.fresh().await?.get(id).is_some_and(|opened| opened.endpoint.disabled.is_none()) {
        app.deliveries.unpark(id).await?;
    }
    Ok(())
}
