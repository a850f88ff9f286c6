//! Events of the feed that cannot be read.

use morag_core::task::TaskId;

/// Logs that the feed goes on without an event: its readers get a gap, and the readers of its task an error.
pub(super) fn log(task: Option<TaskId>, sequence: u64, error: &str) {
    let task = task.map_or_else(|| "unknown".to_owned(), |task| task.to_string());
    tracing::error!(%task, sequence, error, "a stored event or its task's record cannot be read: event streams go on without it");
}
