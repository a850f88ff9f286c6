//! The contract of the port `Knowledge`.

#[path = "knowledge/redis.rs"]
mod redis;

use crate::backends::redis::{Cluster, Single};
use morag_adapters::store::sqlite::SqliteKnowledge;
use morag_core::JsonObject;
use morag_core::ports::{
    CapabilityError, Edge, Fact, Hit, Knowledge, KnowledgeCounts, Node, Point, Revision, StagedBatch,
};
use morag_core::task::{DocumentId, TaskId};
use serde_json::json;

/// Runs the suite against a backend. `$make` returns an `Arc` of an empty store and whatever must live as long.
macro_rules! suite {
    ($backend:ident, $make:expr) => {
        mod $backend {
            use super::*;
            suite!(@ $make; staged_writes_are_seen_when_published, publishing_replaces_all_of_the_document,
                publishing_again_changes_nothing, an_empty_revision_empties_the_document,
                a_failed_replace_leaves_the_old_document_whole, what_was_discarded_is_gone,
                discarding_what_is_published_changes_nothing, a_published_revision_takes_no_more, documents_share_the_nodes_of_a_collection,
                a_staged_node_is_replaced, an_edge_needs_its_ends, a_refused_batch_stages_nothing,
                a_collection_has_one_model, an_emptied_collection_takes_another_model, numbers_must_be_finite,
                ids_are_unique_within_the_document, calls_have_limits, search_agrees_with_an_exhaustive_one,
                search_gives_the_whole_point, search_has_edges, collections_do_not_mix, revisions_do_not_mix,
                many_documents_are_each_found);
        }
    };
    (@ $make:expr; $($test:ident),*) => {$(
        #[tokio::test]
        async fn $test() {
            let (store, _alive) = $make;
            super::$test(&*store).await;
        }
    )*};
}

suite!(sqlite, {
    let folder = tempfile::tempdir().unwrap();
    (Box::new(SqliteKnowledge::open(&folder.path().join("knowledge.db"), None).unwrap()), folder)
});
suite!(redis_single, (redis::fresh::<Single>().await, ()));
suite!(redis_cluster, (redis::fresh::<Cluster>().await, ()));

const MODEL: &str = "model-a";

fn document(name: &str) -> DocumentId {
    DocumentId::try_from(name.to_owned()).unwrap()
}

fn revision_in(collection: &str, name: &str) -> Revision {
    Revision {
        id: uuid::Uuid::new_v4(),
        task: TaskId::random(),
        collection: collection.into(),
        document: document(name),
    }
}

fn revision(name: &str) -> Revision {
    revision_in("books", name)
}

fn object(value: serde_json::Value) -> JsonObject {
    value.as_object().cloned().unwrap()
}

fn point(id: &str, vector: &[f32]) -> Point {
    let payload = object(json!({ "id": id, "deep": [1, { "a": null }] }));
    Point { id: id.into(), text: format!("text of {id}"), vector: vector.to_vec(), payload }
}

fn points(points: Vec<Point>) -> StagedBatch {
    StagedBatch::Points { model: MODEL.into(), points }
}

fn node(key: &str) -> Node {
    Node {
        key: key.into(),
        name: key.to_uppercase(),
        kind: "person".into(),
        mentions: 1,
        properties: JsonObject::new(),
    }
}

fn nodes(keys: &[&str]) -> StagedBatch {
    StagedBatch::Nodes(keys.iter().map(|key| node(key)).collect())
}

fn edge(source: &str, target: &str) -> Edge {
    Edge { source: source.into(), target: target.into(), kind: "knows".into(), properties: object(json!({ "e": 1 })) }
}

fn fact(subject: &str) -> Fact {
    Fact { subject: subject.into(), predicate: "is".into(), object: "here".into(), properties: JsonObject::new() }
}

/// Stages two points, three nodes, one edge and one fact. The points' ids begin with `tag`.
async fn stage_sample(store: &impl Knowledge, revision: &Revision, tag: &str) {
    let both = vec![point(&format!("{tag}1"), &[1.0, 0.0]), point(&format!("{tag}2"), &[0.0, 1.0])];
    assert_eq!(store.stage(revision, points(both)).await, Ok(2));
    assert_eq!(store.stage(revision, nodes(&["ada", "bob", tag])).await, Ok(3));
    assert_eq!(store.stage(revision, StagedBatch::Edges(vec![edge("ada", "bob")])).await, Ok(1));
    assert_eq!(store.stage(revision, StagedBatch::Facts(vec![fact("ada")])).await, Ok(1));
}

const SAMPLE: KnowledgeCounts = KnowledgeCounts { points: 2, nodes: 3, edges: 1, facts: 1 };
const NOTHING: KnowledgeCounts = KnowledgeCounts { points: 0, nodes: 0, edges: 0, facts: 0 };

async fn counts(store: &impl Knowledge, name: &str) -> KnowledgeCounts {
    store.counts("books", Some(&document(name))).await.unwrap()
}

async fn totals(store: &impl Knowledge) -> KnowledgeCounts {
    store.counts("books", None).await.unwrap()
}

async fn ids(store: &impl Knowledge) -> Vec<String> {
    let mut ids: Vec<String> = found(store, "books", &[1.0, 1.0], 100).await.into_iter().map(|hit| hit.id).collect();
    ids.sort();
    ids
}

async fn found(store: &impl Knowledge, collection: &str, vector: &[f32], limit: usize) -> Vec<Hit> {
    store.search(collection, vector, limit).await.unwrap()
}

fn invalid(result: Result<u32, CapabilityError>) -> String {
    match result {
        Err(CapabilityError::Invalid(text)) => text,
        other => panic!("not Invalid: {other:?}"),
    }
}

async fn staged_writes_are_seen_when_published(store: &impl Knowledge) {
    let revision = revision("a");
    stage_sample(store, &revision, "x").await;
    assert_eq!((counts(store, "a").await, totals(store).await), (NOTHING, NOTHING));
    assert!(ids(store).await.is_empty());
    store.publish(&revision).await.unwrap();
    assert_eq!((counts(store, "a").await, totals(store).await), (SAMPLE, SAMPLE));
    assert_eq!(ids(store).await, ["x1", "x2"]);
}

async fn publishing_replaces_all_of_the_document(store: &impl Knowledge) {
    for name in ["a", "b"] {
        let revision = revision(name);
        stage_sample(store, &revision, name).await;
        store.publish(&revision).await.unwrap();
    }
    let second = revision("a");
    assert_eq!(store.stage(&second, points(vec![point("n", &[1.0, 1.0])])).await, Ok(1));
    assert_eq!(ids(store).await, ["a1", "a2", "b1", "b2"]);
    store.publish(&second).await.unwrap();
    assert_eq!(ids(store).await, ["b1", "b2", "n"]);
    assert_eq!(counts(store, "a").await, KnowledgeCounts { points: 1, ..NOTHING });
    assert_eq!(counts(store, "b").await, SAMPLE);
    assert_eq!(totals(store).await, KnowledgeCounts { points: 3, ..SAMPLE });
}

async fn publishing_again_changes_nothing(store: &impl Knowledge) {
    let (first, second) = (revision("a"), revision("a"));
    stage_sample(store, &first, "x").await;
    for _ in 0..3 {
        store.publish(&first).await.unwrap();
        assert_eq!((counts(store, "a").await, totals(store).await), (SAMPLE, SAMPLE));
    }
    stage_sample(store, &second, "y").await;
    store.publish(&second).await.unwrap();
    // By a late process: another revision has taken its place.
    store.publish(&first).await.unwrap();
    assert_eq!(ids(store).await, ["y1", "y2"]);
    assert_eq!((counts(store, "a").await, totals(store).await), (SAMPLE, SAMPLE));
}

async fn an_empty_revision_empties_the_document(store: &impl Knowledge) {
    store.publish(&revision("never seen")).await.unwrap();
    assert_eq!(totals(store).await, NOTHING);
    let first = revision("a");
    stage_sample(store, &first, "x").await;
    store.publish(&first).await.unwrap();
    store.publish(&revision("a")).await.unwrap();
    assert_eq!((counts(store, "a").await, totals(store).await), (NOTHING, NOTHING));
    assert!(ids(store).await.is_empty());
}

async fn a_failed_replace_leaves_the_old_document_whole(store: &impl Knowledge) {
    let old = revision("a");
    stage_sample(store, &old, "x").await;
    store.publish(&old).await.unwrap();
    let new = revision("a");
    stage_sample(store, &new, "y").await;
    invalid(store.stage(&new, StagedBatch::Edges(vec![edge("ada", "nobody")])).await);
    store.discard(&new).await.unwrap();
    assert_eq!(ids(store).await, ["x1", "x2"]);
    assert_eq!((counts(store, "a").await, totals(store).await), (SAMPLE, SAMPLE));
}

async fn what_was_discarded_is_gone(store: &impl Knowledge) {
    let revision = revision("a");
    store.discard(&revision).await.unwrap();
    stage_sample(store, &revision, "x").await;
    store.discard(&revision).await.unwrap();
    store.discard(&revision).await.unwrap();
    // Nothing is left to publish, and the same ids can be staged again.
    stage_sample(store, &revision, "x").await;
    store.publish(&revision).await.unwrap();
    assert_eq!(totals(store).await, SAMPLE);
}

async fn discarding_what_is_published_changes_nothing(store: &impl Knowledge) {
    let revision = revision("a");
    stage_sample(store, &revision, "x").await;
    store.publish(&revision).await.unwrap();
    store.discard(&revision).await.unwrap();
    assert_eq!((totals(store).await, ids(store).await.len()), (SAMPLE, 2));
}

async fn a_published_revision_takes_no_more(store: &impl Knowledge) {
    let revision = revision("a");
    stage_sample(store, &revision, "x").await;
    store.publish(&revision).await.unwrap();
    invalid(store.stage(&revision, StagedBatch::Facts(vec![fact("late")])).await);
    assert_eq!(totals(store).await, SAMPLE);
}

async fn documents_share_the_nodes_of_a_collection(store: &impl Knowledge) {
    let (a, b) = (revision("a"), revision("b"));
    store.stage(&a, nodes(&["x", "y"])).await.unwrap();
    store.stage(&b, nodes(&["y", "z"])).await.unwrap();
    store.publish(&a).await.unwrap();
    store.publish(&b).await.unwrap();
    assert_eq!((counts(store, "a").await.nodes, counts(store, "b").await.nodes, totals(store).await.nodes), (2, 2, 3));
    let again = revision("a");
    store.stage(&again, nodes(&["z", "y", "w"])).await.unwrap();
    store.publish(&again).await.unwrap();
    assert_eq!((counts(store, "a").await.nodes, totals(store).await.nodes), (3, 3));
    store.publish(&revision("b")).await.unwrap();
    assert_eq!((counts(store, "b").await.nodes, totals(store).await.nodes), (0, 3));
    store.publish(&revision("a")).await.unwrap();
    assert_eq!(totals(store).await.nodes, 0);
}

async fn a_staged_node_is_replaced(store: &impl Knowledge) {
    let revision = revision("a");
    assert_eq!(store.stage(&revision, nodes(&["x", "y"])).await, Ok(2));
    assert_eq!(store.stage(&revision, nodes(&["y", "z", "z"])).await, Ok(3));
    store.publish(&revision).await.unwrap();
    assert_eq!(counts(store, "a").await.nodes, 3);
}

async fn an_edge_needs_its_ends(store: &impl Knowledge) {
    let (a, b) = (revision("a"), revision("b"));
    store.stage(&b, nodes(&["y"])).await.unwrap();
    store.publish(&b).await.unwrap();
    store.stage(&a, nodes(&["x"])).await.unwrap();
    for (source, target) in [("x", "y"), ("y", "x"), ("x", "")] {
        let text = invalid(store.stage(&a, StagedBatch::Edges(vec![edge(source, target)])).await);
        let missing = if source == "x" { target } else { source };
        assert!(text.contains(&format!("{missing:?}")), "{text}");
    }
    assert_eq!(store.stage(&a, StagedBatch::Edges(vec![edge("x", "x")])).await, Ok(1));
}

async fn a_refused_batch_stages_nothing(store: &impl Knowledge) {
    let revision = revision("a");
    store.stage(&revision, nodes(&["x"])).await.unwrap();
    invalid(store.stage(&revision, StagedBatch::Edges(vec![edge("x", "x"), edge("x", "q")])).await);
    invalid(store.stage(&revision, points(vec![point("1", &[1.0]), point("1", &[1.0])])).await);
    store.publish(&revision).await.unwrap();
    assert_eq!(counts(store, "a").await, KnowledgeCounts { nodes: 1, ..NOTHING });
}

async fn a_collection_has_one_model(store: &impl Knowledge) {
    let first = revision("a");
    store.stage(&first, points(vec![point("1", &[1.0, 0.0])])).await.unwrap();
    let other = |vector: &[f32]| StagedBatch::Points { model: "model-b".into(), points: vec![point("1", vector)] };
    for published in [false, true] {
        if published {
            store.publish(&first).await.unwrap();
        }
        let text = invalid(store.stage(&revision("b"), other(&[1.0, 0.0])).await);
        assert!(text.contains(MODEL) && text.contains("model-b"), "{text}");
        let text = invalid(store.stage(&revision("b"), points(vec![point("1", &[1.0, 0.0, 0.0])])).await);
        assert!(text.contains('2') && text.contains('3'), "{text}");
    }
    invalid(store.stage(&revision("c"), points(vec![point("1", &[1.0, 0.0]), point("2", &[1.0])])).await);
    // Other collections are independent.
    assert_eq!(store.stage(&revision_in("other", "a"), other(&[1.0])).await, Ok(1));
}

async fn an_emptied_collection_takes_another_model(store: &impl Knowledge) {
    let other = || StagedBatch::Points { model: "model-b".into(), points: vec![point("1", &[1.0])] };
    let first = revision("a");
    stage_sample(store, &first, "x").await;
    store.discard(&first).await.unwrap();
    let second = revision("a");
    assert_eq!(store.stage(&second, other()).await, Ok(1));
    store.publish(&second).await.unwrap();
    assert_eq!(found(store, "books", &[1.0], 5).await.len(), 1);
    store.publish(&revision("a")).await.unwrap();
    stage_sample(store, &revision("a"), "x").await;
}

async fn numbers_must_be_finite(store: &impl Knowledge) {
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        invalid(store.stage(&revision("a"), points(vec![point("1", &[0.0, wrong])])).await);
        assert!(store.search("books", &[wrong], 5).await.is_err());
    }
    invalid(store.stage(&revision("a"), points(vec![point("1", &[])])).await);
    assert_eq!(store.stage(&revision("a"), points(vec![point("1", &[f32::MAX, f32::MAX])])).await, Ok(1));
}

async fn ids_are_unique_within_the_document(store: &impl Knowledge) {
    let (a, b) = (revision("a"), revision("b"));
    let one = || points(vec![point("1", &[1.0])]);
    store.stage(&a, one()).await.unwrap();
    assert!(invalid(store.stage(&a, one()).await).contains("\"1\""));
    assert_eq!(store.stage(&b, one()).await, Ok(1));
}

async fn calls_have_limits(store: &impl Knowledge) {
    let a = revision("a");
    let many = |n: usize| StagedBatch::Facts(vec![fact("x"); n]);
    assert_eq!(store.stage(&a, many(256)).await, Ok(256));
    assert!(matches!(store.stage(&a, many(257)).await, Err(CapabilityError::Limit(_))));
    assert_eq!(store.stage(&a, many(0)).await, Ok(0));
    let key = |length: usize| "k".repeat(length);
    assert_eq!(store.stage(&a, nodes(&[&key(255)])).await, Ok(1));
    invalid(store.stage(&a, nodes(&[&key(256)])).await);
    invalid(store.stage(&a, nodes(&[""])).await);
    assert_eq!(store.stage(&a, points(vec![point(&key(255), &[1.0])])).await, Ok(1));
    invalid(store.stage(&a, points(vec![point(&key(256), &[1.0])])).await);
    invalid(store.stage(&a, points(vec![point("", &[1.0])])).await);
    // {"p":"…"} adds eight bytes.
    let payload = |length: usize| Point { payload: object(json!({ "p": key(length - 8) })), ..point("p", &[1.0]) };
    invalid(store.stage(&a, points(vec![payload(64 * 1024 + 1)])).await);
    assert_eq!(store.stage(&a, points(vec![payload(64 * 1024)])).await, Ok(1));
    invalid(store.stage(&a, StagedBatch::Nodes(vec![Node { properties: payload(70_000).payload, ..node("n") }])).await);
}

/// Pseudorandom numbers, the same at each run (SplitMix64).
fn numbers() -> impl FnMut() -> f32 {
    let mut state = 7u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

async fn search_agrees_with_an_exhaustive_one(store: &impl Knowledge) {
    // Not a multiple of a vector register's length: the remaining numbers count too.
    const DIMENSIONS: usize = 37;
    let mut number = numbers();
    let mut vector = || (0..DIMENSIONS).map(|_| number() * 3.0).collect::<Vec<f32>>();
    let mut all = Vec::new();
    for name in ["a", "b", "c"] {
        let revision = revision(name);
        for part in 0..3 {
            let batch: Vec<Point> = (0..50).map(|n| point(&format!("{part}-{n}"), &vector())).collect();
            all.extend(batch.iter().map(|point| (name, point.clone())));
            store.stage(&revision, points(batch)).await.unwrap();
        }
        store.publish(&revision).await.unwrap();
    }
    let cosine = |a: &[f32], b: &[f32]| {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    for limit in [1, 10, 449, 450, 900] {
        let query = vector();
        let mut expected: Vec<(f64, &str, &str)> =
            all.iter().map(|(name, point)| (cosine(&query, &point.vector), *name, point.id.as_str())).collect();
        expected.sort_by(|one, other| other.0.total_cmp(&one.0));
        expected.truncate(limit);
        let hits = found(store, "books", &query, limit).await;
        assert_eq!(hits.len(), limit.min(450));
        for (hit, (score, name, id)) in hits.iter().zip(expected) {
            assert_eq!((hit.document.as_str(), hit.id.as_str()), (name, id));
            assert!((f64::from(hit.score) - score).abs() < 1e-5, "{} {score}", hit.score);
        }
    }
}

async fn search_gives_the_whole_point(store: &impl Knowledge) {
    let revision = revision("a");
    let point = point("1", &[3.0, 4.0]);
    store.stage(&revision, points(vec![point.clone()])).await.unwrap();
    store.publish(&revision).await.unwrap();
    let hits = found(store, "books", &[-3.0, -4.0], 1).await;
    let Hit { document, id, text, payload, score } = hits[0].clone();
    assert_eq!((document, id, text, payload), (revision.document, point.id, point.text, point.payload));
    assert!((score + 1.0).abs() < 1e-6, "{score}");
}

async fn search_has_edges(store: &impl Knowledge) {
    assert!(found(store, "nobody's", &[1.0], 5).await.is_empty());
    let revision = revision("a");
    let zero_and_one = vec![point("zero", &[0.0, 0.0]), point("one", &[1.0, 0.0]), point("same", &[2.0, 0.0])];
    store.stage(&revision, points(zero_and_one)).await.unwrap();
    store.publish(&revision).await.unwrap();
    assert!(found(store, "books", &[1.0, 0.0], 0).await.is_empty());
    let order = |hits: Vec<Hit>| hits.into_iter().map(|hit| (hit.id, hit.score)).collect::<Vec<_>>();
    let expected = [("one", 1.0), ("same", 1.0), ("zero", 0.0)].map(|(id, score)| (id.to_owned(), score));
    assert_eq!(order(found(store, "books", &[1.0, 0.0], 5).await), expected);
    assert!(order(found(store, "books", &[0.0, 0.0], 5).await).iter().all(|(_, score)| *score == 0.0));
    assert!(store.search("books", &[1.0], 5).await.is_err());
}

async fn collections_do_not_mix(store: &impl Knowledge) {
    for (collection, tag) in [("books", "b"), ("films", "f")] {
        let revision = revision_in(collection, "same");
        stage_sample(store, &revision, tag).await;
        store.publish(&revision).await.unwrap();
    }
    assert_eq!(ids(store).await, ["b1", "b2"]);
    store.publish(&revision_in("films", "same")).await.unwrap();
    assert_eq!((counts(store, "same").await, totals(store).await), (SAMPLE, SAMPLE));
    assert_eq!(store.counts("films", None).await, Ok(NOTHING));
}

async fn many_documents_are_each_found(store: &impl Knowledge) {
    let names: Vec<String> = (0..300).map(|n| format!("d{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        let revision = revision(name);
        let (x, y) = (n as f32, (300 - n) as f32);
        store.stage(&revision, points(vec![point(name, &[x, y])])).await.unwrap();
        store.stage(&revision, nodes(&["everybody's", name])).await.unwrap();
        store.publish(&revision).await.unwrap();
    }
    assert_eq!(totals(store).await, KnowledgeCounts { points: 300, nodes: 301, ..NOTHING });
    let order: Vec<String> = found(store, "books", &[1.0, 0.0], 300).await.into_iter().map(|hit| hit.id).collect();
    assert!(order.iter().eq(names.iter().rev()), "{order:?}");
}

async fn revisions_do_not_mix(store: &impl Knowledge) {
    let (one, two) = (revision("a"), revision("a"));
    stage_sample(store, &one, "x").await;
    stage_sample(store, &two, "y").await;
    store.publish(&one).await.unwrap();
    assert_eq!(ids(store).await, ["x1", "x2"]);
    store.discard(&two).await.unwrap();
    assert_eq!((ids(store).await.len(), totals(store).await), (2, SAMPLE));
    // A revision belongs to one document.
    let stolen = Revision { document: document("b"), ..revision("b") };
    stage_sample(store, &stolen, "z").await;
    let elsewhere = Revision { document: document("c"), ..stolen.clone() };
    invalid(store.stage(&elsewhere, StagedBatch::Facts(vec![fact("x")])).await);
    assert!(store.publish(&elsewhere).await.is_err());
    assert_eq!(counts(store, "c").await, NOTHING);
}

/// Behaviour of files only.
mod file {
    use super::*;

    #[tokio::test]
    async fn a_crash_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = &SqliteKnowledge::open(&folder.path().join("knowledge.db"), None).unwrap();
        let kept = revision("a");
        stage_sample(store, &kept, "x").await;
        store.publish(&kept).await.unwrap();
        assert_eq!(store.discard_unpublished().await, Ok(0));
        let left: Vec<Revision> = (0..40).map(|n| revision(&format!("d{}", n % 7))).collect();
        for revision in &left {
            stage_sample(store, revision, "y").await;
        }
        assert_eq!(store.discard_unpublished().await, Ok(40));
        assert_eq!(store.discard_unpublished().await, Ok(0));
        assert_eq!(ids(store).await, ["x1", "x2"]);
        store.publish(&left[0]).await.unwrap();
        assert_eq!(totals(store).await, SAMPLE);
    }

    #[tokio::test]
    async fn what_is_published_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knowledge.db");
        let (kept, lost) = (revision("a"), revision("b"));
        {
            let store = SqliteKnowledge::open(&path, None).unwrap();
            stage_sample(&store, &kept, "x").await;
            store.publish(&kept).await.unwrap();
            stage_sample(&store, &lost, "y").await;
        }
        let store = SqliteKnowledge::open(&path, None).unwrap();
        assert_eq!((totals(&store).await, ids(&store).await.len()), (SAMPLE, 2));
        assert_eq!(store.discard_unpublished().await, Ok(1));
        assert_eq!(totals(&store).await, SAMPLE);
    }

    #[tokio::test]
    async fn a_full_disk_leaves_the_old_document_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteKnowledge::open(&folder.path().join("knowledge.db"), Some(512 * 1024)).unwrap();
        let (old, new) = (revision("a"), revision("a"));
        stage_sample(&store, &old, "x").await;
        store.publish(&old).await.unwrap();
        let large = |n: usize| Point { text: "t".repeat(100_000), ..point(&n.to_string(), &[1.0, 0.0]) };
        let mut refused = None;
        for n in 0..100 {
            if let Err(error) = store.stage(&new, points(vec![large(n)])).await {
                refused = Some(error);
                break;
            }
        }
        assert!(matches!(refused, Some(CapabilityError::Unavailable(_))), "{refused:?}");
        assert_eq!(ids(&store).await, ["x1", "x2"]);
        store.discard(&new).await.unwrap();
        assert_eq!((totals(&store).await, ids(&store).await.len()), (SAMPLE, 2));
        // There is free space again.
        stage_sample(&store, &new, "y").await;
        store.publish(&new).await.unwrap();
        assert_eq!(ids(&store).await, ["y1", "y2"]);
    }

    #[tokio::test]
    async fn another_kind_of_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("knowledge.db");
        std::fs::write(&path, "not a database, but long enough to be taken for one ".repeat(100)).unwrap();
        assert!(matches!(SqliteKnowledge::open(&path, None), Err(morag_core::ports::StoreError::Corrupt(_))));
    }
}
