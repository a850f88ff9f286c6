//! What a component says it is ([`Descriptor`]), what it may do ([`Grant`]), whether a pipeline of them fits together,
//! and how it fails for the host's reasons ([`FailureCode`]).

mod code;
mod dataflow;
mod descriptor;
mod grant;

pub use code::FailureCode;
pub use dataflow::{InvalidDataflow, check_dataflow};
pub use descriptor::{Capability, Descriptor, DescriptorSize, Input, InvalidDescriptor, Output};
pub use grant::{Budgets, Grant, HttpRule, Limits, NotGranted};
