//! Endpoints: the receivers of a task's events.

use super::{EventFilter, WebhookUrl};
use crate::Secret;
use crate::task::{Event, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Identifies an endpoint within a task, for example `task` for the task's own `webhook_url`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EndpointId(String);

impl EndpointId {
    /// The endpoint of a task's own `webhook_url`.
    pub fn of_task() -> Self {
        Self("task".into())
    }

    /// The id under which a tenant's named endpoint is stored: its name for the default tenant, otherwise `TENANT.NAME`. Names
    /// cannot contain a dot.
    pub fn of_tenant(tenant: &TenantId, name: &str) -> Self {
        Self(tenant.stored_name(TENANT_SIGN, name))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Name within the tenant.
    pub fn name(&self) -> &str {
        self.0.split_once(TENANT_SIGN).map_or(&self.0, |(_, name)| name)
    }

    /// Tenant of the endpoint.
    pub fn tenant(&self) -> TenantId {
        let tenant = self.0.split_once(TENANT_SIGN).and_then(|(tenant, _)| tenant.parse().ok());
        tenant.unwrap_or_default()
    }

    /// Whether it belongs to this tenant.
    pub fn is_of(&self, tenant: &TenantId) -> bool {
        match self.0.split_once(TENANT_SIGN) {
            Some((owner, _)) => owner == tenant.as_str(),
            None => tenant.is_default(),
        }
    }
}

/// Separator between a tenant and the name of its endpoint.
const TENANT_SIGN: char = '.';

impl From<String> for EndpointId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Shape of a body (`docs/http-api.md#webhook-bodies`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyFormat {
    /// The envelope, with the flat fields beside it in step events.
    #[default]
    Dual,
    /// The envelope alone.
    Envelope,
    /// Step events as the bare StepWebhook, task events as the envelope.
    Flat,
    /// Preset of the web client: flat, step events only, `ingestion` named `ingestor`.
    MoragUi,
}

impl std::str::FromStr for BodyFormat {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "dual" => Ok(Self::Dual),
            "envelope" => Ok(Self::Envelope),
            "flat" => Ok(Self::Flat),
            "morag-ui" => Ok(Self::MoragUi),
            _ => Err(()),
        }
    }
}

/// A receiver of deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Identifies it within the task.
    pub id: EndpointId,
    /// Target URL.
    pub url: WebhookUrl,
    /// Token sent as `Authorization: Bearer …`.
    pub auth_token: Option<Secret>,
    /// Shape of the bodies.
    #[serde(default)]
    pub format: BodyFormat,
    /// Which events are sent.
    #[serde(default)]
    pub events: EventFilter,
    /// Additional headers; reserved names are ignored.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
}

impl Endpoint {
    /// Whether the endpoint receives this event.
    pub fn takes(&self, event: &Event) -> bool {
        self.events.matches(event.kind.event_type())
            && (self.format != BodyFormat::MoragUi || event.kind.is_step_event())
    }
}

#[cfg(test)]
impl Endpoint {
    /// An endpoint for tests.
    pub(crate) fn sample() -> Self {
        let url = "https://example.com/hook".parse().unwrap();
        Self {
            id: EndpointId::of_task(),
            url,
            auth_token: None,
            format: BodyFormat::Dual,
            events: EventFilter::default(),
            headers: BTreeMap::new(),
        }
    }
}
