//! A slot with a receiver's host.

use super::hosts::Group;
use super::shared::Lanes;
use morag_core::SteadyTime;
use std::time::Duration;

/// A slot with a host. Dropping it gives it back.
#[derive(Debug)]
pub struct HostSlot {
    lanes: Lanes,
    /// The host, and the site where it is counted too.
    held: Vec<Group>,
}

impl Lanes {
    /// Takes a slot with a host for an exchange of a lane. Where the host has none, nothing of the lane is claimed until it has. Lanes
    /// of one site that are not proven have half of the slots of such lanes at most: whatever number of URLs and names lead to
    /// servers that do not answer, new receivers find a slot. `Err`: how long a cursor of the lane waits; zero where it waits for
    /// the slot.
    pub fn enter_host(&self, authority: String, lane: &str, now: SteadyTime) -> Result<HostSlot, Duration> {
        let mut state = self.state();
        let max = self.max();
        let is_unproven = state.lanes.get(lane).is_none_or(|entry| !entry.lane.is_proven());
        let site = is_unproven.then(|| (Group::site_of(&authority), (max.total / 4).max(1)));
        let wanted = [(Group::Host(authority), max.host)].into_iter().chain(site).collect();
        match state.hosts.take(wanted) {
            Ok(held) => Ok(HostSlot { lanes: self.clone(), held }),
            Err(full) => {
                if state.wait(lane, now)? {
                    state.hosts.wait(full, lane);
                }
                Err(Duration::ZERO)
            }
        }
    }
}

impl Drop for HostSlot {
    fn drop(&mut self) {
        let reopened = self.lanes.state().hosts.give_back(&self.held);
        self.lanes.reopen(&reopened);
    }
}
