//! What tasks wait for that this process will run again, in words for their status.
//!
//! A step that failed in passing is run again without an event ([`is_run_again`](morag_core::pipeline::is_run_again)), so the log does not
//! say that its task waits, nor why. This is a hint for people: nothing depends on it, it is not stored, and another process does not know it.

use morag_core::Timestamp;
use morag_core::ports::TaskLog;
use morag_core::task::TaskId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tasks whose wait is known: with the texts 1 MB at most. Beyond it the status says what the log says.
const WAITS_MAX: usize = 1000;

/// Characters of a reason that are kept: it is shown in one line.
const REASON_CHARS_MAX: usize = 250;

/// The waits of this process.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<HashMap<TaskId, Wait>>>);

#[derive(Debug)]
struct Wait {
    /// The log's last event when it began: with a later one it is over.
    sequence: u64,
    due: Timestamp,
    text: String,
}

impl Waits {
    fn waits(&self) -> MutexGuard<'_, HashMap<TaskId, Wait>> {
        // No code panics under the lock, and a map of texts cannot be half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a task waits for the next attempt of a step, which is due at a time.
    pub(crate) fn note(&self, log: &TaskLog, step: &str, reason: &str, due: Timestamp, now: Timestamp) {
        let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
        let mut waits = self.waits();
        if waits.len() >= WAITS_MAX {
            waits.retain(|_, wait| wait.due > now);
        }
        if waits.len() < WAITS_MAX || waits.contains_key(&log.record.id) {
            let text = format!("Step {step} is waiting: {reason}");
            waits.insert(log.record.id, Wait { sequence: log.last_sequence(), due, text });
        }
    }

    /// What a task waits for now, and for how long.
    pub fn message(&self, log: &TaskLog, now: Timestamp) -> Option<String> {
        let waits = self.waits();
        let wait = waits.get(&log.record.id)?;
        if wait.sequence != log.last_sequence() || wait.due <= now {
            return None;
        }
        let seconds = wait.due.since(now).as_millis().div_ceil(1000);
        Some(format!("{}; next attempt in {seconds} s", wait.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::task::EventKind;
    use morag_testkit::record;
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn log() -> TaskLog {
        let mut record = record();
        record.id = TaskId::random();
        TaskLog { record: Arc::new(record), events: Vec::new(), live_percent: 0.0, claims: 1 }
    }

    #[test]
    fn a_wait_is_told_until_it_is_over() {
        let (waits, log) = (Waits::default(), log());
        waits.note(&log, "convert", "the service is overloaded", NOW.plus(Duration::from_millis(7_500)), NOW);
        let told = waits.message(&log, NOW);
        assert_eq!(told.as_deref(), Some("Step convert is waiting: the service is overloaded; next attempt in 8 s"));
        assert_eq!(waits.message(&log, NOW.plus(Duration::from_millis(7_500))), None, "it is being run again");
        let mut later = log.clone();
        later.events.push(morag_testkit::event(1, EventKind::TaskStarted { retry: None }));
        assert_eq!(waits.message(&later, NOW), None, "the log says more");
    }

    #[test]
    fn waits_and_their_texts_are_bounded() {
        let waits = Waits::default();
        let due = NOW.plus(Duration::from_secs(5));
        for _ in 0..WAITS_MAX {
            waits.note(&log(), "s", &"x".repeat(10_000), due, NOW);
        }
        let one_more = log();
        waits.note(&one_more, "s", "x", due, NOW);
        assert_eq!(waits.waits().len(), WAITS_MAX);
        assert_eq!(waits.message(&one_more, NOW), None);
        assert!(waits.waits().values().all(|wait| wait.text.len() < 2 * REASON_CHARS_MAX));
        // Those that are over make room.
        waits.note(&one_more, "s", "x", due.plus(Duration::from_secs(1)), due);
        assert_eq!(waits.waits().len(), 1);
        assert!(waits.message(&one_more, due).is_some());
    }
}
