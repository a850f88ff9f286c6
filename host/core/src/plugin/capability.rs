//! The capabilities, and the budgets that limit their use.
//!
//! A capability is listed here once; the configuration, the API and the runtime go by these lists.

use serde::{Deserialize, Serialize};

/// Something of the host's that a step may use when the operator grants it. Each is one WIT interface of `morag:step`, but
/// [`Capability::Http`], which is `wasi:http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Text embeddings by the host's model.
    Embeddings,
    /// The vector store.
    Vectors,
    /// The knowledge graph.
    Graph,
    /// Text completions by the host's model.
    Completions,
    /// Speech to text by the host's service.
    Transcription,
    /// A small store of the plugin's own.
    Kv,
    /// Secrets that the operator gave to the plugin by name.
    Secrets,
    /// Conversion of documents that are inside the document.
    Conversion,
    /// Text in pictures by the host's model.
    Ocr,
    /// Requests to hosts that the operator lists (`wasi:http`).
    Http,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 10] = [
        Self::Embeddings,
        Self::Vectors,
        Self::Graph,
        Self::Completions,
        Self::Transcription,
        Self::Kv,
        Self::Secrets,
        Self::Conversion,
        Self::Ocr,
        Self::Http,
    ];

    /// Its name in a descriptor and in the configuration; but for `http`, that of its WIT interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Vectors => "vectors",
            Self::Graph => "graph",
            Self::Completions => "completions",
            Self::Transcription => "transcription",
            Self::Kv => "kv",
            Self::Secrets => "secrets",
            Self::Conversion => "conversion",
            Self::Ocr => "ocr",
            Self::Http => "http",
        }
    }

    /// Whether the work that a step gives away by it takes minutes or hours, in which the step waits.
    pub fn takes_long(self) -> bool {
        matches!(self, Self::Transcription | Self::Conversion | Self::Ocr)
    }
}

impl std::str::FromStr for Capability {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == text).ok_or(())
    }
}

/// A limit on the use of a capability. A call beyond it is answered with `limit`, and the step goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Budget {
    /// Calls of `embeddings` by one run.
    EmbeddingCalls,
    /// Bytes of text given to `embeddings` by one run.
    EmbeddingBytes,
    /// Calls of `completions` by one run.
    CompletionCalls,
    /// Tokens of questions and answers of one run, as the service counts them.
    CompletionTokens,
    /// Calls of `transcription` by one run.
    TranscriptionCalls,
    /// Bytes of audio given to `transcription` by one run.
    TranscriptionBytes,
    /// Calls of `kv` by one run.
    KvCalls,
    /// Keys that the plugin may hold in `kv`, of all its runs together.
    KvKeys,
    /// Bytes of keys and values that the plugin may hold in `kv`, of all its runs together.
    KvBytes,
    /// Calls of `conversion` by one run.
    ConversionCalls,
    /// Bytes of documents given to `conversion` by one run.
    ConversionBytes,
    /// Pictures given to `ocr` by one run.
    OcrPictures,
    /// Pixels of pictures given to `ocr` by one run.
    OcrPixels,
}

/// What a budget is.
struct BudgetFacts {
    name: &'static str,
    unit: &'static str,
    default: u64,
    summary: &'static str,
}

impl Budget {
    /// Every budget.
    pub const ALL: [Self; 13] = [
        Self::EmbeddingCalls,
        Self::EmbeddingBytes,
        Self::CompletionCalls,
        Self::CompletionTokens,
        Self::TranscriptionCalls,
        Self::TranscriptionBytes,
        Self::KvCalls,
        Self::KvKeys,
        Self::KvBytes,
        Self::ConversionCalls,
        Self::ConversionBytes,
        Self::OcrPictures,
        Self::OcrPixels,
    ];

    fn facts(self) -> BudgetFacts {
        let facts = |name, unit, default, summary| BudgetFacts { name, unit, default, summary };
        match self {
            // 100 MiB of markdown, the largest upload, in calls of 256 texts of 1 KiB each: 400; ten times that.
            Self::EmbeddingCalls => facts("embedding_calls", "calls", 4_000, "Calls of `embeddings`."),
            Self::EmbeddingBytes => facts("embedding_bytes", "bytes", 1 << 30, "Bytes of text given to it."),
            // A service that is paid for: enough for a question on each section of a long report.
            Self::CompletionCalls => facts("completion_calls", "calls", 100, "Calls of `completions`."),
            Self::CompletionTokens => facts("completion_tokens", "tokens", 200_000, "Tokens of questions and answers."),
            // One recording per task, and room for one that is cut into parts.
            Self::TranscriptionCalls => facts("transcription_calls", "calls", 16, "Calls of `transcription`."),
            Self::TranscriptionBytes => facts("transcription_bytes", "bytes", 512 << 20, "Bytes of audio given to it."),
            // As many as there may be keys. Each `set` and `delete` waits for the disk, some ms: with as many calls as a run may
            // make of others (a million), one run would keep the host's only writer busy for an hour.
            Self::KvCalls => facts("kv_calls", "calls", 10_000, "Calls of `kv`, by one run."),
            Self::KvKeys => facts("kv_keys", "keys", 10_000, "Keys in `kv`."),
            Self::KvBytes => facts("kv_bytes", "bytes", 16 << 20, "Bytes of keys and values in `kv`."),
            // As many documents as an archive may have that is converted at once, and what they may unpack to.
            Self::ConversionCalls => facts("conversion_calls", "calls", 1_000, "Calls of `conversion`."),
            Self::ConversionBytes => facts("conversion_bytes", "bytes", 1 << 30, "Bytes of documents given to it."),
            // A scanned book of 500 pages of A4 at 300 dots an inch, 9 million pixels each, with a picture on every page. It takes an hour,
            // so that `wall_time` ends most runs before.
            Self::OcrPictures => facts("ocr_pictures", "pictures", 1_000, "Pictures given to `ocr`."),
            Self::OcrPixels => facts("ocr_pixels", "pixels", 5_000_000_000, "Pixels of pictures given to it."),
        }
    }

    /// Its name in the configuration, in the API and in errors.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What it counts: `calls`, `bytes`, `tokens`, `keys`, `pictures` or `pixels`.
    pub fn unit(self) -> &'static str {
        self.facts().unit
    }

    /// Whether it counts bytes, which the configuration may write as `1MiB`.
    pub fn is_bytes(self) -> bool {
        self.unit() == "bytes"
    }

    /// One line that describes it.
    pub fn summary(self) -> &'static str {
        self.facts().summary
    }
}

/// How much a step may use of the host's services, by budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets([u64; Budget::ALL.len()]);

impl Default for Budgets {
    fn default() -> Self {
        Self(Budget::ALL.map(|budget| budget.facts().default))
    }
}

impl Budgets {
    /// The most that may be used, in the budget's unit.
    pub fn get(&self, budget: Budget) -> u64 {
        self.0[budget as usize]
    }

    /// Sets the most that may be used, in the budget's unit.
    pub fn set(&mut self, budget: Budget, max: u64) {
        self.0[budget as usize] = max;
    }

    /// These budgets with another one changed.
    #[must_use]
    pub fn with(mut self, budget: Budget, max: u64) -> Self {
        self.set(budget, max);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_the_order_of_their_variants() {
        for (index, capability) in Capability::ALL.into_iter().enumerate() {
            assert_eq!(capability as usize, index, "{capability:?}");
            assert_eq!(capability.as_str().parse(), Ok(capability));
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.as_str());
        }
        for (index, budget) in Budget::ALL.into_iter().enumerate() {
            assert_eq!(budget as usize, index, "{budget:?}");
            assert!(budget.name().ends_with(budget.unit()), "{budget:?}");
        }
    }

    #[test]
    fn a_budget_has_its_own_number() {
        let budgets = Budgets::default().with(Budget::KvCalls, 2);
        assert_eq!((budgets.get(Budget::KvCalls), budgets.get(Budget::KvKeys)), (2, 10_000));
        assert_eq!(budgets.get(Budget::KvBytes), 16 << 20);
    }
}
