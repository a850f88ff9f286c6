//! Shares of places by owner, the tenant whose tasks are told of: however many endpoints and tasks one has, and however slow
//! its receivers are, it leaves places to the others. Pure.

use super::Standing;
use morag_core::shares::leaves_enough;
use morag_core::task::TenantId;
use std::collections::{HashMap, VecDeque};

/// What places are counted in: all of them, those of lanes that have not shown that they work, and those of lanes that fail.
const POOLS: usize = 3;

/// Who holds how many places, and whose lanes wait.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Those who hold places or wait. Others are forgotten.
    known: HashMap<TenantId, Owner>,
    held: [usize; POOLS],
}

#[derive(Debug, Default)]
struct Owner {
    held: [usize; POOLS],
    /// Lanes that have found no place, first come first served.
    waiting: VecDeque<String>,
}

impl Owners {
    /// Takes a place of a lane, unless the owner would hold more than it leaves to the others.
    pub(super) fn take(&mut self, owner: &TenantId, standing: Standing, totals: [usize; POOLS]) -> bool {
        let own = self.known.get(owner).map_or([0; POOLS], |owner| owner.held);
        let pools = 0..pools_of(standing);
        if !pools.clone().all(|pool| leaves_enough(own[pool], self.held[pool], totals[pool])) {
            return false;
        }
        let known = self.known.entry(owner.clone()).or_default();
        for pool in pools {
            known.held[pool] += 1;
            self.held[pool] += 1;
        }
        true
    }

    /// Notes that a lane found no place. It is named by [`Self::give_back`] once.
    pub(super) fn wait(&mut self, owner: &TenantId, lane: &str) {
        self.known.entry(owner.clone()).or_default().waiting.push_back(lane.to_owned());
    }

    /// Gives a place back, and says which lanes may be asked for again: one of each owner, for whose turn it is depends on what
    /// each holds; all of them where no place is left that could call the next.
    pub(super) fn give_back(&mut self, owner: &TenantId, standing: Standing) -> Vec<String> {
        if let Some(known) = self.known.get_mut(owner) {
            for pool in 0..pools_of(standing) {
                known.held[pool] = known.held[pool].saturating_sub(1);
                self.held[pool] = self.held[pool].saturating_sub(1);
            }
        }
        let at_most = if self.held[0] == 0 { usize::MAX } else { 1 };
        let mut called = Vec::new();
        self.known.retain(|_, owner| {
            called.extend(owner.waiting.drain(..owner.waiting.len().min(at_most)));
            owner.held[0] > 0 || !owner.waiting.is_empty()
        });
        called
    }
}

/// In how many of the pools a lane's places are counted, from the first.
fn pools_of(standing: Standing) -> usize {
    match standing {
        Standing::Proven => 1,
        Standing::New => 2,
        Standing::Failing => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTALS: [usize; POOLS] = [16, 8, 4];

    fn owner(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    /// How many places an owner can get now.
    fn all_it_can_get(owners: &mut Owners, name: &str, standing: Standing) -> usize {
        (0..100).take_while(|_| owners.take(&owner(name), standing, TOTALS)).count()
    }

    #[test]
    fn an_owner_leaves_places_of_each_kind_to_the_next() {
        for (standing, expected) in
            [(Standing::Proven, [8, 4, 2]), (Standing::New, [4, 2, 1]), (Standing::Failing, [2, 1, 1])]
        {
            let mut owners = Owners::default();
            let got = ["a", "b", "c"].map(|name| all_it_can_get(&mut owners, name, standing));
            assert_eq!(got, expected, "{standing:?}");
        }
    }

    #[test]
    fn lanes_that_fail_take_no_places_from_new_ones_of_another() {
        let mut owners = Owners::default();
        assert_eq!(all_it_can_get(&mut owners, "a", Standing::Failing), 2);
        assert_eq!(all_it_can_get(&mut owners, "a", Standing::New), 2);
        assert_eq!(all_it_can_get(&mut owners, "b", Standing::New), 2);
        assert_eq!(all_it_can_get(&mut owners, "b", Standing::Proven), 4);
    }

    #[test]
    fn who_waits_is_called_one_lane_at_a_time_and_all_at_the_end() {
        let mut owners = Owners::default();
        let (a, b) = (owner("a"), owner("b"));
        for _ in 0..2 {
            assert!(owners.take(&a, Standing::Proven, TOTALS));
        }
        for lane in ["a1", "a2", "a3"] {
            owners.wait(&a, lane);
        }
        owners.wait(&b, "b1");
        let mut called = owners.give_back(&a, Standing::Proven);
        called.sort_unstable();
        assert_eq!(called, ["a1", "b1"]);
        assert_eq!(owners.give_back(&a, Standing::Proven), ["a2", "a3"]);
        assert!(owners.known.is_empty() && owners.held == [0; POOLS], "nothing is left behind");
    }
}
