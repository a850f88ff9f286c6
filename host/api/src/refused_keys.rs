//! How refused keys are logged: the first of a minute with a line each, the others with their count.

use morag_core::SteadyTime;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Refused keys with lines of their own in a [`WINDOW`]: enough to see their sources, too few to fill a disk.
const LINES_MAX: u32 = 10;

/// Time after which refused keys have lines of their own again.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Counts the refused keys of this process.
#[derive(Debug, Default)]
pub struct RefusedKeys(Mutex<Refusals>);

#[derive(Debug, Default)]
struct Refusals {
    /// Start of the window; none before the first refused key.
    since: Option<SteadyTime>,
    lines: u32,
    left_out: u64,
}

/// How a refused key is logged.
#[derive(Debug, PartialEq, Eq)]
pub enum Noted {
    /// With a line of its own.
    Line,
    /// As the first that is only counted in its window: the caller logs the count when the window ends.
    First,
    /// Only counted.
    Counted,
}

impl Refusals {
    fn note(&mut self, now: SteadyTime) -> Noted {
        if self.since.is_none_or(|since| now.since(since) >= WINDOW) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines < LINES_MAX {
            self.lines += 1;
            return Noted::Line;
        }
        self.left_out += 1;
        if self.left_out == 1 { Noted::First } else { Noted::Counted }
    }
}

impl RefusedKeys {
    /// Counts one more.
    pub fn note(&self, now: SteadyTime) -> Noted {
        self.refusals().note(now)
    }

    /// How many had no line since this was last asked.
    pub fn take_left_out(&self) -> u64 {
        std::mem::take(&mut self.refusals().left_out)
    }

    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        // Nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refused_keys_is_ten_lines_and_a_count() {
        let (mut refusals, begin) = (Refusals::default(), SteadyTime::from_millis(7));
        let noted: Vec<_> = (0..1000).map(|_| refusals.note(begin)).collect();
        assert_eq!(noted.iter().filter(|noted| **noted == Noted::Line).count(), LINES_MAX as usize);
        assert_eq!(noted.iter().filter(|noted| **noted == Noted::First).count(), 1, "one task writes the count");
        assert_eq!(refusals.left_out, 1000 - u64::from(LINES_MAX));
        assert_eq!(refusals.note(begin.plus(WINDOW)), Noted::Line);
    }
}
