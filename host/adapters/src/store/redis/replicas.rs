//! Which keys have a replica to wait for.

use redis::cluster_routing::Slot;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which keys are on a server with a replica.
#[derive(Default)]
pub(super) struct Replicas(Mutex<Covered>);

/// The same, as it was last read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Covered {
    /// No key.
    #[default]
    Nothing,
    /// Every key: one server, with a replica.
    All,
    /// Keys of these slots of a Cluster, each with the address of its master.
    Slots(HashMap<Slot, Arc<str>>),
}

impl Replicas {
    fn covered(&self) -> MutexGuard<'_, Covered> {
        // No code panics under the lock, and it holds one value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what was read before.
    pub(super) fn set(&self, covered: Covered) {
        *self.covered() = covered;
    }

    /// Whether there is a replica to wait for.
    pub(super) fn has(&self, key: &str) -> bool {
        match &*self.covered() {
            Covered::Nothing => false,
            Covered::All => true,
            Covered::Slots(slots) => slots.contains_key(&Slot::for_key(key)),
        }
    }

    /// No replica of the key's master has confirmed: that master's replicas are not waited for until they are read again.
    pub(super) fn set_unresponsive(&self, key: &str) {
        let mut covered = self.covered();
        match &mut *covered {
            Covered::Slots(slots) => {
                let unresponsive = slots.get(&Slot::for_key(key)).cloned();
                slots.retain(|_, master| Some(&*master) != unresponsive.as_ref());
            }
            Covered::Nothing | Covered::All => *covered = Covered::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_waited_for_where_its_slot_has_a_replica_that_confirms() {
        let replicas = Replicas::default();
        assert!(!replicas.has("task:{q7f}:x"));
        let slots = [("q7f", "a"), ("q80", "a"), ("q81", "b")];
        let slots = slots.map(|(key, master)| (Slot::for_key(key), Arc::from(master)));
        replicas.set(Covered::Slots(slots.into()));
        assert!(replicas.has("task:{q7f}:x") && !replicas.has("task:{q82}:x"));
        replicas.set_unresponsive("due:{q80}:tasks");
        assert!(!replicas.has("task:{q7f}:x") && replicas.has("task:{q81}:x"), "only of that master");
        replicas.set(Covered::All);
        assert!(replicas.has("task:{q80}:x"));
        replicas.set_unresponsive("any");
        assert!(!replicas.has("task:{q80}:x"));
    }
}
