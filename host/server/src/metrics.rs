//! What is counted while the server runs.

use morag_core::webhook::AttemptOutcome;
use std::time::Duration;

/// The counters of this process.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// An attempt of a delivery was made; `age` is the time from the event to the attempt's start.
    pub fn attempt(&self, _outcome: &AttemptOutcome, _age: Duration) {}
}
