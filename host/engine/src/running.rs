//! Tasks that run in this process, so that a cancelled one stops at once and not at its lease's next renewal.

use morag_core::task::TaskId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Tokens of the running tasks. At most as many as the worker's concurrency.
#[derive(Debug, Clone, Default)]
pub struct Running(Arc<Mutex<HashMap<TaskId, (u64, Stops)>>>);

/// The two causes for which this process stops a run. They are told apart because what the run has staged is nobody's after
/// the one and in use after the other.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// Cancelled when the task is: nobody runs it any more.
    pub task_cancelled: CancellationToken,
    /// Cancelled when a later run of the task begins here: it works in the same folders.
    pub superseded: CancellationToken,
}

/// A task's presence among the running ones; leaving is dropping it.
#[derive(Debug)]
pub struct Presence {
    running: Running,
    task: TaskId,
    /// Fence of the run's lease: tells it from a later run of the same task.
    fence: u64,
    /// What tells the run to stop.
    pub stops: Stops,
}

impl Running {
    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, (u64, Stops)>> {
        // No code panics under the lock, and a map of tokens cannot be half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a task runs under a lease. An earlier run of it that is still here has lost its own: it is stopped.
    pub fn enter(&self, task: TaskId, fence: u64) -> Presence {
        let stops = Stops::default();
        if let Some((_, earlier)) = self.tokens().insert(task, (fence, stops.clone())) {
            earlier.superseded.cancel();
        }
        Presence { running: self.clone(), task, fence, stops }
    }

    /// Stops a cancelled task if it runs here. For tasks whose cancellation is committed: its staged files are deleted.
    pub fn stop(&self, task: TaskId) {
        if let Some((_, stops)) = self.tokens().get(&task) {
            stops.task_cancelled.cancel();
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
        assert!(first.stops.superseded.is_cancelled() && !second.stops.superseded.is_cancelled());
        drop(first);
        running.stop(task);
        assert!(second.stops.task_cancelled.is_cancelled());
        drop(second);
        assert_eq!(running.count(), 0);
    }

    #[test]
    fn a_later_run_is_no_cancellation_and_a_cancellation_no_later_run() {
        let (running, task) = (Running::default(), TaskId::random());
        let (first, second) = (running.enter(task, 1), running.enter(task, 2));
        running.stop(task);
        assert!(!first.stops.task_cancelled.is_cancelled() && !second.stops.superseded.is_cancelled());
    }
}
