//! What the caller and the pipeline ask for.

use morag_step::{Data, Failure, json};
use serde_json::Value;

/// Characters of a chunk when nobody says: about 200 words, which embedding models of 256 tokens and more take whole.
pub const CHUNK_SIZE: usize = 1000;
/// Smallest chunk size: less than a sentence says nothing on its own, and every chunk costs an embedding.
pub const CHUNK_SIZE_MIN: usize = 50;
/// Largest chunk size: some ten pages; beyond it a chunk is a document.
pub const CHUNK_SIZE_MAX: usize = 20_000;
/// Overlap when nobody says: none, because chunks end where the text itself does, and a sentence that is stored twice
/// is found twice and counted twice.
pub const CHUNK_OVERLAP: usize = 0;

/// How text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// By the structure of the document, then where the topic shifts.
    Semantic,
    /// Whole sentences, as many as fit.
    Sentence,
    /// Whole paragraphs, lists, tables and code blocks, as many as fit.
    Paragraph,
    /// A chunk a page.
    Page,
    /// By length alone.
    Fixed,
}

impl Strategy {
    /// All strategies, the default first.
    pub const ALL: [Self; 5] = [Self::Semantic, Self::Sentence, Self::Paragraph, Self::Page, Self::Fixed];

    /// Its name in options and artifacts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Semantic => "semantic",
            Self::Sentence => "sentence",
            Self::Paragraph => "paragraph",
            Self::Page => "page",
            Self::Fixed => "fixed",
        }
    }

    /// Characters of a chunk when nobody says. A page should stay whole, so `page` cuts only beyond the largest size.
    pub fn default_size(self) -> usize {
        if self == Self::Page { CHUNK_SIZE_MAX } else { CHUNK_SIZE }
    }
}

/// What to do, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How to cut.
    pub strategy: Strategy,
    /// Characters of a chunk at most.
    pub size: usize,
    /// Characters that a chunk repeats of the one before it at most; less than `size`.
    pub overlap: usize,
    /// Whether somebody asked for this size.
    pub size_given: bool,
}

/// JSON Schema of the step's configuration: the same names as the caller's options, used where the caller says nothing.
pub fn config_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "chunking_strategy": { "enum": Strategy::ALL.map(Strategy::name), "default": Strategy::Semantic.name() },
            "chunk_size": { "type": "integer", "minimum": CHUNK_SIZE_MIN, "maximum": CHUNK_SIZE_MAX, "default": CHUNK_SIZE },
            "chunk_overlap": { "type": "integer", "minimum": 0, "maximum": CHUNK_SIZE_MAX - 1, "default": CHUNK_OVERLAP },
        },
    })
}

fn invalid(option: &str, value: &Value, allowed: &str) -> Failure {
    // A value can be as long as a request: the message stays readable.
    const SHOWN_CHARS: usize = 100;
    let shown: String = value.to_string().chars().take(SHOWN_CHARS).collect();
    Failure::new("INVALID_OPTION", format!("{option} is {shown}: give {allowed}"))
        .with("option", option)
        .with("value", shown)
        .with("allowed", allowed)
}

/// An option that was given: neither absent, null nor an empty form field.
fn given<'a>(options: &'a Data, name: &str) -> Option<&'a Value> {
    options.get(name).filter(|value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()))
}

fn number(options: &Data, name: &str, min: usize, max: usize, what: &str) -> Result<Option<usize>, Failure> {
    let Some(value) = given(options, name) else { return Ok(None) };
    let number = match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
            number.as_u64().or(whole.map(|number| number as u64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if (min as u64..=max as u64).contains(&number) => Ok(Some(number as usize)),
        _ => Err(invalid(name, value, what)),
    }
}

fn strategy(options: &Data) -> Result<Option<Strategy>, Failure> {
    let Some(value) = given(options, "chunking_strategy") else { return Ok(None) };
    let name = value.as_str().map(|name| name.trim().to_ascii_lowercase());
    let found = Strategy::ALL.into_iter().find(|strategy| name.as_deref() == Some(strategy.name()));
    let names = Strategy::ALL.map(Strategy::name).join(", ");
    found.map(Some).ok_or_else(|| invalid("chunking_strategy", value, &format!("one of {names}")))
}

impl Plan {
    /// Reads the caller's options, then the pipeline's configuration, then the defaults.
    ///
    /// # Errors
    /// `INVALID_OPTION` for a value out of its range, naming the option, the value and the range.
    pub fn from(options: &Data, config: &Data) -> Result<Self, Failure> {
        let size_of = |from: &Data| {
            let what = format!("a number of characters from {CHUNK_SIZE_MIN} to {CHUNK_SIZE_MAX}");
            number(from, "chunk_size", CHUNK_SIZE_MIN, CHUNK_SIZE_MAX, &what)
        };
        let strategy = strategy(options)?.or(strategy(config)?).unwrap_or(Strategy::Semantic);
        let asked = size_of(options)?.or(size_of(config)?);
        let size = asked.unwrap_or(strategy.default_size());
        let what = format!("a number of characters from 0 to {}, less than chunk_size", size - 1);
        let overlap = match number(options, "chunk_overlap", 0, size - 1, &what)? {
            Some(overlap) => overlap,
            // The pipeline's overlap was chosen for the pipeline's size: a caller's smaller size must not fail by it.
            None => {
                number(config, "chunk_overlap", 0, CHUNK_SIZE_MAX - 1, &what)?.unwrap_or(CHUNK_OVERLAP).min(size / 2)
            }
        };
        Ok(Self { strategy, size, overlap, size_given: asked.is_some() })
    }

    /// The plan with another strategy, and that strategy's size unless somebody asked for one.
    #[must_use]
    pub fn falling_back_to(self, strategy: Strategy) -> Self {
        let size = if self.size_given { self.size } else { strategy.default_size() };
        Self { strategy, size, overlap: self.overlap.min(size / 2), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(options: Value, config: Value) -> Result<Plan, Failure> {
        Plan::from(&morag_step::data(options), &morag_step::data(config))
    }

    #[test]
    fn the_caller_wins_over_the_pipeline() {
        let found = plan(
            json!({ "chunk_size": "300", "chunking_strategy": "Sentence" }),
            json!({ "chunk_size": 500, "chunk_overlap": 400 }),
        );
        let expected = Plan { strategy: Strategy::Sentence, size: 300, overlap: 150, size_given: true };
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn defaults_hold_where_nobody_speaks() {
        let found = plan(json!({ "chunk_size": "", "chunk_overlap": null }), json!({})).unwrap();
        assert_eq!((found.strategy, found.size, found.overlap), (Strategy::Semantic, CHUNK_SIZE, CHUNK_OVERLAP));
        assert_eq!(plan(json!({ "chunking_strategy": "page" }), json!({})).unwrap().size, CHUNK_SIZE_MAX);
    }

    #[test]
    fn bad_values_are_named_with_their_range() {
        for (options, option, part) in [
            (json!({ "chunk_size": 49 }), "chunk_size", "from 50 to 20000"),
            (json!({ "chunk_size": "20001" }), "chunk_size", "from 50 to 20000"),
            (json!({ "chunk_size": -1 }), "chunk_size", "from 50 to 20000"),
            (json!({ "chunk_size": 1.5 }), "chunk_size", "from 50 to 20000"),
            (json!({ "chunk_size": [100] }), "chunk_size", "from 50 to 20000"),
            (json!({ "chunk_size": "many" }), "chunk_size", "from 50 to 20000"),
            (json!({ "chunk_size": 100, "chunk_overlap": "100" }), "chunk_overlap", "from 0 to 99"),
            (json!({ "chunking_strategy": "magic" }), "chunking_strategy", "semantic, sentence"),
            (json!({ "chunking_strategy": 5 }), "chunking_strategy", "semantic, sentence"),
        ] {
            let failure = plan(options.clone(), json!({})).unwrap_err();
            assert_eq!(failure.code, "INVALID_OPTION", "{options}");
            assert!(failure.message.contains(option) && failure.message.contains(part), "{}", failure.message);
            assert_eq!(failure.details["option"], option);
        }
    }
}
