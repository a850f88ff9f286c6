//! What is said rarely: a thing that goes on for hours is not said every few seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two lines of the log about the same thing. Traces are tried again every few seconds, and the server does its work without
/// them.
const QUIET: Duration = Duration::from_secs(600);

/// When a thing was said last.
#[derive(Debug, Default)]
pub(super) struct Rarely(Mutex<Option<Instant>>);

impl Rarely {
    /// Whether it is to be said now: not within [`QUIET`] of the last time.
    pub(super) fn is_time(&self) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = said.is_none_or(|at| at.elapsed() >= QUIET);
        if is_time {
            *said = Some(Instant::now());
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_is_said_and_the_next_is_not() {
        let rarely = Rarely::default();
        assert!(rarely.is_time() && !rarely.is_time() && !rarely.is_time());
    }
}
