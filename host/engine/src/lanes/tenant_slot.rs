//! A slot among those of a tenant.

use super::lane_slot::LaneSlot;
use super::shared::Lanes;
use morag_core::SteadyTime;
use morag_core::task::TenantId;
use morag_core::webhook::Standing;
use std::time::Duration;

/// A slot among those of a tenant. Dropping it gives it back.
#[derive(Debug)]
pub struct TenantSlot {
    lanes: Lanes,
    /// None where tenants do not share the slots.
    held: Option<(TenantId, Standing)>,
}

impl LaneSlot {
    /// Takes a slot of the tenant whose task the lane was entered for. Where the tenant has none, nothing of the lane is claimed until
    /// it has. `Err`: how long the cursor waits; zero where it waits for that.
    pub(crate) fn enter_tenant(&self, tenant: &TenantId, now: SteadyTime) -> Result<TenantSlot, Duration> {
        let lanes = self.lanes.clone();
        let max = lanes.max();
        if !max.has_tenants {
            return Ok(TenantSlot { lanes, held: None });
        }
        let mut state = self.lanes.state();
        if state.tenants.take(tenant, self.standing, max.slots()) {
            return Ok(TenantSlot { lanes, held: Some((tenant.clone(), self.standing)) });
        }
        if state.wait(self.lane(), now)? {
            state.tenants.wait(tenant, self.lane());
        }
        Err(Duration::ZERO)
    }
}

impl Drop for TenantSlot {
    fn drop(&mut self) {
        let Some((tenant, standing)) = self.held.take() else { return };
        let reopened = self.lanes.state().tenants.give_back(&tenant, standing);
        self.lanes.reopen(&reopened);
    }
}
