//! Slots for exchanges: how many at once in all, to a lane, to a host, and for a tenant, so that no receiver delays another's.
//!
//! What a lane may do, and how many slots it gets by what it has shown, is decided in the core (`Lane`, `Standing`); here is who
//! holds which slot. A delivery takes a slot of its lane ([`lane_slot`]), one of its tenant where tenants share the server
//! ([`tenant_slot`]), and for each exchange one of the receiver's host ([`host_slot`]).

mod host_slot;
mod hosts;
mod lane_slot;
mod repeated;
mod shared;
mod state;
mod tenant_slot;
mod tenants;
#[cfg(test)]
mod tests;

pub use host_slot::HostSlot;
pub(crate) use lane_slot::LaneSlot;
pub use shared::{BreakerCounts, Lanes};
pub(crate) use tenant_slot::TenantSlot;
