//! Commits of tasks' events to the store.

use morag_core::ports::{CommitError, StoreError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Upper bounds, seconds: the embedded store takes a flush of the disk, Redis an exchange and the flush of its own.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Outcomes of a commit. Each is exported from the start, because a rate needs its zero.
const OUTCOMES: [&str; 6] = ["committed", "stale", "refused", "unavailable", "full", "corrupt"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// Counts commits.
#[derive(Debug)]
pub struct StoreCommits {
    ended: Family<ByOutcome, Counter>,
    seconds: Histogram,
}

impl Default for StoreCommits {
    fn default() -> Self {
        let ended = Family::<ByOutcome, Counter>::default();
        for outcome in OUTCOMES {
            ended.get_or_create(&ByOutcome { outcome }).inc_by(0);
        }
        Self { ended, seconds: Histogram::new(SECONDS) }
    }
}

impl StoreCommits {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Commits of events and progress of running and cancelled tasks, by outcome";
        registry.register("store_commits", help, self.ended.clone());
        let help = "Duration of such a commit, whatever its outcome";
        registry.register_with_unit("store_commit", help, Unit::Seconds, self.seconds.clone());
    }

    /// A commit has ended.
    pub fn ended(&self, result: &Result<(), CommitError>, took: Duration) {
        self.ended.get_or_create(&ByOutcome { outcome: word(result) }).inc();
        self.seconds.observe(took.as_secs_f64());
    }
}

/// The outcome of a commit as a label.
fn word(result: &Result<(), CommitError>) -> &'static str {
    match result {
        Ok(()) => "committed",
        // A later run has the task, or it was cancelled: as it should be.
        Err(CommitError::Stale) => "stale",
        Err(CommitError::Unknown | CommitError::DuplicateDocument(_) | CommitError::FilesGone) => "refused",
        Err(CommitError::Store(StoreError::Unavailable(_))) => "unavailable",
        Err(CommitError::Store(StoreError::Full(_))) => "full",
        Err(CommitError::Store(StoreError::Corrupt(_))) => "corrupt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_counted_by_outcome() {
        let (commits, mut registry) = (StoreCommits::default(), Registry::with_prefix("morag"));
        commits.register(&mut registry);
        let store = |error| Err(CommitError::Store(error));
        for result in [Ok(()), Ok(()), Err(CommitError::Stale), store(StoreError::Full("full".into()))] {
            commits.ended(&result, Duration::from_millis(2));
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "morag_store_commits_total{outcome=\"committed\"} 2",
            "morag_store_commits_total{outcome=\"stale\"} 1",
            "morag_store_commits_total{outcome=\"full\"} 1",
            "morag_store_commits_total{outcome=\"unavailable\"} 0",
            "morag_store_commit_seconds_bucket{le=\"0.0025\"} 4",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is missing in {text}");
        }
    }
}
