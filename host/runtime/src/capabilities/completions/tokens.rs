//! The token budget of a run.

use crate::budget::Allowance;
use morag_core::plugin::Budget;
use morag_core::ports::CapabilityError;

/// Tokens that an answer may have. The WIT says so.
pub(super) const ANSWER_TOKENS_MAX: u32 = 4_096;

/// Bytes of text that are counted as a token where the service does not count.
const BYTES_A_TOKEN: u64 = 4;

/// Calls and tokens of one run.
pub(super) struct TokenBudget {
    calls: Allowance,
    tokens: Allowance,
}

/// Tokens that are set aside while a call is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reserved {
    /// For the question, by its bytes.
    question: u64,
    /// For the answer: as many as it may have.
    answer: u64,
    /// Length of the answer that is requested of the service; none: as many as the model gives.
    pub(super) tokens_max: Option<u32>,
}

/// What a service says of its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    /// Tokens of the question; 0 where the service does not count.
    pub(super) input_tokens: u32,
    /// Tokens of the answer; 0 where the service does not count.
    pub(super) output_tokens: u32,
    /// Bytes of the answer.
    pub(super) bytes: u64,
}

impl TokenBudget {
    /// What was granted.
    pub(super) fn of(allowance: impl Fn(Budget) -> Allowance) -> Self {
        Self { calls: allowance(Budget::CompletionCalls), tokens: allowance(Budget::CompletionTokens) }
    }

    /// Takes a call with a question of so many bytes, and sets aside its tokens and those of the answer: as many as are
    /// `wanted`, else what is left of [`ANSWER_TOKENS_MAX`]. [`Self::settle`] replaces them by what was used.
    ///
    /// # Errors
    /// `Limit` where the budget does not have them; then nothing is taken.
    pub(super) fn reserve(&mut self, bytes: u64, wanted: Option<u32>) -> Result<Reserved, CapabilityError> {
        let calls = self.calls.after(1)?;
        let question = estimate(bytes);
        // A request without a length takes what is left, at least one token.
        let least = self.tokens.after(question.saturating_add(wanted.map_or(1, u64::from)))?;
        let left = self.tokens.max().saturating_sub(least).saturating_add(1);
        let tokens_max = match wanted {
            Some(wanted) => Some(wanted),
            None => u32::try_from(left).ok().filter(|left| *left < ANSWER_TOKENS_MAX),
        };
        let answer = u64::from(tokens_max.unwrap_or(ANSWER_TOKENS_MAX));
        self.calls.set_used(calls);
        self.tokens.set_used(self.tokens.used().saturating_add(question).saturating_add(answer));
        Ok(Reserved { question, answer, tokens_max })
    }

    /// Replaces what was set aside by what the call used: the tokens that the service counted, else those by the bytes of
    /// question and answer. None: the call ended in an error, and the question counts nevertheless.
    pub(super) fn settle(&mut self, reserved: Reserved, answer: Option<Answered>) {
        let counted = |tokens: u32, estimate| if tokens > 0 { u64::from(tokens) } else { estimate };
        let taken = match answer {
            Some(answer) => counted(answer.input_tokens, reserved.question)
                .saturating_add(counted(answer.output_tokens, estimate(answer.bytes))),
            None => reserved.question,
        };
        let before = self.tokens.used().saturating_sub(reserved.question.saturating_add(reserved.answer));
        self.tokens.set_used(before.saturating_add(taken));
    }
}

/// Tokens of so many bytes.
fn estimate(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_A_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Ledger;
    use morag_core::plugin::Budgets;

    fn granted(budgets: &Budgets) -> TokenBudget {
        TokenBudget::of(|budget| Allowance::of(budget, budgets, &Ledger::default(), "c"))
    }

    fn budget() -> TokenBudget {
        granted(&Budgets::default().with(Budget::CompletionCalls, 3).with(Budget::CompletionTokens, 100))
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, CapabilityError>) -> String {
        match result {
            Err(CapabilityError::Limit(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn answered(input_tokens: u32, output_tokens: u32, bytes: u64) -> Option<Answered> {
        Some(Answered { input_tokens, output_tokens, bytes })
    }

    #[test]
    fn a_question_and_its_answer_must_fit_before_it_is_asked() {
        let mut budget = budget();
        let text = refused(budget.reserve(401, None));
        assert!(text.contains("completion_tokens of 100") && text.contains("needs 102"), "{text}");
        assert!(refused(budget.reserve(281, Some(30))).contains("needs 101"), "71 and 30");
        let reserved = budget.reserve(280, Some(30)).unwrap();
        assert_eq!((budget.tokens.used(), reserved.tokens_max), (100, Some(30)));
        budget.settle(reserved, answered(50, 10, 1_000_000));
        assert_eq!(budget.tokens.used(), 60, "as the service counts");
        // A request without a length takes what is left.
        let reserved = budget.reserve(8, None).unwrap();
        assert_eq!((budget.tokens.used(), reserved.tokens_max), (100, Some(38)));
        budget.settle(reserved, answered(0, 0, 41));
        assert_eq!(budget.tokens.used(), 60 + 2 + 11, "by the bytes");
        let reserved = granted(&Budgets::default()).reserve(8, None).unwrap();
        assert_eq!((reserved.tokens_max, reserved.answer), (None, 4_096), "the model's own");
    }

    #[test]
    fn a_question_that_ends_in_an_error_costs() {
        let mut budget = budget();
        for used in [40, 80] {
            let reserved = budget.reserve(160, Some(20)).unwrap();
            budget.settle(reserved, None);
            assert_eq!(budget.tokens.used(), used);
        }
        assert!(refused(budget.reserve(160, Some(20))).contains("80 are used"));
        assert_eq!(budget.calls.used(), 2, "a refused call uses nothing");
    }

    #[test]
    fn calls_without_a_result_are_counted() {
        let mut budget = budget();
        (0..3).for_each(|_| {
            let reserved = budget.reserve(0, None).unwrap();
            budget.settle(reserved, None);
        });
        assert!(refused(budget.reserve(0, None)).contains("completion_calls"));
    }
}
