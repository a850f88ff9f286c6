//! The step components of a process, as the API and the workers see them: a set that is replaced as a whole while it runs.
//!
//! [`slots`] says where each component comes from and what it may do, [`start`] what a start makes of what it finds, [`choose`] which
//! of what changed later is taken; all without I/O. What loads and watches is `wire::plugins`.

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

/// Orders to reload that may wait. A reload answers all that came before it, so more are only somebody's loop.
const ORDERS_MAX: usize = 16;

/// A loaded component.
#[derive(Debug, Clone)]
pub struct LoadedPlugin {
    /// Its place: the name of its table, or of its file without `.wasm`. What is refused is refused for a place.
    pub slot: String,
    /// What it says it is.
    pub descriptor: Arc<Descriptor>,
    /// Where it comes from; no credentials are in it.
    pub source: String,
    /// SHA-256, lower-case hexadecimal.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// Id of the key that signed it, where one was asked for.
    pub signed_by: Option<String>,
    /// What the operator allows it.
    pub grant: Arc<Grant>,
    /// Capabilities that it imports.
    pub used: BTreeSet<Capability>,
    /// Since when new tasks run on it.
    pub since: Timestamp,
}

/// A component that was not taken. What was loaded of the same name stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPlugin {
    /// Its name, by its table or its file.
    pub name: String,
    /// Where it is.
    pub source: String,
    /// Why, in one line.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What tasks run on, and what is not taken. A task that was begun on a set ends on it, unless it is interrupted: whoever goes on
/// with it does so on a set of its own time.
#[derive(Clone)]
pub struct PluginSet {
    /// Runs them.
    pub steps: Arc<dyn StepRunner>,
    /// Those that are loaded, by name.
    pub plugins: Vec<LoadedPlugin>,
    /// Those that are refused, by name.
    pub refused: Vec<RefusedPlugin>,
    /// Pipelines that cannot run on this set, by name: tasks of theirs fail at the step that is missing.
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

/// What a reload came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Names of components that are new or were replaced.
    pub loaded: Vec<String>,
    /// Names of components that are gone.
    pub removed: Vec<String>,
    /// Those that are refused now.
    pub refused: Vec<RefusedPlugin>,
}

/// No reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReload {
    /// The process runs no steps.
    #[error("this process runs no steps")]
    NoWorker,
    /// Others have asked, and are waiting.
    #[error("reloads are under way already")]
    Busy,
    /// The process stops.
    #[error("the server is stopping")]
    Stopping,
}

/// Asks for a reload; the answer goes to whoever asked.
pub type Order = oneshot::Sender<Reloaded>;

/// The components of this process; none in one that is no worker.
#[derive(Clone)]
pub struct Plugins(Option<Here>);

#[derive(Clone)]
struct Here {
    sets: watch::Receiver<Arc<PluginSet>>,
    orders: mpsc::Sender<Order>,
}

/// The other end, held by what loads components.
pub struct Publisher {
    /// Takes each new set.
    pub sets: watch::Sender<Arc<PluginSet>>,
    /// Gives the orders.
    pub orders: mpsc::Receiver<Order>,
}

impl Plugins {
    /// Of a process that runs no steps.
    pub fn nowhere() -> Self {
        Self(None)
    }

    /// Of a worker, beginning with this set.
    pub fn here(set: PluginSet) -> (Self, Publisher) {
        let (publish, sets) = watch::channel(Arc::new(set));
        let (order, orders) = mpsc::channel(ORDERS_MAX);
        (Self(Some(Here { sets, orders: order })), Publisher { sets: publish, orders })
    }

    /// The set that a task that begins now runs on; none where this process runs no steps.
    pub fn set(&self) -> Option<Arc<PluginSet>> {
        self.0.as_ref().map(|here| here.sets.borrow().clone())
    }

    /// Looks at once whether a component changed, and waits until what changed is taken or refused: as long as compiling takes.
    pub async fn reload(&self) -> Result<Reloaded, NoReload> {
        let here = self.0.as_ref().ok_or(NoReload::NoWorker)?;
        let (order, answer) = oneshot::channel();
        here.orders.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => NoReload::Busy,
            mpsc::error::TrySendError::Closed(_) => NoReload::Stopping,
        })?;
        answer.await.map_err(|_| NoReload::Stopping)
    }
}
