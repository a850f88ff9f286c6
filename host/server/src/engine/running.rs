//! Tasks that run in this process, so that a cancelled one stops at once and not at its lease's next renewal.

use morag_core::task::TaskId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Tokens of the running tasks. At most as many as the worker's concurrency.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<TaskId, (u64, CancellationToken)>>>);

/// A task's presence among the running ones; leaving is dropping it.
#[derive(Debug)]
pub struct Presence {
    running: Running,
    task: TaskId,
    /// Fence of the run's lease: tells it from a later run of the same task.
    fence: u64,
    /// Cancelled when the task is to stop.
    pub stop: CancellationToken,
}

impl Running {
    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, (u64, CancellationToken)>> {
        // No code panics under the lock, and a map of tokens cannot be half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a task runs under a lease. An earlier run of it that is still here has lost its own: it is stopped.
    pub fn enter(&self, task: TaskId, fence: u64) -> Presence {
        let stop = CancellationToken::new();
        if let Some((_, earlier)) = self.tokens().insert(task, (fence, stop.clone())) {
            earlier.cancel();
        }
        Presence { running: self.clone(), task, fence, stop }
    }

    /// Stops a task if it runs here.
    pub fn stop(&self, task: TaskId) {
        if let Some((_, token)) = self.tokens().get(&task) {
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
        let mut tokens = self.running.tokens();
        if tokens.get(&self.task).is_some_and(|(fence, _)| *fence == self.fence) {
            tokens.remove(&self.task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_run_stops_the_earlier_and_outlives_its_leaving() {
        let (running, task) = (Running::default(), TaskId::random());
        let first = running.enter(task, 1);
        let second = running.enter(task, 2);
        assert!(first.stop.is_cancelled() && !second.stop.is_cancelled());
        drop(first);
        running.stop(task);
        assert!(second.stop.is_cancelled());
        drop(second);
        assert_eq!(running.count(), 0);
    }
}
