//! The embedder: turns features into vectors.

use super::features::features;
use async_trait::async_trait;
use morag_core::ports::{CapabilityError, Embedder};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Name of the model. Any change of the vectors needs another name.
const MODEL: &str = "hashed-ngram-1024-v1";

/// Length of a vector: large enough that features of a chunk seldom collide, small enough for exact search.
const DIMENSIONS: usize = 1024;

/// Most texts per call (`wit/capabilities.wit`).
const TEXTS_MAX: usize = 256;

/// Most bytes of all texts of a call (`wit/capabilities.wit`).
const BYTES_MAX: usize = 1024 * 1024;

/// Concurrent calls: each takes a core, and up to 60 MiB for the features of a text of [`BYTES_MAX`].
const CALLS_MAX: usize = 4;

/// Hashed words and pieces of words: signed hashing, sublinear counts, unit length. The same text gives the same vector (bit for bit on one
/// machine, up to the rounding of a logarithm between machines).
#[derive(Debug, Clone)]
pub struct HashedEmbedder {
    calls: Arc<Semaphore>,
}

impl HashedEmbedder {
    /// Creates the embedder. It has no settings: each would make another model.
    pub fn new() -> Self {
        Self { calls: Arc::new(Semaphore::new(CALLS_MAX)) }
    }
}

impl Default for HashedEmbedder {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Embedder for HashedEmbedder {
    fn model(&self) -> &str {
        MODEL
    }

    fn dimensions(&self) -> u32 {
        DIMENSIONS as u32
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, CapabilityError> {
        let bytes: usize = texts.iter().map(String::len).sum();
        if texts.len() > TEXTS_MAX {
            let given = texts.len();
            return Err(CapabilityError::Limit(format!("{given} texts in a call: at most {TEXTS_MAX} are taken")));
        }
        if bytes > BYTES_MAX {
            return Err(CapabilityError::Limit(format!(
                "{bytes} bytes of text in a call: at most {BYTES_MAX} are taken"
            )));
        }
        let away = |error: String| CapabilityError::Unavailable(format!("embedding failed: {error}"));
        let permit = Arc::clone(&self.calls).acquire_owned().await.map_err(|error| away(error.to_string()))?;
        let work = move || {
            let _permit = permit;
            texts.iter().map(|text| vector(text)).collect()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| away(error.to_string()))
    }
}

/// The vector of a text: of unit length, or zero.
fn vector(text: &str) -> Vec<f32> {
    let mut found = features(text);
    // Sorted, so that sums are computed in the same order and are equal bit for bit.
    found.sort_unstable_by_key(|feature| (feature.hash, feature.weight.to_bits()));
    let mut vector = vec![0f32; DIMENSIONS];
    for same in found.chunk_by(|one, other| one.hash == other.hash) {
        let Some(feature) = same.first() else { continue };
        let value = feature.weight * (1.0 + (same.len() as f32).ln());
        // The index comes from the hash's low bits, the sign from its highest bit.
        let place = feature.hash as usize % DIMENSIONS;
        vector[place] += if feature.hash >> 63 == 0 { value } else { -value };
    }
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn similarity(one: &str, other: &str) -> f32 {
        vector(one).iter().zip(vector(other)).map(|(a, b)| a * b).sum()
    }

    /// Pins the definition of the model, because stored vectors must stay comparable: an index with its sign for each kind of feature, and
    /// the number of non-zero entries.
    #[test]
    fn the_model_is_unchanged() {
        let sample = vector("Der the the Straße 42 東京");
        let all: Vec<(usize, i32)> =
            (0..DIMENSIONS).filter(|i| sample[*i] != 0.0).map(|i| (i, (sample[i] * 1000.0).round() as i32)).collect();
        assert_eq!(all, SAMPLE);
    }

    /// Two words of three letters, one of them twice; a long word, a number and three pieces of dense script; 18 pieces of the long word.
    const SAMPLE: [(usize, i32); 25] = [
        (4, 122),
        (47, 122),
        (128, -122),
        (237, 122),
        (351, -296),
        (352, -350),
        (366, -350),
        (416, 122),
        (504, 122),
        (539, 122),
        (578, 122),
        (590, 122),
        (654, 350),
        (737, 122),
        (741, 175),
        (754, -122),
        (774, -122),
        (829, 122),
        (837, -122),
        (878, 350),
        (893, 122),
        (898, 122),
        (917, 122),
        (947, 122),
        (969, -350),
    ];

    #[test]
    fn shared_words_their_forms_and_their_misspellings_are_near() {
        let query = "restarting the database server";
        let close = similarity(query, "How to restart a database: stop the server, then start the databse again.");
        let far = similarity(query, "Bake the bread for forty minutes until its crust is golden.");
        assert!(close > far + 0.2, "{close} {far}");
    }

    #[test]
    fn an_empty_text_has_the_zero_vector() {
        assert!(vector(" \n\t…—").iter().all(|value| *value == 0.0));
    }

    proptest! {
        #[test]
        fn a_vector_is_finite_and_of_unit_length_or_zero(text in "\\PC{0,200}") {
            let vector = vector(&text);
            prop_assert!(vector.iter().all(|value| value.is_finite()));
            let length: f32 = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            let any_word = text.chars().any(char::is_alphanumeric);
            prop_assert!((length - 1.0).abs() < 1e-4 || (length == 0.0 && !any_word), "{} {:?}", length, text);
        }
    }
}
