//! Writes to the knowledge store, which `vectors` and `graph` stage until the step succeeds.

use super::capability::CallContext;
use crate::services::Services;
use morag_core::ports::{CapabilityError, Knowledge, Revision, StagedBatch};
use std::sync::Arc;
use tokio::runtime::Handle;

/// Where a call stages its writes.
#[derive(Clone)]
pub(super) struct Staging {
    knowledge: Arc<dyn Knowledge>,
    revision: Revision,
}

impl Staging {
    pub(super) fn of(call: &CallContext<'_>) -> Self {
        Self { knowledge: call.services.knowledge.clone(), revision: call.revision.clone() }
    }

    /// Stages a batch; the result is how many items are staged.
    pub(super) async fn stage(&self, batch: StagedBatch) -> Result<u32, CapabilityError> {
        self.knowledge.stage(&self.revision, batch).await
    }
}

/// The staged writes of a call. Dropped without [`Self::succeed`], also when the call itself is dropped, they are discarded.
pub(crate) struct StagedWrites(Option<(Arc<dyn Knowledge>, Revision)>);

impl StagedWrites {
    /// Those of a call under its revision; none where the component has no capability that stages writes.
    pub(crate) fn new(is_staging: bool, services: &Services, revision: &Revision) -> Self {
        Self(is_staging.then(|| (services.knowledge.clone(), revision.clone())))
    }

    /// The step has succeeded: the revision that is to be published, if the component can stage writes.
    pub(crate) fn succeed(mut self) -> Option<Revision> {
        self.0.take().map(|(_, revision)| revision)
    }
}

impl Drop for StagedWrites {
    fn drop(&mut self) {
        let (Some((knowledge, revision)), Ok(runtime)) = (self.0.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            if let Err(error) = knowledge.discard(&revision).await {
                tracing::warn!(%error, "staged writes of a step could not be discarded: the next start removes them");
            }
        });
    }
}
