//! Commits to the store, the only place of the engine that makes one of them: so all are counted.

use crate::{App, spans};
use morag_core::ports::{Commit, CommitError};
use tokio::time::Instant;
use tracing::Instrument as _;

/// Commits, and records the outcome and the duration. A commit whose future is dropped is not counted.
///
/// # Errors
/// Those of the store.
pub(super) async fn store_commit(app: &App, commit: Commit) -> Result<(), CommitError> {
    let started = Instant::now();
    let span = spans::commit(Some(commit.events.len()));
    let result = app.tasks.commit(commit).instrument(span.clone()).await;
    if result.is_err() {
        spans::erred(&span);
    }
    app.metrics.commits.ended(&result, started.elapsed());
    result
}
