//! Slots shared by many callers, such that no caller can take all of them.
//!
//! A key may hold at most as many slots as it leaves free for all others: alone it gets half of them, a second key half of the
//! rest, and so on. A key without slots is refused only when all slots are held, which takes as many keys as the total can be
//! halved. The number of keys need not be known in advance. Idle keys are dropped, so at most as many are tracked as there are
//! slots.

use futures::channel::oneshot;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether a key that holds `own` of `total` slots, `all` of which are held in total, may take another.
pub fn leaves_enough(own: usize, all: usize, total: usize) -> bool {
    own < total.saturating_sub(all)
}

/// The key may not take another slot now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace {
    /// Slots held by the key.
    pub own: usize,
    /// Slots held by all keys.
    pub all: usize,
    /// Total number of slots.
    pub total: usize,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<String, usize>,
    all: usize,
    /// Waiters for any slot to be released.
    waiting: Vec<oneshot::Sender<()>>,
}

/// A set of slots shared by keys. Clones share the same slots.
#[derive(Debug, Clone)]
pub struct Shares {
    total: usize,
    state: Arc<Mutex<State>>,
}

/// A slot, released on drop.
#[derive(Debug)]
pub struct Permit {
    shares: Shares,
    key: String,
}

impl Shares {
    /// Creates `total` free slots.
    pub fn new(total: usize) -> Self {
        Self { total, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for a key.
    ///
    /// # Errors
    /// The key would hold more than it leaves to the others.
    pub fn take(&self, key: &str) -> Result<Permit, NoPlace> {
        self.take_under(&mut self.state(), key)
    }

    /// Waits until the key can take a slot. Waiters hold none; the caller sets a timeout.
    pub async fn wait(&self, key: &str) -> Permit {
        loop {
            let given_back = {
                let mut state = self.state();
                if let Ok(permit) = self.take_under(&mut state, key) {
                    return permit;
                }
                // Remove cancelled waiters, so that the list does not grow.
                state.waiting.retain(|waiting| !waiting.is_canceled());
                let (sender, receiver) = oneshot::channel();
                state.waiting.push(sender);
                receiver
            };
            // Notified, or the sender was dropped: either way, try again.
            let _ = given_back.await;
        }
    }

    fn take_under(&self, state: &mut State, key: &str) -> Result<Permit, NoPlace> {
        let own = state.held.get(key).copied().unwrap_or(0);
        if !leaves_enough(own, state.all, self.total) {
            return Err(NoPlace { own, all: state.all, total: self.total });
        }
        state.all += 1;
        *state.held.entry(key.to_owned()).or_default() += 1;
        Ok(Permit { shares: self.clone(), key: key.to_owned() })
    }

    /// Slots held by all keys.
    pub fn held(&self) -> usize {
        self.state().all
    }

    /// Slots held by a key.
    pub fn held_by(&self, key: &str) -> usize {
        self.state().held.get(key).copied().unwrap_or(0)
    }

    /// Number of keys that hold slots.
    pub fn keys(&self) -> usize {
        self.state().held.len()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.shares.state();
        state.all = state.all.saturating_sub(1);
        if let Some(own) = state.held.get_mut(&self.key) {
            *own -= 1;
            if *own == 0 {
                state.held.remove(&self.key);
            }
        }
        // Notify all waiters in order: which of them may take the slot depends on what each key holds.
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for waiting in waiting {
            // A cancelled waiter does not receive it.
            let _ = waiting.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use proptest::prelude::*;

    /// Takes as many slots as the key gets.
    fn all_for(shares: &Shares, key: &str) -> Vec<Permit> {
        std::iter::from_fn(|| shares.take(key).ok()).collect()
    }

    #[test]
    fn one_key_gets_half_and_the_next_half_of_the_rest() {
        let shares = Shares::new(16);
        let counts: Vec<_> = ["a", "b", "c", "d"].map(|key| all_for(&shares, key)).into_iter().collect();
        assert_eq!(counts.iter().map(Vec::len).collect::<Vec<_>>(), [8, 4, 2, 1]);
        assert_eq!(shares.take("a").unwrap_err(), NoPlace { own: 8, all: 15, total: 16 });
        let last = shares.take("e").unwrap();
        assert_eq!(shares.take("f").unwrap_err(), NoPlace { own: 0, all: 16, total: 16 });
        drop(last);
        assert!(shares.take("f").is_ok());
    }

    #[test]
    fn one_place_is_for_anybody() {
        let shares = Shares::new(1);
        let held = shares.take("a").unwrap();
        assert!(shares.take("a").is_err() && shares.take("b").is_err());
        drop(held);
        assert!(shares.take("b").is_ok());
    }

    #[test]
    fn a_key_without_places_is_forgotten() {
        let shares = Shares::new(4);
        for n in 0..1000 {
            drop(shares.take(&n.to_string()).unwrap());
        }
        assert_eq!((shares.held(), shares.keys()), (0, 0));
    }

    #[test]
    fn who_waits_gets_what_is_given_back_and_holds_up_no_other() {
        let shares = Shares::new(4);
        let mut held = all_for(&shares, "a");
        let mut waiting = Box::pin(shares.wait("a"));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(shares.wait("b").now_or_never().is_some(), "the other key need not wait");
        drop(held.pop());
        assert!((&mut waiting).now_or_never().is_some());
    }

    #[test]
    fn who_gives_up_waiting_leaves_nothing_behind() {
        let shares = Shares::new(2);
        let _held = all_for(&shares, "a");
        for _ in 0..100 {
            assert!(shares.wait("a").now_or_never().is_none());
        }
        assert!(shares.state().waiting.len() <= 1, "{}", shares.state().waiting.len());
    }

    proptest! {
        /// For any sequence of operations: the counts are right, and a key without slots gets one while any is free.
        #[test]
        fn the_count_is_of_the_permits(total in 1_usize..12, moves in prop::collection::vec((0_usize..4, any::<bool>()), 0..80)) {
            let shares = Shares::new(total);
            let mut held: Vec<(usize, Permit)> = Vec::new();
            for (key, takes) in moves {
                let own = held.iter().filter(|(of, _)| *of == key).count();
                if takes {
                    let taken = shares.take(&key.to_string());
                    prop_assert_eq!(taken.is_ok(), own < total - held.len());
                    held.extend(taken.ok().map(|permit| (key, permit)));
                } else if let Some(at) = held.iter().position(|(of, _)| *of == key) {
                    held.swap_remove(at);
                }
                prop_assert!(held.len() <= total);
                prop_assert_eq!(shares.held(), held.len());
                let keys: std::collections::BTreeSet<_> = held.iter().map(|(of, _)| of).collect();
                prop_assert_eq!(shares.keys(), keys.len());
            }
        }
    }
}
