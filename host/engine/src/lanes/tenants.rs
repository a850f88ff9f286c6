//! Shares of slots by tenant: however many endpoints and tasks a tenant has, and however slow its receivers are, it leaves slots to
//! the others. Pure.

use morag_core::shares::leaves_enough;
use morag_core::task::TenantId;
use morag_core::webhook::{Slots, Standing};
use std::collections::{HashMap, VecDeque};

/// Which tenants hold how many slots, and which of their lanes wait.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    /// Those that hold slots or wait. Others are forgotten.
    known: HashMap<TenantId, Tenant>,
    held: Slots,
}

#[derive(Debug, Default)]
struct Tenant {
    held: Slots,
    /// Lanes that have found no slot, first come first served.
    waiting: VecDeque<String>,
}

impl Tenants {
    /// Takes a slot of a lane, unless the tenant would hold more than it leaves to the others, of those of any count.
    pub(super) fn take(&mut self, tenant: &TenantId, standing: Standing, limits: Slots) -> bool {
        let own = self.known.get(tenant).map_or_else(Slots::default, |tenant| tenant.held).counts();
        let (held, limits) = (self.held.counts(), limits.counts());
        if !(0..standing.counts()).all(|count| leaves_enough(own[count], held[count], limits[count])) {
            return false;
        }
        self.known.entry(tenant.clone()).or_default().held.take(standing);
        self.held.take(standing);
        true
    }

    /// Notes that a lane found no slot. [`Self::give_back`] names it once.
    pub(super) fn wait(&mut self, tenant: &TenantId, lane: &str) {
        self.known.entry(tenant.clone()).or_default().waiting.push_back(lane.to_owned());
    }

    /// Gives a slot back, and says which lanes may be claimed again: one of each tenant, because which tenant gets the slot depends on
    /// what each holds; all of them where no slot is left whose end could reopen the next.
    pub(super) fn give_back(&mut self, tenant: &TenantId, standing: Standing) -> Vec<String> {
        if let Some(known) = self.known.get_mut(tenant) {
            known.held.give_back(standing);
            self.held.give_back(standing);
        }
        let at_most = if self.held.counts()[0] == 0 { usize::MAX } else { 1 };
        let mut reopened = Vec::new();
        self.known.retain(|_, tenant| {
            reopened.extend(tenant.waiting.drain(..tenant.waiting.len().min(at_most)));
            tenant.held.counts()[0] > 0 || !tenant.waiting.is_empty()
        });
        reopened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Slots {
        Slots::of_total(16)
    }

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    /// How many slots a tenant can get now.
    fn all_it_can_get(tenants: &mut Tenants, name: &str, standing: Standing) -> usize {
        (0..100).take_while(|_| tenants.take(&tenant(name), standing, limits())).count()
    }

    #[test]
    fn a_tenant_leaves_slots_of_each_kind_to_the_next() {
        for (standing, expected) in
            [(Standing::Proven, [8, 4, 2]), (Standing::New, [4, 2, 1]), (Standing::Failing, [2, 1, 1])]
        {
            let mut tenants = Tenants::default();
            let got = ["a", "b", "c"].map(|name| all_it_can_get(&mut tenants, name, standing));
            assert_eq!(got, expected, "{standing:?}");
        }
    }

    #[test]
    fn lanes_that_fail_take_no_slots_from_new_ones_of_another() {
        let mut tenants = Tenants::default();
        assert_eq!(all_it_can_get(&mut tenants, "a", Standing::Failing), 2);
        assert_eq!(all_it_can_get(&mut tenants, "a", Standing::New), 2);
        assert_eq!(all_it_can_get(&mut tenants, "b", Standing::New), 2);
        assert_eq!(all_it_can_get(&mut tenants, "b", Standing::Proven), 4);
    }

    #[test]
    fn waiting_lanes_are_reopened_one_at_a_time_and_all_at_the_end() {
        let mut tenants = Tenants::default();
        let (a, b) = (tenant("a"), tenant("b"));
        for _ in 0..2 {
            assert!(tenants.take(&a, Standing::Proven, limits()));
        }
        for lane in ["a1", "a2", "a3"] {
            tenants.wait(&a, lane);
        }
        tenants.wait(&b, "b1");
        let mut reopened = tenants.give_back(&a, Standing::Proven);
        reopened.sort_unstable();
        assert_eq!(reopened, ["a1", "b1"]);
        assert_eq!(tenants.give_back(&a, Standing::Proven), ["a2", "a3"]);
        assert!(tenants.known.is_empty() && tenants.held == Slots::default(), "nothing is left behind");
    }
}
