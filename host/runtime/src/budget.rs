//! A budget of one call of a guest: what it may use of one of the host's services.

use morag_core::plugin::{Budget, Budgets};
use morag_core::ports::CapabilityError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a run of a step has used of its budgets, by component: the runs for documents inside its document share it, or an archive
/// would have each budget once for each of its documents. They run one after another, so a count is read and set by one at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Counts>>);

/// What is used, by component and name of the budget.
type Counts = BTreeMap<(String, &'static str), Arc<AtomicU64>>;

impl Ledger {
    fn used(&self, component: &str, budget: Budget) -> Arc<AtomicU64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.entry((component.to_owned(), budget.name())).or_default().clone()
    }
}

/// Counts what is used of one budget. A refused call uses nothing; a call that was made stays counted, whatever its result.
#[derive(Debug)]
pub(crate) struct Allowance {
    budget: Budget,
    max: u64,
    used: Arc<AtomicU64>,
}

impl Allowance {
    /// What was granted to a component, less what the ledger says that it has used.
    pub(crate) fn of(budget: Budget, granted: &Budgets, ledger: &Ledger, component: &str) -> Self {
        Self { budget, max: granted.get(budget), used: ledger.used(component, budget) }
    }

    /// What would be used after so much more.
    ///
    /// # Errors
    /// [`CapabilityError::Limit`] where that is beyond the budget.
    pub(crate) fn after(&self, wanted: u64) -> Result<u64, CapabilityError> {
        let (used, max) = (self.used(), self.max);
        let after = used.saturating_add(wanted);
        if after <= max {
            return Ok(after);
        }
        let (name, unit) = (self.budget.name(), self.budget.unit());
        Err(CapabilityError::Limit(format!(
            "the step's budget {name} of {max} {unit} a run is used up: {used} are used, and the call needs {wanted}"
        )))
    }

    /// Uses so much more, if the budget has it.
    ///
    /// # Errors
    /// As [`Self::after`].
    pub(crate) fn take(&mut self, wanted: u64) -> Result<(), CapabilityError> {
        self.set_used(self.after(wanted)?);
        Ok(())
    }

    /// Sets what is used: for an estimate that was corrected.
    pub(crate) fn set_used(&mut self, used: u64) {
        self.used.store(used, Ordering::Relaxed);
    }

    /// What is used.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// What may be used.
    pub(crate) fn max(&self) -> u64 {
        self.max
    }
}

/// A call and its size, of two budgets: uses both or neither.
///
/// # Errors
/// [`CapabilityError::Limit`] where either is used up.
pub(crate) fn take_both(calls: &mut Allowance, sizes: &mut Allowance, size: u64) -> Result<(), CapabilityError> {
    let (calls_after, sizes_after) = (calls.after(1)?, sizes.after(size)?);
    calls.set_used(calls_after);
    sizes.set_used(sizes_after);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(budget: Budget, max: u64) -> Allowance {
        Allowance::of(budget, &Budgets::default().with(budget, max), &Ledger::default(), "c")
    }

    #[test]
    fn runs_of_one_component_share_a_ledger_and_those_of_another_do_not() {
        let (ledger, budgets) = (Ledger::default(), Budgets::default().with(Budget::OcrPictures, 2));
        let of = |ledger: &Ledger, component: &str| Allowance::of(Budget::OcrPictures, &budgets, ledger, component);
        assert_eq!(of(&ledger, "pdf").take(2), Ok(()));
        assert!(refused(of(&ledger, "pdf").take(1)).contains("2 are used"));
        assert_eq!(of(&ledger, "media").take(2), Ok(()));
        assert_eq!(of(&Ledger::default(), "pdf").take(2), Ok(()), "a retry is a run of its own");
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, CapabilityError>) -> String {
        match result {
            Err(CapabilityError::Limit(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refused_call_names_the_budget_and_uses_nothing() {
        let mut calls = allowance(Budget::EmbeddingCalls, 2);
        let mut bytes = allowance(Budget::EmbeddingBytes, 10);
        assert_eq!(take_both(&mut calls, &mut bytes, 6), Ok(()));
        let text = refused(take_both(&mut calls, &mut bytes, 5));
        assert!(text.contains("embedding_bytes of 10 bytes a run"), "{text}");
        assert!(text.contains("6 are used, and the call needs 5"), "{text}");
        assert_eq!(take_both(&mut calls, &mut bytes, 4), Ok(()));
        let text = refused(take_both(&mut calls, &mut bytes, 0));
        assert!(text.contains("embedding_calls") && text.contains("2 calls"), "{text}");
        assert_eq!((calls.used(), bytes.used()), (2, 10));
    }

    #[test]
    fn calls_without_a_size_are_counted() {
        let mut calls = allowance(Budget::KvCalls, 2);
        (0..2).for_each(|_| assert_eq!(calls.take(1), Ok(())));
        assert!(refused(calls.take(1)).contains("kv_calls of 2 calls"));
    }

    #[test]
    fn one_call_beyond_the_size_leaves_the_number_of_calls() {
        let mut calls = allowance(Budget::TranscriptionCalls, 1);
        let mut bytes = allowance(Budget::TranscriptionBytes, 1_000);
        assert!(refused(take_both(&mut calls, &mut bytes, 1_001)).contains("transcription_bytes"));
        assert_eq!(take_both(&mut calls, &mut bytes, 1_000), Ok(()));
        assert!(refused(take_both(&mut calls, &mut bytes, 0)).contains("transcription_calls"));
    }
}
