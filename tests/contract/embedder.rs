//! The contract of the port `Embedder`.

use morag_adapters::embeddings::HashedEmbedder;
use morag_core::ports::{CapabilityError, Embedder};

/// Runs the suite against a backend. `$make` returns an embedder.
macro_rules! suite {
    ($backend:ident, $make:expr) => {
        mod $backend {
            use super::*;
            suite!(@ $make; a_vector_for_each_text_in_order, vectors_are_of_unit_length, an_empty_text_has_the_zero_vector,
                the_same_text_has_the_same_vector, near_texts_are_near, a_call_has_limits, a_large_text_is_one_vector);
        }
    };
    (@ $make:expr; $($test:ident),*) => {$(
        #[tokio::test]
        async fn $test() {
            super::$test(|| $make).await;
        }
    )*};
}

suite!(hashed, HashedEmbedder::new());

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn similarity(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

async fn a_vector_for_each_text_in_order<E: Embedder>(make: impl Fn() -> E) {
    let embedder = make();
    assert!(!embedder.model().is_empty());
    let all = embedder.embed(texts(["first", "second thing", "", "third"])).await.unwrap();
    assert_eq!(all.len(), 4);
    for (n, text) in ["first", "second thing", "", "third"].into_iter().enumerate() {
        assert_eq!(all[n].len(), embedder.dimensions() as usize);
        assert_eq!(embedder.embed(texts([text])).await.unwrap(), [all[n].clone()], "{text}");
    }
    assert_ne!(all[0], all[1]);
    assert!(embedder.embed(Vec::new()).await.unwrap().is_empty());
}

async fn vectors_are_of_unit_length<E: Embedder>(make: impl Fn() -> E) {
    let given = ["a", "13", "plain words in a row", "Ünïcödé — текст, 東京都, हिन्दी", "\u{1f600} smile", "x y x y x y"];
    for (text, vector) in given.into_iter().zip(make().embed(texts(given)).await.unwrap()) {
        let length = similarity(&vector, &vector).sqrt();
        assert!((length - 1.0).abs() < 1e-4, "{text}: {length}");
    }
}

async fn an_empty_text_has_the_zero_vector<E: Embedder>(make: impl Fn() -> E) {
    for vector in make().embed(texts(["", " \n\t "])).await.unwrap() {
        assert!(vector.iter().all(|value| *value == 0.0));
    }
}

async fn the_same_text_has_the_same_vector<E: Embedder>(make: impl Fn() -> E) {
    let text = "The same text, embedded by two instances: every number of it. ".repeat(50);
    let (one, other) = (make().embed(vec![text.clone()]).await.unwrap(), make().embed(vec![text]).await.unwrap());
    assert_eq!(one, other);
}

async fn near_texts_are_near<E: Embedder>(make: impl Fn() -> E) {
    let vectors = make()
        .embed(texts([
            "How do I renew my passport?",
            "To renew a passport, bring the old passport and a photograph.",
            "Fold the egg whites into the batter and bake it for an hour.",
        ]))
        .await
        .unwrap();
    let (near, far) = (similarity(&vectors[0], &vectors[1]), similarity(&vectors[0], &vectors[2]));
    assert!(near > far + 0.1, "{near} {far}");
}

async fn a_call_has_limits<E: Embedder>(make: impl Fn() -> E) {
    let embedder = make();
    assert_eq!(embedder.embed(vec!["word".to_owned(); 256]).await.unwrap().len(), 256);
    assert!(matches!(embedder.embed(vec!["word".to_owned(); 257]).await, Err(CapabilityError::Limit(_))));
    let half = "w".repeat(512 * 1024);
    assert!(embedder.embed(vec![half.clone(), half.clone()]).await.is_ok());
    assert!(matches!(embedder.embed(vec![half.clone(), half, "w".into()]).await, Err(CapabilityError::Limit(_))));
}

async fn a_large_text_is_one_vector<E: Embedder>(make: impl Fn() -> E) {
    let mut text = "Many different words, one1 two2 three3. ".repeat(26_000);
    text.truncate(1024 * 1024);
    let vectors = make().embed(vec![text]).await.unwrap();
    assert!((similarity(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-3);
}
