//! What a run may still use of the host's services.

use morag_core::plugin::Budgets;
use morag_core::ports::CapabilityError;

/// Tokens an answer may have; the WIT says so.
pub(crate) const ANSWER_TOKENS_MAX: u32 = 4_096;

/// Bytes of text that are taken for a token where the service does not count.
const BYTES_A_TOKEN: u64 = 4;

/// Counts what a run uses, and says no beyond its budgets. A call that is refused uses nothing.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) granted: Budgets,
    used: Used,
}

#[derive(Debug, Default)]
struct Used {
    embedding_calls: u64,
    embedding_bytes: u64,
    completion_calls: u64,
    completion_tokens: u64,
    transcription_calls: u64,
    transcription_bytes: u64,
}

impl Budget {
    pub(crate) fn new(granted: Budgets) -> Self {
        Self { granted, used: Used::default() }
    }

    /// Takes a call of `embeddings` with so many bytes of text.
    pub(crate) fn embed(&mut self, bytes: u64) -> Result<(), CapabilityError> {
        let (granted, used) = (&self.granted, &mut self.used);
        let calls = more(used.embedding_calls, 1, granted.embedding_calls_max, "embedding_calls", "calls")?;
        let bytes = more(used.embedding_bytes, bytes, granted.embedding_bytes_max, "embedding_bytes", "bytes")?;
        (used.embedding_calls, used.embedding_bytes) = (calls, bytes);
        Ok(())
    }

    /// Takes a call of `completions`, and says how many tokens its answer may have: as many as are asked for and left. None:
    /// as many as the model gives. What it used is counted by [`Self::completed`].
    pub(crate) fn complete(&mut self, wanted: Option<u32>) -> Result<Option<u32>, CapabilityError> {
        let (granted, used) = (&self.granted, &mut self.used);
        let calls = more(used.completion_calls, 1, granted.completion_calls_max, "completion_calls", "calls")?;
        // At least one must be left.
        more(used.completion_tokens, 1, granted.completion_tokens_max, "completion_tokens", "tokens")?;
        used.completion_calls = calls;
        let left = granted.completion_tokens_max - used.completion_tokens;
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        Ok(match wanted {
            Some(wanted) => Some(wanted.min(left)),
            None if left < ANSWER_TOKENS_MAX => Some(left),
            None => None,
        })
    }

    /// Counts the tokens of a question and its answer, as the service says, else by the bytes of both.
    pub(crate) fn completed(&mut self, tokens: u64, bytes: u64) {
        let tokens = if tokens > 0 { tokens } else { bytes.div_ceil(BYTES_A_TOKEN) };
        self.used.completion_tokens = self.used.completion_tokens.saturating_add(tokens);
    }

    /// Takes a call of `transcription` of so many bytes of audio.
    pub(crate) fn transcribe(&mut self, bytes: u64) -> Result<(), CapabilityError> {
        let (granted, used) = (&self.granted, &mut self.used);
        let calls = more(used.transcription_calls, 1, granted.transcription_calls_max, "transcription_calls", "calls")?;
        let max = granted.transcription_bytes_max;
        let bytes = more(used.transcription_bytes, bytes, max, "transcription_bytes", "bytes")?;
        (used.transcription_calls, used.transcription_bytes) = (calls, bytes);
        Ok(())
    }
}

/// What is used after so much more, if it may be.
fn more(used: u64, wanted: u64, max: u64, name: &str, unit: &str) -> Result<u64, CapabilityError> {
    let after = used.saturating_add(wanted);
    if after <= max {
        return Ok(after);
    }
    Err(CapabilityError::Limit(format!("the step's budget {name} of {max} {unit} a run is used up: {used} are used")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget::new(Budgets {
            embedding_calls_max: 2,
            embedding_bytes_max: 10,
            completion_calls_max: 3,
            completion_tokens_max: 100,
            transcription_calls_max: 1,
            transcription_bytes_max: 1_000,
            ..Budgets::default()
        })
    }

    fn refused<T: std::fmt::Debug>(result: Result<T, CapabilityError>) -> String {
        match result {
            Err(CapabilityError::Limit(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_refused_names_the_budget_and_uses_nothing() {
        let mut budget = budget();
        assert_eq!(budget.embed(6), Ok(()));
        let text = refused(budget.embed(5));
        assert!(text.contains("embedding_bytes") && text.contains("10 bytes"), "{text}");
        assert_eq!(budget.embed(4), Ok(()));
        let text = refused(budget.embed(0));
        assert!(text.contains("embedding_calls") && text.contains("2 calls"), "{text}");
    }

    #[test]
    fn an_answer_may_have_what_is_left_of_the_tokens() {
        let mut budget = budget();
        assert_eq!(budget.complete(Some(30)), Ok(Some(30)));
        budget.completed(90, 1_000_000);
        assert_eq!(budget.complete(None), Ok(Some(10)));
        budget.completed(0, 41);
        let text = refused(budget.complete(None));
        assert!(text.contains("completion_tokens") && text.contains("101 are used"), "{text}");
        assert_eq!(Budget::new(Budgets::default()).complete(None), Ok(None), "the model's own");
    }

    #[test]
    fn calls_are_counted_that_bring_nothing() {
        let mut budget = budget();
        (0..3).for_each(|_| assert!(budget.complete(None).is_ok()));
        assert!(refused(budget.complete(None)).contains("completion_calls"));
        assert!(refused(budget.transcribe(1_001)).contains("transcription_bytes"));
        assert_eq!(budget.transcribe(1_000), Ok(()));
        assert!(refused(budget.transcribe(0)).contains("transcription_calls"));
    }
}
