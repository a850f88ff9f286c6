//! What a run may still use of the host's services.

use morag_core::plugin::Budgets;
use morag_core::ports::CapabilityError;

/// Tokens an answer may have; the WIT says so.
pub(crate) const ANSWER_TOKENS_MAX: u32 = 4_096;

/// Bytes of text that are taken for a token where the service does not count.
const BYTES_A_TOKEN: u64 = 4;

/// Counts what a run uses, and says no beyond its budgets. A call that is refused uses nothing; one that was made is used up,
/// whatever came of it.
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
    kv_calls: u64,
}

/// Tokens that are set aside while a call of `completions` is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// For the question, by its bytes.
    question: u64,
    /// For the answer: as many as it may have.
    answer: u64,
    /// What the service is told of the answer's length; none: as many as the model gives.
    pub(crate) tokens_max: Option<u32>,
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

    /// Takes a call of `completions` with so many bytes of question, and sets aside its tokens and those that the answer may
    /// have: as many as are `wanted`, else what is left of [`ANSWER_TOKENS_MAX`]. [`Self::completed`] makes it what was used.
    pub(crate) fn complete(&mut self, bytes: u64, wanted: Option<u32>) -> Result<Reserved, CapabilityError> {
        let (granted, used) = (&self.granted, &mut self.used);
        let tokens =
            |wanted| more(used.completion_tokens, wanted, granted.completion_tokens_max, "completion_tokens", "tokens");
        let calls = more(used.completion_calls, 1, granted.completion_calls_max, "completion_calls", "calls")?;
        let question = estimate(bytes);
        // Who names no length takes what is there; at least one must be.
        let least = tokens(question.saturating_add(wanted.map_or(1, u64::from)))?;
        let left = granted.completion_tokens_max.saturating_sub(least).saturating_add(1);
        let tokens_max = match wanted {
            Some(wanted) => Some(wanted),
            None => u32::try_from(left).ok().filter(|left| *left < ANSWER_TOKENS_MAX),
        };
        let answer = u64::from(tokens_max.unwrap_or(ANSWER_TOKENS_MAX));
        used.completion_calls = calls;
        used.completion_tokens = used.completion_tokens.saturating_add(question).saturating_add(answer);
        Ok(Reserved { question, answer, tokens_max })
    }

    /// Puts what a call used in the place of what was set aside: the tokens that the service counted, else those by the bytes of
    /// question and answer. None: the call ended in an error, and the question was asked all the same.
    pub(crate) fn completed(&mut self, reserved: Reserved, answer: Option<Answered>) {
        let counted = |tokens: u32, estimate| if tokens > 0 { u64::from(tokens) } else { estimate };
        let taken = match answer {
            Some(answer) => counted(answer.input_tokens, reserved.question)
                .saturating_add(counted(answer.output_tokens, estimate(answer.bytes))),
            None => reserved.question,
        };
        let used = &mut self.used.completion_tokens;
        *used = used.saturating_sub(reserved.question.saturating_add(reserved.answer)).saturating_add(taken);
    }

    /// Takes a call of `kv`.
    pub(crate) fn kv(&mut self) -> Result<(), CapabilityError> {
        self.used.kv_calls = more(self.used.kv_calls, 1, self.granted.kv_calls_max, "kv_calls", "calls")?;
        Ok(())
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

/// What a service says of its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// Tokens of the question; 0 where it does not count.
    pub(crate) input_tokens: u32,
    /// Tokens of the answer; likewise.
    pub(crate) output_tokens: u32,
    /// Bytes of the answer.
    pub(crate) bytes: u64,
}

/// Tokens of so many bytes.
fn estimate(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_A_TOKEN)
}

/// What is used after so much more, if it may be.
fn more(used: u64, wanted: u64, max: u64, name: &str, unit: &str) -> Result<u64, CapabilityError> {
    let after = used.saturating_add(wanted);
    if after <= max {
        return Ok(after);
    }
    Err(CapabilityError::Limit(format!(
        "the step's budget {name} of {max} {unit} a run is used up: {used} are used, and the call needs {wanted}"
    )))
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
            kv_calls_max: 2,
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

    fn answered(input_tokens: u32, output_tokens: u32, bytes: u64) -> Option<Answered> {
        Some(Answered { input_tokens, output_tokens, bytes })
    }

    #[test]
    fn a_question_and_its_answer_must_fit_before_it_is_asked() {
        let mut budget = budget();
        let text = refused(budget.complete(401, None));
        assert!(text.contains("completion_tokens of 100") && text.contains("needs 102"), "{text}");
        assert!(refused(budget.complete(281, Some(30))).contains("needs 101"), "71 and 30");
        let reserved = budget.complete(280, Some(30)).unwrap();
        assert_eq!((budget.used.completion_tokens, reserved.tokens_max), (100, Some(30)));
        budget.completed(reserved, answered(50, 10, 1_000_000));
        assert_eq!(budget.used.completion_tokens, 60, "as the service counts");
        // Who does not say takes what is left.
        let reserved = budget.complete(8, None).unwrap();
        assert_eq!((budget.used.completion_tokens, reserved.tokens_max), (100, Some(38)));
        budget.completed(reserved, answered(0, 0, 41));
        assert_eq!(budget.used.completion_tokens, 60 + 2 + 11, "by the bytes");
        let reserved = Budget::new(Budgets::default()).complete(8, None).unwrap();
        assert_eq!((reserved.tokens_max, reserved.answer), (None, 4_096), "the model's own");
    }

    #[test]
    fn a_question_that_ends_in_an_error_costs() {
        let mut budget = budget();
        for used in [40, 80] {
            let reserved = budget.complete(160, Some(20)).unwrap();
            budget.completed(reserved, None);
            assert_eq!(budget.used.completion_tokens, used);
        }
        assert!(refused(budget.complete(160, Some(20))).contains("80 are used"));
        assert_eq!(budget.used.completion_calls, 2, "what is refused uses nothing");
    }

    #[test]
    fn calls_are_counted_that_bring_nothing() {
        let mut budget = budget();
        (0..3).for_each(|_| {
            let reserved = budget.complete(0, None).unwrap();
            budget.completed(reserved, None);
        });
        assert!(refused(budget.complete(0, None)).contains("completion_calls"));
        assert!(refused(budget.transcribe(1_001)).contains("transcription_bytes"));
        assert_eq!(budget.transcribe(1_000), Ok(()));
        assert!(refused(budget.transcribe(0)).contains("transcription_calls"));
        (0..2).for_each(|_| assert_eq!(budget.kv(), Ok(())));
        assert!(refused(budget.kv()).contains("kv_calls of 2 calls"));
    }
}
