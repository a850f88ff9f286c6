//! Where claims of deliveries go on looking for lanes.

use std::sync::{Mutex, PoisonError};

/// The lane at which the last claim that did not see every due key has ended.
#[derive(Debug, Default)]
pub(crate) struct Rotor(Mutex<String>);

impl Rotor {
    /// The lane after which the next claim begins; empty for the first.
    pub(crate) fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets it.
    pub(crate) fn set(&self, lane: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lane;
    }
}
