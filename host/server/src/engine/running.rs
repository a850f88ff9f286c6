//! Tasks that run in this process, so that a cancelled one stops at once and not at its lease's next renewal.

use morag_core::task::TaskId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Tokens of the running tasks. At most as many as the worker's concurrency.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<TaskId, CancellationToken>>>);

/// A task's presence among the running ones; leaving is dropping it.
#[derive(Debug)]
pub struct Presence {
    running: Running,
    task: TaskId,
    /// Cancelled when the task is to stop.
    pub stop: CancellationToken,
}

impl Running {
    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, CancellationToken>> {
        // No code panics under the lock, and a map of tokens cannot be half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a task runs.
    pub fn enter(&self, task: TaskId) -> Presence {
        let stop = CancellationToken::new();
        self.tokens().insert(task, stop.clone());
        Presence { running: self.clone(), task, stop }
    }

    /// Stops a task if it runs here.
    pub fn stop(&self, task: TaskId) {
        if let Some(token) = self.tokens().get(&task) {
            token.cancel();
        }
    }

    /// Number of tasks that run here.
    pub fn count(&self) -> usize {
        self.tokens().len()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.running.tokens().remove(&self.task);
    }
}
