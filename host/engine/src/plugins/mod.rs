//! The step components of a process, as the API and the workers see them: a set that is replaced as a whole at run time.
//!
//! [`slots`] determines the source and the grant of each component, [`start`] which components a server starts with, [`choose`] which later
//! changes are accepted; all without I/O. `wire::plugins` loads and watches.

mod choose;
mod slots;
mod start;

pub use choose::{Change, choose};
pub use slots::{Slot, slots};
pub use start::{Admitted, Found, Unusable, admit};

use morag_core::Timestamp;
use morag_core::plugin::{Capability, Descriptor, Grant};
use morag_core::ports::StepRunner;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Reload requests that may be queued. One reload answers all requests before it, so more come only from a client that loops.
const QUEUED_MAX: usize = 16;

/// A loaded component.
#[derive(Debug, Clone)]
pub struct LoadedPlugin {
    /// Its slot: the name of its table, or of its file without `.wasm`. A refusal is recorded for a slot.
    pub slot: String,
    /// Its description of itself.
    pub descriptor: Arc<Descriptor>,
    /// Its source, without credentials.
    pub source: String,
    /// SHA-256, lower-case hexadecimal.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// Id of the key that signed it, where a signature is required.
    pub signed_by: Option<String>,
    /// The operator's grant.
    pub grant: Arc<Grant>,
    /// Capabilities that it imports.
    pub used: BTreeSet<Capability>,
    /// Time from which new tasks use it.
    pub since: Timestamp,
}

/// A component that was not accepted. The loaded one of the same name stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPlugin {
    /// Name of its table or file.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Why, in one line.
    pub reason: String,
    /// Time of the refusal.
    pub at: Timestamp,
}

/// The loaded components, and the refused ones. A task that began on a set ends on it, unless it is interrupted: then it continues on the
/// set that is current at that time.
#[derive(Clone)]
pub struct PluginSet {
    /// Runs their steps.
    pub steps: Arc<dyn StepRunner>,
    /// The loaded ones, by name.
    pub plugins: Vec<LoadedPlugin>,
    /// The refused ones, by name.
    pub refused: Vec<RefusedPlugin>,
    /// Pipelines that cannot run on this set, by name: their tasks fail at the missing step.
    pub unusable: Vec<UnusablePipeline>,
}

/// A pipeline that cannot run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusablePipeline {
    /// Its name.
    pub name: String,
    /// Why, in one line.
    pub reason: String,
}

/// Result of a reload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Names of new and replaced components.
    pub loaded: Vec<String>,
    /// Names of removed components.
    pub removed: Vec<String>,
    /// Components that are refused now.
    pub refused: Vec<RefusedPlugin>,
}

/// The reload did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReload {
    /// The process runs no steps.
    #[error("this process runs no steps")]
    NoWorker,
    /// Too many requests are waiting.
    #[error("reloads are under way already")]
    Busy,
    /// The process stops.
    #[error("the server is stopping")]
    Stopping,
}

/// A request to reload, with the channel for its result.
pub type ReloadRequest = oneshot::Sender<Reloaded>;

/// The components of this process; none without the role `worker`.
#[derive(Clone)]
pub struct Plugins(Option<Here>);

#[derive(Clone)]
struct Here {
    sets: watch::Receiver<Arc<PluginSet>>,
    requests: mpsc::Sender<ReloadRequest>,
}

/// The end of the loader of components: it publishes sets and receives requests to reload.
pub struct Publisher {
    /// Publishes each new set.
    pub sets: watch::Sender<Arc<PluginSet>>,
    /// Receives the requests to reload.
    pub requests: mpsc::Receiver<ReloadRequest>,
}

impl Plugins {
    /// For a process that runs no steps.
    pub fn nowhere() -> Self {
        Self(None)
    }

    /// For a worker, with its first set.
    pub fn here(set: PluginSet) -> (Self, Publisher) {
        let (publish, sets) = watch::channel(Arc::new(set));
        let (sender, requests) = mpsc::channel(QUEUED_MAX);
        (Self(Some(Here { sets, requests: sender })), Publisher { sets: publish, requests })
    }

    /// The set for a task that begins now; none where this process runs no steps.
    pub fn set(&self) -> Option<Arc<PluginSet>> {
        self.0.as_ref().map(|here| here.sets.borrow().clone())
    }

    /// Checks at once for changed components, and waits until each change is accepted or refused, compilation included.
    pub async fn reload(&self) -> Result<Reloaded, NoReload> {
        let here = self.0.as_ref().ok_or(NoReload::NoWorker)?;
        let (request, answer) = oneshot::channel();
        here.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NoReload::Busy,
            mpsc::error::TrySendError::Closed(_) => NoReload::Stopping,
        })?;
        answer.await.map_err(|_| NoReload::Stopping)
    }
}
