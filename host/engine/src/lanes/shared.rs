//! The lanes of a process, shared by its deliveries.

use super::state::{LanesMax, State};
use crate::config::Config;
use morag_core::SteadyTime;
use morag_core::ports::LaneLimits;
use morag_core::webhook::Breaker;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The lanes that deliveries go by, in this process. Clones share them.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max: LanesMax,
    state: Mutex<State>,
    freed: Notify,
}

/// How many lanes' breakers are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BreakerCounts {
    /// All deliveries are allowed.
    pub closed: usize,
    /// No delivery is allowed.
    pub open: usize,
    /// One delivery at a time is allowed.
    pub half_open: usize,
}

impl Lanes {
    /// With all slots free.
    pub fn new(max: LanesMax) -> Self {
        Self(Arc::new(Shared { max, state: Mutex::default(), freed: Notify::new() }))
    }

    /// As configured.
    pub fn of(config: &Config) -> Self {
        Self::new(LanesMax {
            total: config.webhook_concurrency,
            lane: config.webhook_endpoint_concurrency,
            host: config.webhook_host_concurrency,
            has_tenants: config.has_tenants(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // No code panics under the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn max(&self) -> LanesMax {
        self.0.max
    }

    /// Slots that are free in all.
    pub(crate) fn free(&self) -> usize {
        self.0.max.total.saturating_sub(self.state().under_way())
    }

    /// Woken when a slot was given back.
    pub(crate) fn freed(&self) -> &Notify {
        &self.0.freed
    }

    /// What a claim may take of each lane now, and when the next closed one opens.
    pub(crate) fn limits(&self, now: SteadyTime) -> (LaneLimits, Option<SteadyTime>) {
        self.state().limits(self.0.max, now)
    }

    /// Forgets a lane's failures, because its endpoint was disabled: when it is enabled again, it will have been repaired.
    pub(crate) fn forgive(&self, name: &str) {
        if let Some(entry) = self.state().lanes.get_mut(name) {
            entry.forgive();
        }
    }

    /// Notes that deliveries of a lane were given up for their age. Gives how many there were since that was logged last, if it is
    /// to be logged again.
    pub(crate) fn note_given_up(&self, name: &str, count: u64, now: SteadyTime) -> Option<u64> {
        self.state().lanes.get_mut(name)?.given_up.note(count, now)
    }

    /// Lets claims take cursors of these lanes again.
    pub(super) fn reopen(&self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        self.state().reopen(names);
        self.0.freed.notify_waiters();
    }

    /// Breakers by state.
    pub fn breakers(&self, now: SteadyTime) -> BreakerCounts {
        let mut counts = BreakerCounts::default();
        for entry in self.state().lanes.values() {
            match entry.lane.breaker(now) {
                Breaker::Closed => counts.closed += 1,
                Breaker::Open => counts.open += 1,
                Breaker::HalfOpen => counts.half_open += 1,
            }
        }
        counts
    }

    /// State of one lane's breaker; none where nothing is known of the lane.
    pub fn breaker(&self, name: &str, now: SteadyTime) -> Option<Breaker> {
        self.state().lanes.get(name).map(|entry| entry.lane.breaker(now))
    }
}
