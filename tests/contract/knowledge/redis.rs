//! Behaviour of a knowledge store shared by processes: the promises hold between them, and leftovers of one are removed.

use super::*;
use crate::backends::redis::Servers;
use morag_adapters::store::redis::{Redis, RedisKnowledge};
use morag_core::ports::StoreError;
use morag_tests::proxy::Proxy;
use morag_tests::redis::{RedisServer, shared_cluster, shared_single};
use std::sync::Arc;

/// An empty store with its own prefix.
pub async fn fresh<S: Servers>() -> Arc<RedisKnowledge> {
    Store::<S>::new().process().await
}

/// A store that several processes share.
struct Store<S> {
    prefix: String,
    servers: std::marker::PhantomData<S>,
}

impl<S: Servers> Store<S> {
    fn new() -> Self {
        Self { prefix: format!("{}:", uuid::Uuid::new_v4()), servers: std::marker::PhantomData }
    }

    /// Opens another process.
    async fn process(&self) -> Arc<RedisKnowledge> {
        let redis = Redis::connect(S::url().parse().unwrap(), None).await.unwrap();
        RedisKnowledge::open(redis, self.prefix.clone())
    }

    /// The servers of this kind, identified by the URL.
    fn nodes() -> Vec<&'static RedisServer> {
        match S::url() == shared_single().url() {
            true => vec![shared_single()],
            false => shared_cluster().nodes().iter().collect(),
        }
    }

    /// The keys of the store, each with its server and its TTL in milliseconds; -1 for persistent ones.
    fn keys(&self) -> Vec<(&'static RedisServer, String, i64)> {
        let pattern = format!("{}*", self.prefix);
        let of_node = |node: &'static RedisServer| {
            let keys: Vec<String> = node.ask(&["keys", &pattern]).lines().map(str::to_owned).collect();
            keys.into_iter().filter(|key| !key.is_empty()).map(move |key| {
                let left = node.ask(&["pttl", &key]).trim().parse().unwrap();
                (node, key, left)
            })
        };
        Self::nodes().into_iter().flat_map(of_node).collect()
    }

    /// Kinds of the persistent keys, in order.
    fn kinds_that_stay(&self) -> Vec<String> {
        let kind = |key: &str| key[self.prefix.len()..].split(':').next().unwrap().to_owned();
        let mut kinds: Vec<String> =
            self.keys().iter().filter(|(.., left)| *left == -1).map(|(_, key, _)| kind(key)).collect();
        kinds.sort();
        kinds
    }

    /// Simulates that two days pass: removes the keys that expire by then.
    fn wait_two_days(&self) {
        for (node, key, left) in self.keys() {
            assert!(left <= 2 * DAY_MILLIS, "{key} stays for {left} ms");
            if left >= 0 {
                assert_eq!(node.ask(&["del", &key]).trim(), "1", "{key}");
            } else if key.contains("knowledge_holders") {
                let now: i64 = node.ask(&["time"]).lines().next().unwrap().parse().unwrap();
                // A minute more, because they were staged a while ago.
                let then = (now * 1000 + 2 * DAY_MILLIS + 60_000).to_string();
                _ = node.ask(&["zremrangebyscore", &key, "-inf", &then]);
            }
        }
    }

    /// Runs a command on the set of revisions that bind the collection "books" to its model.
    fn holders(&self, command: &str, arguments: &[&str]) -> String {
        let key = format!("{}knowledge_holders:{{5:books}}", self.prefix);
        let words = [&[command, &key], arguments].concat();
        Self::nodes().into_iter().map(|node| node.ask(&words)).find(|said| !said.contains("MOVED")).unwrap()
    }
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

macro_rules! of_both {
    ($($test:ident),+ $(,)?) => {
        mod single {
            $(#[tokio::test] async fn $test() { super::$test(super::Store::<crate::backends::redis::Single>::new()).await; })+
        }
        mod cluster {
            $(#[tokio::test] async fn $test() { super::$test(super::Store::<crate::backends::redis::Cluster>::new()).await; })+
        }
    };
}

of_both!(
    processes_see_what_each_publishes,
    data_staged_by_another_process_is_not_touched,
    what_a_killed_process_staged_expires,
    only_published_data_stays,
    a_revision_that_lost_something_is_not_published,
    a_revision_is_of_one_document_in_every_process,
    processes_that_replace_a_document_leave_one_whole,
    processes_share_the_model,
    a_crash_does_not_hold_the_model,
    a_document_is_found_while_it_is_replaced,
);

async fn processes_see_what_each_publishes<S: Servers>(all: Store<S>) {
    let (one, two) = (all.process().await, all.process().await);
    for (store, name) in [(&one, "a"), (&two, "b")] {
        let revision = revision(name);
        stage_sample(&**store, &revision, name).await;
        store.publish(&revision).await.unwrap();
    }
    for store in [&*one, &*two] {
        assert_eq!(ids(store).await, ["a1", "a2", "b1", "b2"]);
        assert_eq!(totals(store).await, KnowledgeCounts { points: 4, nodes: 4, edges: 2, facts: 2 });
    }
    // Staged by one process, published by the other.
    let handed_on = revision("a");
    stage_sample(&*one, &handed_on, "c").await;
    two.publish(&handed_on).await.unwrap();
    assert_eq!(ids(&*one).await, ["b1", "b2", "c1", "c2"]);
}

async fn data_staged_by_another_process_is_not_touched<S: Servers>(all: Store<S>) {
    let (one, two) = (all.process().await, all.process().await);
    let revision = revision("a");
    stage_sample(&*one, &revision, "x").await;
    assert_eq!(two.discard_unpublished().await, Ok(0));
    one.publish(&revision).await.unwrap();
    assert_eq!((ids(&*two).await.len(), totals(&*two).await), (2, SAMPLE));
}

async fn what_a_killed_process_staged_expires<S: Servers>(all: Store<S>) {
    let store = all.process().await;
    let kept = revision("a");
    stage_sample(&*store, &kept, "x").await;
    store.publish(&kept).await.unwrap();
    let before = all.kinds_that_stay();
    let left: Vec<Revision> = (0..10).map(|n| revision(&format!("d{}", n % 7))).collect();
    for revision in &left {
        stage_sample(&*store, revision, "y").await;
    }
    drop(store);
    assert_eq!(all.kinds_that_stay(), before);
    all.wait_two_days();
    assert_eq!(all.keys().len(), before.len());
    assert_eq!(all.holders("zcard", &[]).trim(), "1");
    let store = all.process().await;
    assert_eq!((ids(&*store).await.len(), totals(&*store).await), (2, SAMPLE));
    // Nothing is left to publish.
    store.publish(&left[0]).await.unwrap();
    assert_eq!(totals(&*store).await, SAMPLE);
}

async fn only_published_data_stays<S: Servers>(all: Store<S>) {
    let store = all.process().await;
    let stay = ["documents", "edges", "facts", "holders", "model", "nodes", "points", "published", "vectors"];
    for tag in ["x", "y"] {
        let revision = revision("a");
        stage_sample(&*store, &revision, tag).await;
        store.publish(&revision).await.unwrap();
        assert_eq!(all.kinds_that_stay(), stay.map(|kind| format!("knowledge_{kind}")));
        all.wait_two_days();
        assert_eq!((ids(&*store).await.len(), totals(&*store).await), (2, SAMPLE));
    }
    store.publish(&revision("a")).await.unwrap();
    assert!(all.kinds_that_stay().is_empty(), "{:?}", all.kinds_that_stay());
    let again = revision("a");
    stage_sample(&*store, &again, "z").await;
    store.publish(&again).await.unwrap();
    assert_eq!(all.kinds_that_stay(), stay.map(|kind| format!("knowledge_{kind}")));
}

async fn a_revision_that_lost_something_is_not_published<S: Servers>(all: Store<S>) {
    let store = all.process().await;
    let old = revision("a");
    stage_sample(&*store, &old, "x").await;
    store.publish(&old).await.unwrap();
    let new = revision("a");
    stage_sample(&*store, &new, "y").await;
    all.wait_two_days();
    // A part of it is staged again, not all.
    for again in [false, true] {
        if again {
            store.stage(&new, StagedBatch::Facts(vec![fact("late")])).await.unwrap();
        }
        assert!(matches!(store.publish(&new).await, Err(StoreError::Unavailable(_))));
        assert_eq!((ids(&*store).await, totals(&*store).await), (vec!["x1".into(), "x2".into()], SAMPLE));
    }
    // Its points exist, but not its entry that binds the collection to the model.
    let unheld = revision("a");
    stage_sample(&*store, &unheld, "z").await;
    assert_eq!(all.holders("zrem", &[&format!("{}/a", unheld.id)]).trim(), "1");
    assert!(matches!(store.publish(&unheld).await, Err(StoreError::Unavailable(_))));
    assert_eq!((ids(&*store).await, totals(&*store).await), (vec!["x1".into(), "x2".into()], SAMPLE));
}

async fn a_revision_is_of_one_document_in_every_process<S: Servers>(all: Store<S>) {
    let (one, two) = (all.process().await, all.process().await);
    let first = revision("a");
    stage_sample(&*one, &first, "x").await;
    for elsewhere in [
        Revision { document: document("b"), ..first.clone() },
        Revision { collection: "films".into(), ..first.clone() },
    ] {
        invalid(two.stage(&elsewhere, StagedBatch::Facts(vec![fact("x")])).await);
        assert!(two.publish(&elsewhere).await.is_err());
    }
    two.publish(&first).await.unwrap();
    assert_eq!(totals(&*one).await, SAMPLE);
}

async fn processes_that_replace_a_document_leave_one_whole<S: Servers>(all: Store<S>) {
    let stores = [all.process().await, all.process().await, all.process().await];
    let publish = |n: usize| {
        let store = stores[n % 3].clone();
        async move {
            let revision = revision("a");
            stage_sample(&*store, &revision, &format!("{n}-")).await;
            store.publish(&revision).await.unwrap();
            store.publish(&revision).await.unwrap();
        }
    };
    futures::future::join_all((0..9).map(publish)).await;
    assert_eq!((ids(&*stores[0]).await.len(), totals(&*stores[1]).await), (2, SAMPLE));
    let stay = all.kinds_that_stay();
    assert_eq!(stay.iter().filter(|kind| *kind == "knowledge_vectors").count(), 1, "{stay:?}");
    assert_eq!(all.holders("zcard", &[]).trim(), "1");
}

async fn processes_share_the_model<S: Servers>(all: Store<S>) {
    let (one, two) = (all.process().await, all.process().await);
    let other = || StagedBatch::Points { model: "model-b".into(), points: vec![point("1", &[1.0])] };
    let first = revision("a");
    stage_sample(&*one, &first, "x").await;
    invalid(two.stage(&revision("b"), other()).await);
    one.publish(&first).await.unwrap();
    invalid(two.stage(&revision("b"), other()).await);
    // A late call does not change the model.
    invalid(two.stage(&first, points(vec![point("late", &[1.0, 0.0])])).await);
    assert_eq!(all.holders("zcard", &[]).trim(), "1");
    assert_eq!(all.holders("zscore", &[&format!("{}/a", first.id)]).trim(), "inf");
    two.publish(&revision("a")).await.unwrap();
    // A refused call does not bind the model.
    let twice = vec![point("1", &[1.0, 0.0]), point("1", &[1.0, 0.0])];
    invalid(one.stage(&revision("c"), points(twice)).await);
    assert_eq!(two.stage(&revision("b"), other()).await, Ok(1));
}

async fn a_crash_does_not_hold_the_model<S: Servers>(all: Store<S>) {
    let store = all.process().await;
    let other = || StagedBatch::Points { model: "model-b".into(), points: vec![point("1", &[1.0])] };
    let kept = revision("a");
    stage_sample(&*store, &kept, "x").await;
    store.publish(&kept).await.unwrap();
    // Entries of processes that were killed while publishing: before and after another one replaced the document.
    let dead: Vec<String> = (0..200).map(|n| format!("{}/d{n}", uuid::Uuid::new_v4())).collect();
    let added = dead.iter().flat_map(|dead| ["+inf", dead]).chain(["+inf", "not a holder"]);
    assert_eq!(all.holders("zadd", &added.collect::<Vec<_>>()).trim(), "201");
    invalid(store.stage(&revision("b"), other()).await);
    store.publish(&revision("a")).await.unwrap();
    // Expired entries, more than one call removes.
    let run_out: Vec<String> = (0..2000).map(|n| format!("{}/d{n}", uuid::Uuid::new_v4())).collect();
    let added = run_out.iter().flat_map(|holder| ["1", holder]);
    assert_eq!(all.holders("zadd", &added.collect::<Vec<_>>()).trim(), "2000");
    let another = revision("b");
    assert_eq!(store.stage(&another, other()).await, Ok(1));
    store.publish(&another).await.unwrap();
    assert_eq!(all.holders("zcount", &["2", "+inf"]).trim(), "1");
    invalid(store.stage(&revision("c"), points(vec![point("1", &[1.0, 0.0])])).await);
}

async fn a_document_is_found_while_it_is_replaced<S: Servers>(all: Store<S>) {
    let (reader, writer) = (all.process().await, all.process().await);
    let first = revision("a");
    stage_sample(&*writer, &first, "0-").await;
    writer.publish(&first).await.unwrap();
    for n in 1..40 {
        let next = revision("a");
        stage_sample(&*writer, &next, &format!("{n}-")).await;
        // A replacement happens during each search and each count, at any moment.
        if n % 2 == 0 {
            let (ids, published) = tokio::join!(ids(&*reader), writer.publish(&next));
            published.unwrap();
            let tags: Vec<_> = ids.iter().map(|id| id.split('-').next().unwrap()).collect();
            assert!(matches!(tags.as_slice(), [one, two] if one == two), "{ids:?}");
        } else {
            let (totals, published) = tokio::join!(totals(&*reader), writer.publish(&next));
            published.unwrap();
            assert_eq!(totals, SAMPLE);
        }
    }
}

/// Each request of a process is tried once with its response lost.
#[tokio::test]
async fn a_lost_answer_changes_nothing() {
    let all = Store::<Single>::new();
    let proxy = Proxy::to(shared_single().port()).await;
    let redis = Redis::connect(shared_single().url_at(proxy.port()).parse().unwrap(), None).await.unwrap();
    let (there, here) = (RedisKnowledge::open(redis, all.prefix.clone()), all.process().await);
    for nth in 0.. {
        let (kept, dropped) = (revision("a"), revision("b"));
        proxy.lose_answers(&all.prefix, nth, 1);
        stage_sample(&*there, &kept, &format!("{nth}-")).await;
        let again = invalid(there.stage(&kept, points(vec![point("new", &[1.0, 0.0]); 2])).await);
        assert!(again.contains("new"), "{again}");
        there.publish(&kept).await.unwrap();
        stage_sample(&*there, &dropped, "y").await;
        there.discard(&dropped).await.unwrap();
        let lost = proxy.lost();
        proxy.lose_answers("", 0, 0);
        assert_eq!(ids(&*here).await, [format!("{nth}-1"), format!("{nth}-2")], "{nth}");
        assert_eq!(totals(&*here).await, SAMPLE, "{nth}");
        let kinds = all.kinds_that_stay();
        assert_eq!(kinds.len(), 9, "{nth}: {kinds:?}");
        assert_eq!(all.holders("zcard", &[]).trim(), "1", "{nth}");
        if lost == 0 {
            // Owner, model and four batches; a refused batch; load, model, publish, release; the same again for the discarded one.
            assert!(nth >= 18, "only {nth} requests were made");
            return;
        }
    }
}
