//! Log lines that hundreds of deliveries a second may cause: one a minute, with their number.

use morag_core::SteadyTime;
use std::time::Duration;

/// Between two log lines about the same.
const INTERVAL: Duration = Duration::from_secs(60);

/// Something that happens to many deliveries of a lane.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    count: u64,
    logged: Option<SteadyTime>,
}

impl Repeated {
    /// Counts, and gives how many there were since the last log line, if there is to be another.
    pub(super) fn note(&mut self, count: u64, now: SteadyTime) -> Option<u64> {
        self.count += count;
        if self.logged.is_some_and(|logged| now.since(logged) < INTERVAL) {
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_logged_once_a_minute_with_its_number() {
        let (mut repeated, now) = (Repeated::default(), SteadyTime::from_millis(1_000_000));
        assert_eq!(repeated.note(1, now), Some(1));
        for _ in 0..1000 {
            assert_eq!(repeated.note(40, now.plus(INTERVAL / 2)), None);
        }
        assert_eq!(repeated.note(2, now.plus(INTERVAL)), Some(40_002));
    }
}
