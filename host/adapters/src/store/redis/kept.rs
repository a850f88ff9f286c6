//! Calls whose effect is on a replica too before they are answered.
//!
//! Replication is asynchronous: a master that dies takes with it what it has acknowledged and not yet passed on. So what a
//! caller is told of is followed by `WAIT` for one replica, on the same connection. It is bounded: where no replica answers
//! within [`REPLICA_MAX`] the call is answered all the same, with a warning, for the master has it and lives; a Redis that
//! must rather refuse then is told so itself (`min-replicas-to-write`).
//!
//! Where replicas are is seen by the looks of [`super::setup`]. A server without any is never waited for.

use super::link::{Call, Redis, doubtful};
use morag_core::ports::StoreError;
use redis::cluster_routing::Slot;
use redis::{FromRedisValue, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest wait for a replica. One in the same region answers within a few milliseconds. An acceptance has 1.7 s in all; the first
/// wait in vain is its last.
const REPLICA_MAX: Duration = Duration::from_millis(500);

/// Times that a call is sent with its `WAIT`: a second time after a node has learned the script, or the key's node is known.
const TRIES: u32 = 2;

/// Which keys lie on a server with a replica.
#[derive(Default)]
pub(super) struct Replicas(Mutex<Covered>);

/// The same, as it was last seen.
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
    fn covered(&self) -> std::sync::MutexGuard<'_, Covered> {
        // No code panics under the lock, and it holds one value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was seen.
    pub(super) fn seen(&self, covered: Covered) {
        *self.covered() = covered;
    }

    /// Whether there is a replica to wait for.
    fn has(&self, key: &str) -> bool {
        match &*self.covered() {
            Covered::Nothing => false,
            Covered::All => true,
            Covered::Slots(slots) => slots.contains_key(&Slot::for_key(key)),
        }
    }

    /// No replica of a key's master has answered: none of that master is waited for until the next look.
    fn are_silent(&self, key: &str) {
        let mut covered = self.covered();
        match &mut *covered {
            Covered::Slots(slots) => {
                let silent = slots.get(&Slot::for_key(key)).cloned();
                slots.retain(|_, master| Some(&*master) != silent.as_ref());
            }
            Covered::Nothing | Covered::All => *covered = Covered::Nothing,
        }
    }
}

impl Redis {
    /// [`Redis::call`], answered when a replica has the effect too, where there are replicas.
    pub(super) async fn call_kept<T: FromRedisValue>(&self, call: Call<'_>) -> Result<T, StoreError> {
        if !self.replicas.has(call.key()) {
            return self.call(call).await;
        }
        self.check_format().await?;
        let mut commands = redis::pipe();
        commands.add_command(call.command(true));
        commands.cmd("WAIT").arg(1).arg(REPLICA_MAX.as_millis());
        let (mut answer, mut is_unclear) = (None, false);
        for _ in 0..TRIES {
            let sent = self.apart().send_to(call.key(), &commands, 2).await;
            match sent.ok().and_then(|answers| <[Value; 2]>::try_from(answers).ok()) {
                Some([Value::ServerError(_), _]) => {}
                None => is_unclear = true,
                Some([value, Value::Int(1..)]) => return self.read(value),
                Some([value, _]) => {
                    answer = Some(value);
                    break;
                }
            }
            // Alone: a node that lacks the script is given it, one that has the keys no more names the one that has. What
            // cannot work says why.
            let alone = self.apart().value_of(&call).await;
            answer = Some(alone.map_err(|error| if is_unclear { doubtful(error) } else { error })?);
        }
        self.replicas.are_silent(call.key());
        tracing::warn!(
            "no replica of {} has confirmed a write within {} ms: until one does, a failover may lose what was accepted",
            self.shown(),
            REPLICA_MAX.as_millis()
        );
        match answer {
            Some(value) => self.read(value),
            None => self.call(call).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_waited_for_where_its_slot_has_a_replica_and_one_has_answered() {
        let replicas = Replicas::default();
        assert!(!replicas.has("task:{q7f}:x"));
        let slots = [("q7f", "a"), ("q80", "a"), ("q81", "b")];
        let slots = slots.map(|(key, master)| (Slot::for_key(key), Arc::from(master)));
        replicas.seen(Covered::Slots(slots.into()));
        assert!(replicas.has("task:{q7f}:x") && !replicas.has("task:{q82}:x"));
        replicas.are_silent("due:{q80}:tasks");
        assert!(!replicas.has("task:{q7f}:x") && replicas.has("task:{q81}:x"), "only of that master");
        replicas.seen(Covered::All);
        assert!(replicas.has("task:{q80}:x"));
        replicas.are_silent("any");
        assert!(!replicas.has("task:{q80}:x"));
    }
}
