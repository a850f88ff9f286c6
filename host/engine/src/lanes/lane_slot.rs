//! A slot of a lane: the right to make exchanges with its receiver.

use super::shared::Lanes;
use morag_core::SteadyTime;
use morag_core::webhook::{RateGate, Refused, Signal, Standing};
use std::time::Duration;

/// A slot of a lane. Dropping it gives it back.
#[derive(Debug)]
pub struct LaneSlot {
    pub(super) lanes: Lanes,
    name: String,
    /// As it was when the slot was taken.
    pub(super) standing: Standing,
}

impl Lanes {
    /// Takes a slot for a cursor that was claimed.
    pub(crate) fn enter(&self, name: &str, now: SteadyTime) -> Result<LaneSlot, Refused> {
        let standing = self.state().enter(name, self.max(), now)?;
        Ok(LaneSlot { lanes: self.clone(), name: name.to_owned(), standing })
    }
}

impl LaneSlot {
    /// Name of the lane.
    pub fn lane(&self) -> &str {
        &self.name
    }

    /// Whether the holder may still make an exchange: not where the lane was closed meanwhile, or has become narrower than those who are
    /// in it, or where `rate` attempts a second do not allow it. Counts the exchange towards the rate.
    pub(crate) fn admit(&self, rate: Option<u32>, now: SteadyTime) -> RateGate {
        self.lanes.state().entry(&self.name).lane.admit(self.lanes.max().lane, rate, now)
    }

    /// For how long the receiver has taken nothing; none where it took the last exchange, and where that is too long ago to matter.
    pub(crate) fn failing_for(&self, now: SteadyTime) -> Option<Duration> {
        self.lanes.state().lanes.get(&self.name)?.failing_for(now)
    }

    /// For how long credentials of the lane could not be read, as far as this process knows.
    pub(crate) fn unreadable_for(&self, now: SteadyTime) -> Option<Duration> {
        self.lanes.state().lanes.get(&self.name)?.unreadable_for(now)
    }

    /// Notes that credentials cannot be read. Gives for how many deliveries since it was logged last, if it is to be logged again.
    pub(crate) fn note_unreadable(&self, now: SteadyTime) -> Option<u64> {
        self.lanes.state().entry(&self.name).note_unreadable(now)
    }

    /// Notes how an exchange ended. Gives since when every one has failed.
    pub(crate) fn note(&self, signal: Signal, now: SteadyTime) -> Option<SteadyTime> {
        self.lanes.state().entry(&self.name).note(signal, now)
    }
}

impl Drop for LaneSlot {
    fn drop(&mut self) {
        self.lanes.state().leave(&self.name, self.standing);
        self.lanes.freed().notify_waiters();
    }
}
