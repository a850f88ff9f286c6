//! What a component says of itself, as the compile cache keeps it.

use morag_core::plugin::{Capability, Descriptor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a component says of itself, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// What it answered.
    pub(crate) descriptor: Descriptor,
    /// The capabilities that it imports.
    pub(crate) used: BTreeSet<Capability>,
}
