//! The caller of a request, which its API key tells.

use morag_core::caller::{Quotas, Scope};
use morag_core::ports::{Flow, TaskLimits};
use morag_core::task::TenantId;
use morag_engine::config::ConfiguredCaller;
use std::sync::{Arc, Mutex, PoisonError};

/// The caller of one request: identifies it for idempotency keys and for its share of the workers, and has its scopes, tenant
/// and quotas.
#[derive(Debug, Clone)]
pub struct Caller {
    configured: Arc<ConfiguredCaller>,
    /// The objects that the request created, for the audit log.
    made: Arc<Mutex<Made>>,
}

/// The objects that a request created.
#[derive(Debug, Default)]
pub struct Made {
    /// Ids.
    pub objects: Vec<String>,
    /// Whether the answer is a success although every item was rejected.
    pub all_rejected: bool,
}

impl Caller {
    /// A caller of the configuration, for one request.
    pub fn new(configured: Arc<ConfiguredCaller>) -> Self {
        Self { configured, made: Arc::default() }
    }

    /// A stable identifier, derived from the key's digest. Does not reveal the key.
    pub fn as_text(&self) -> String {
        hex::encode(&self.configured.digest[..16])
    }

    /// Its name, for the audit log.
    pub fn name(&self) -> &str {
        &self.configured.name
    }

    /// The tenant whose tasks, documents and endpoints it sees.
    pub fn tenant(&self) -> &TenantId {
        &self.configured.tenant
    }

    /// Whether it has a scope.
    pub fn has(&self, scope: Scope) -> bool {
        self.configured.scopes.allow(scope)
    }

    /// Its quotas.
    pub fn quotas(&self) -> &Quotas {
        &self.configured.quotas
    }

    /// Whether it may use a collection of its tenant.
    pub fn may_use(&self, collection: &str) -> bool {
        self.configured.collections.as_ref().is_none_or(|allowed| allowed.contains(collection))
    }

    /// The flow that the caller's tasks belong to.
    pub fn flow(&self) -> Flow {
        Flow { id: self.as_text(), weight: self.configured.weight }
    }

    /// The limits of the flow's tasks.
    pub fn limits(&self) -> TaskLimits {
        let Quotas { waiting_tasks, tasks_per_day, .. } = *self.quotas();
        TaskLimits { waiting_max: waiting_tasks, per_day_max: tasks_per_day }
    }

    /// Notes an object that the request created, by its id.
    pub fn has_made(&self, object: impl ToString) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).objects.push(object.to_string());
    }

    /// Notes that every item was rejected, although the answer is a success.
    pub fn all_rejected(&self) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).all_rejected = true;
    }

    /// Takes what was noted.
    pub fn take_made(&self) -> Made {
        std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
