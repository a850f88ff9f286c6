//! Which endpoint a cursor delivers to, as it is configured now: the only way to it.

use crate::App;
use crate::endpoints::seal::SealError;
use crate::endpoints::{Opened, task_credentials};
use morag_core::Secret;
use morag_core::ports::{KeptCredentials, PendingDelivery, StoreError};
use morag_core::webhook::{
    Credentials, Endpoint, EndpointId, OrderScope, Receiver, RetryPolicy, TargetFacts, secret_of_tenant,
};
use std::sync::Arc;

/// An endpoint, and how it is sent to.
pub(super) struct Target {
    /// Where events go, which, and in which shape.
    pub(super) endpoint: Endpoint,
    /// What to sign with, newest first.
    pub(super) secrets: Vec<Secret>,
    /// How often and how soon an attempt is repeated.
    pub(super) retry: RetryPolicy,
    /// Attempts a second, at most.
    pub(super) rate_limit: Option<u32>,
    /// Deliveries of the document's tasks before this one.
    pub(super) base: u64,
    /// Whether its deliveries carry `traceparent`.
    pub(super) is_traced: bool,
    /// The named endpoint, if it is one.
    pub(super) named: Option<Arc<Opened>>,
    /// Why the credentials cannot be read: nothing is sent until they can.
    pub(super) unreadable: Option<SealError>,
}

impl Target {
    /// Host and port.
    pub(super) fn authority(&self) -> String {
        self.endpoint.url.authority()
    }

    /// A named endpoint.
    pub(super) fn of_named(app: &App, opened: &Arc<Opened>) -> Self {
        let nothing = Credentials::default();
        let (credentials, unreadable) = match &opened.credentials {
            Ok(credentials) => (credentials, None),
            Err(error) => (&nothing, Some(*error)),
        };
        let settings = &opened.endpoint.settings;
        let own = settings.retry.and_then(|retry| retry.policy().ok());
        Self {
            endpoint: opened.endpoint.endpoint(credentials),
            secrets: credentials.signing(app.clock.now()),
            retry: own.unwrap_or_else(|| policy(app)),
            rate_limit: settings.rate_limit,
            base: 0,
            is_traced: settings.trace,
            named: Some(Arc::clone(opened)),
            unreadable,
        }
    }

    /// The task's own endpoint. Records of earlier versions have its credentials in them; since then they are stored beside, until its
    /// last delivery.
    ///
    /// Credentials that another key sealed than that of the store's proof are lost with their key: nothing recovers them, and the
    /// webhooks go without them, still signed. Otherwise they wait until this process has the right key.
    async fn of_task(app: &App, endpoint: &Endpoint, pending: &PendingDelivery) -> Result<Self, StoreError> {
        let task = pending.record.id;
        let (mut endpoint, mut unreadable) = (endpoint.clone(), None);
        match &pending.credentials {
            KeptCredentials::None | KeptCredentials::Gone => {}
            // They are not sent elsewhere.
            KeptCredentials::Kept(_) if pending.cursor.url.is_some() => {}
            KeptCredentials::Kept(text) => {
                match task_credentials::put_back(app.endpoints.sealer(), task, text, &endpoint) {
                    Ok(complete) => endpoint = complete,
                    Err(_) if app.endpoints.has_the_stores_key().await? => {
                        tracing::warn!(
                            "the task's webhook_auth_token is lost with its key: its webhooks are sent without it"
                        );
                    }
                    Err(error) => unreadable = Some(error),
                }
            }
        }
        let of_tenant = |secret| secret_of_tenant(secret, &pending.record.tenant);
        Ok(Self {
            endpoint,
            secrets: app.config.webhook_secrets.iter().map(of_tenant).collect(),
            retry: policy(app),
            rate_limit: None,
            base: 0,
            is_traced: true,
            named: None,
            unreadable,
        })
    }

    /// With another URL: the endpoint signs, but its token and headers are for its own URL alone.
    fn elsewhere(mut self, url: &morag_core::webhook::WebhookUrl) -> Self {
        self.endpoint = Endpoint { url: url.clone(), auth_token: None, ..self.endpoint };
        self.endpoint.headers.clear();
        self
    }
}

/// The configured retry policy, for endpoints that have none of their own.
pub(super) fn policy(app: &App) -> RetryPolicy {
    RetryPolicy::new(app.config.webhook_max_retries, app.config.webhook_retry_delay).unwrap_or_default()
}

/// The endpoint of a cursor; none where it is a named one that this process does not know.
pub(super) async fn find(app: &App, pending: &PendingDelivery) -> Result<Option<Target>, StoreError> {
    let id = pending.cursor.name.endpoint();
    let target = match pending.record.endpoints.iter().find(|endpoint| endpoint.id == *id) {
        Some(endpoint) => Some(Target::of_task(app, endpoint, pending).await?),
        None => named(app, id).await?.map(|opened| Target::of_named(app, &opened)),
    };
    Ok(match &pending.cursor.url {
        Some(url) => target.map(|target| target.elsewhere(url)),
        None => target,
    })
}

/// A named endpoint. That it is unknown or disabled is so now, and not only a second ago.
async fn named(app: &App, id: &EndpointId) -> Result<Option<Arc<Opened>>, StoreError> {
    let mut known = app.endpoints.recent().await?;
    if known.get(id).is_none_or(|opened| opened.endpoint.disabled.is_some()) {
        known = app.endpoints.fresh().await?;
    }
    Ok(known.get(id).cloned())
}

/// What the state machine is told of a target.
pub(super) fn facts(target: Option<&Target>) -> TargetFacts {
    let Some(target) = target else {
        return TargetFacts { receiver: Receiver::Unknown, is_ordered: false, is_readable: false };
    };
    let named = target.named.as_ref().map(|opened| &opened.endpoint);
    TargetFacts {
        receiver: match named.is_some_and(|endpoint| endpoint.disabled.is_some()) {
            true => Receiver::Disabled,
            false => Receiver::Enabled,
        },
        is_ordered: named.is_some_and(|endpoint| endpoint.settings.order == OrderScope::Document),
        is_readable: target.unreadable.is_none(),
    }
}
