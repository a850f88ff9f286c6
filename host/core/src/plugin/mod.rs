//! What a component says it is ([`Descriptor`]), what it may do ([`Grant`]), and whether a pipeline of them fits together.

mod dataflow;
mod descriptor;
mod grant;

pub use dataflow::{InvalidDataflow, PlannedStep, check_dataflow};
pub use descriptor::{Capability, Descriptor, Input, InvalidDescriptor, Output};
pub use grant::{Budgets, Grant, HttpRule, Limits, NotGranted};
