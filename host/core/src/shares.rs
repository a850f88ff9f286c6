//! Places that many callers share, so that none of them can take all.
//!
//! A key may hold at most as many places as it leaves free for all others: alone it gets half of them, a second one half of
//! what is left, and so on. So the first place is refused to a key only where as many keys hold places as the total can be
//! halved, and nobody needs to know how many keys there are. Idle keys are forgotten: at most as many are known as there are
//! places.

use futures::channel::oneshot;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether a key that holds `own` places of `total`, of which `all` are held by anybody, may have one more.
pub fn leaves_enough(own: usize, all: usize, total: usize) -> bool {
    own < total.saturating_sub(all)
}

/// No place for a key now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace {
    /// Places that the key holds.
    pub own: usize,
    /// Places that anybody holds.
    pub all: usize,
    /// Places that there are.
    pub total: usize,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<String, usize>,
    all: usize,
    /// Those who wait for any place to be given back.
    waiting: Vec<oneshot::Sender<()>>,
}

/// Places, shared by keys. Clones are the same places.
#[derive(Debug, Clone)]
pub struct Shares {
    total: usize,
    state: Arc<Mutex<State>>,
}

/// A place. It is given back when this is dropped.
#[derive(Debug)]
pub struct Permit {
    shares: Shares,
    key: String,
}

impl Shares {
    /// So many places, none of them held.
    pub fn new(total: usize) -> Self {
        Self { total, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a key.
    ///
    /// # Errors
    /// Where the key would hold more than it leaves to the others.
    pub fn take(&self, key: &str) -> Result<Permit, NoPlace> {
        self.take_under(&mut self.state(), key)
    }

    /// Takes a place for a key, and waits until there is one. Those who wait hold none; the caller sets the time.
    pub async fn wait(&self, key: &str) -> Permit {
        loop {
            let given_back = {
                let mut state = self.state();
                if let Ok(permit) = self.take_under(&mut state, key) {
                    return permit;
                }
                // Those who have given up waiting leave no trace: as many stay as do wait.
                state.waiting.retain(|waiting| !waiting.is_canceled());
                let (sender, receiver) = oneshot::channel();
                state.waiting.push(sender);
                receiver
            };
            // The sender is used or dropped under the lock, never lost: either way it is time to look again.
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

    /// Places that are held, by anybody.
    pub fn held(&self) -> usize {
        self.state().all
    }

    /// Places that a key holds.
    pub fn held_by(&self, key: &str) -> usize {
        self.state().held.get(key).copied().unwrap_or(0)
    }

    /// Keys that hold places.
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
        // All of them, in their order: whose turn it is depends on what each holds.
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for waiting in waiting {
            // Who has given up does not hear it.
            let _ = waiting.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use proptest::prelude::*;

    /// As many places as a key gets.
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
        /// Whatever is taken and given back: nothing is counted wrongly, and who holds nothing finds a place while one is free.
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
