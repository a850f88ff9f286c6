//! Whether a flow's next task may join those that wait.

use crate::Timestamp;
use crate::caller::{OverQuota, Quota, next_day};
use crate::ports::{AcceptError, TaskLimits};
use crate::shares::leaves_enough;

/// How many tasks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFacts {
    /// Tasks that wait, of all flows.
    pub waiting: u64,
    /// Tasks of the flow that wait.
    pub waiting_of_flow: u64,
    /// Tasks of the flow that were accepted on this day of UTC. Not read without [`TaskLimits::per_day_max`].
    pub today_of_flow: u64,
}

/// How many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Tasks that may wait, of all flows.
    pub waiting_max: u64,
    /// Whether several callers share the queue: a flow must leave as much room as it takes.
    pub is_shared: bool,
    /// The flow's own limits.
    pub of_flow: TaskLimits,
}

/// Whether the flow's next task may wait. `now`: what the day is by.
///
/// # Errors
/// The first limit that is reached: of the queue, then of the flow's share, then of its waiting tasks, then of its day.
pub fn admit(facts: QueueFacts, limits: QueueLimits, now: Timestamp) -> Result<(), AcceptError> {
    if facts.waiting >= limits.waiting_max {
        return Err(AcceptError::QueueFull);
    }
    let count = |tasks: u64| usize::try_from(tasks).unwrap_or(usize::MAX);
    let (own, all) = (facts.waiting_of_flow, facts.waiting);
    if limits.is_shared && !leaves_enough(count(own), count(all), count(limits.waiting_max)) {
        return Err(AcceptError::QueueShare);
    }
    if let Some(limit) = limits.of_flow.waiting_max.filter(|limit| own >= *limit) {
        return Err(OverQuota { quota: Quota::WaitingTasks, limit, resets_at: None }.into());
    }
    match limits.of_flow.per_day_max.filter(|limit| facts.today_of_flow >= *limit) {
        Some(limit) => Err(OverQuota { quota: Quota::TasksPerDay, limit, resets_at: Some(next_day(now)) }.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn reached(facts: [u64; 3], waiting_max: u64, is_shared: bool, of_flow: [Option<u64>; 2]) -> &'static str {
        let facts = QueueFacts { waiting: facts[0], waiting_of_flow: facts[1], today_of_flow: facts[2] };
        let of_flow = TaskLimits { waiting_max: of_flow[0], per_day_max: of_flow[1] };
        match admit(facts, QueueLimits { waiting_max, is_shared, of_flow }, NOW) {
            Ok(()) => "none",
            Err(AcceptError::QueueFull) => "queue",
            Err(AcceptError::QueueShare) => "share",
            Err(AcceptError::OverQuota(over)) => {
                assert_eq!(over.resets_at, (over.quota == Quota::TasksPerDay).then(|| next_day(NOW)));
                match over.quota {
                    Quota::WaitingTasks => "waiting",
                    Quota::TasksPerDay => "day",
                    _ => "another quota",
                }
            }
            Err(_) => "another error",
        }
    }

    #[test]
    fn each_limit_is_the_first_number_that_is_too_many() {
        assert_eq!(reached([9, 0, 0], 10, false, [None, None]), "none");
        assert_eq!(reached([10, 0, 0], 10, false, [None, None]), "queue");
        assert_eq!(reached([5, 5, 0], 10, false, [None, None]), "none");
        assert_eq!(reached([5, 5, 0], 10, true, [None, None]), "share");
        assert_eq!(reached([4, 4, 0], 10, true, [None, None]), "none");
        assert_eq!(reached([3, 2, 0], 10, false, [Some(3), None]), "none");
        assert_eq!(reached([3, 3, 0], 10, false, [Some(3), None]), "waiting");
        assert_eq!(reached([0, 0, 6], 10, false, [None, Some(7)]), "none");
        assert_eq!(reached([0, 0, 7], 10, false, [None, Some(7)]), "day");
        assert_eq!(reached([0, 0, 7], 10, false, [None, None]), "none");
    }

    #[test]
    fn of_several_limits_the_widest_is_named() {
        assert_eq!(reached([10, 10, 7], 10, true, [Some(3), Some(7)]), "queue");
        assert_eq!(reached([5, 5, 7], 10, true, [Some(3), Some(7)]), "share");
        assert_eq!(reached([5, 5, 7], 10, false, [Some(3), Some(7)]), "waiting");
    }
}
