//! What is told of now and then, with its number: hundreds of deliveries a second may meet with the same.

use morag_core::SteadyTime;
use std::time::Duration;

/// Between two lines of the log about the same.
const TOLD_APART: Duration = Duration::from_secs(60);

/// What happens to many deliveries of a lane.
#[derive(Debug, Default)]
pub(super) struct Repeated {
    count: u64,
    told: Option<SteadyTime>,
}

impl Repeated {
    /// Counts, and says how many there were since it was told of last, if it is to be told of again.
    pub(super) fn note(&mut self, count: u64, now: SteadyTime) -> Option<u64> {
        self.count += count;
        if self.told.is_some_and(|told| now.since(told) < TOLD_APART) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_of_once_a_minute_with_its_number() {
        let (mut repeated, now) = (Repeated::default(), SteadyTime::from_millis(1_000_000));
        assert_eq!(repeated.note(1, now), Some(1));
        for _ in 0..1000 {
            assert_eq!(repeated.note(40, now.plus(TOLD_APART / 2)), None);
        }
        assert_eq!(repeated.note(2, now.plus(TOLD_APART)), Some(40_002));
    }
}
