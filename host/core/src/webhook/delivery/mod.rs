//! The delivery of a claimed cursor's events, as a state machine ([`CursorClaim`]) that is told what was found out
//! ([`DeliveryInput`]) and says what to do next ([`DeliveryEffect`]). Pure: the engine's `deliveries/deliver` performs the effects.
//!
//! A claimed cursor has a slot of its lane. An event passes its gates in this order: a slot of its tenant, the endpoint's state, its turn in the document's
//! order, the endpoint's filter, its age, the endpoint's credentials, the claim's share, the lane's breaker and pause, the rate, a slot
//! of the host. What needs no I/O comes early, and what another delivery could use instead (rate, slot of the host) comes last.

mod claim;
mod effect;
mod input;
#[cfg(test)]
mod tests;

pub use claim::{ATTEMPTS_A_CLAIM_MAX, CursorClaim, InvalidDeliveryInput};
pub use effect::{DeliveryEffect, ReleaseCause};
pub use input::{DeliveryInput, EventFacts, Gate, LeaseState, Page, RateGate, Receiver, TargetFacts};
