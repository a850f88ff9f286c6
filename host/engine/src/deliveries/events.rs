//! The events that a cursor is to deliver: the only way to them.

use crate::App;
use morag_core::ports::{Lease, PendingDelivery, Queue, StoreError};
use morag_core::task::TaskId;
use morag_core::webhook::{CursorName, Page};

/// Events read at once: what they take of memory, some KiB each, is taken for every slot.
const READ_MAX: usize = 16;

/// The next events of a claimed cursor; `None` where the task or the cursor is gone.
pub(super) async fn next(app: &App, lease: &Lease) -> Result<Option<PendingDelivery>, StoreError> {
    app.deliveries.pending(lease, READ_MAX).await
}

/// The next event of a cursor, without a lease: by the time of the answer it may have moved on.
pub(super) async fn peek(app: &App, task: TaskId, name: &CursorName) -> Result<Option<PendingDelivery>, StoreError> {
    let unheld = Lease { queue: Queue::Deliveries, key: name.key(task), fence: 0 };
    app.deliveries.pending(&unheld, 1).await
}

/// What the state machine is told of them.
pub(super) fn page(pending: &PendingDelivery) -> Page {
    Page { cursor: pending.cursor.clone(), events: pending.events.len(), is_end: pending.is_end }
}
