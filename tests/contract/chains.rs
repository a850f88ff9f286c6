//! The promises of [`morag_core::ports::Chains`].

use crate::backends::{Backend, promises};
use crate::samples::document;
use morag_core::ports::{Chain, LINKS_MAX, Link, Turn};
use morag_core::task::TaskId;

promises!(
    tasks_have_their_turns_in_the_order_in_which_they_came,
    a_missing_task_uses_no_numbers,
    finishing_again_changes_nothing,
    a_task_that_runs_again_continues_the_numbers,
    chains_are_independent,
    the_oldest_links_are_forgotten_and_the_numbers_go_on,
);

fn chain(endpoint: &str, id: &str) -> Chain {
    Chain { endpoint: endpoint.to_owned().into(), document: document(id) }
}

fn tasks<const N: usize>() -> [TaskId; N] {
    std::array::from_fn(|_| TaskId::random())
}

async fn tasks_have_their_turns_in_the_order_in_which_they_came(mut backend: impl Backend) {
    let (chain, [a, b, c]) = (chain("ep", "doc {1}"), tasks());
    let store = backend.store();
    for _ in 0..2 {
        assert_eq!(store.turn(&chain, a, 0).await, Ok(Turn::Yes { base: 0 }));
        assert_eq!(store.turn(&chain, b, 0).await, Ok(Turn::After(a)));
        assert_eq!(store.turn(&chain, c, 0).await, Ok(Turn::After(a)));
    }
    assert_eq!(store.finish(&chain, a, Some(17)).await, Ok(Some(b)));
    drop(store);
    backend.reopen().await;
    let store = backend.store();
    assert_eq!(store.turn(&chain, c, 0).await, Ok(Turn::After(b)));
    assert_eq!(store.turn(&chain, b, 0).await, Ok(Turn::Yes { base: 17 }));
    assert_eq!(store.turn(&chain, b, 2).await, Ok(Turn::Yes { base: 17 }), "it does not move with its deliveries");
    let link = |task, base, delivered| Link { task, base, delivered };
    let links = [link(a, Some(0), Some(17)), link(b, Some(17), None), link(c, None, None)];
    assert_eq!(store.links(&chain).await, Ok(links.into()));
    assert_eq!(store.finish(&chain, b, Some(3)).await, Ok(Some(c)));
    assert_eq!(store.turn(&chain, c, 0).await, Ok(Turn::Yes { base: 20 }));
    assert_eq!(store.finish(&chain, c, Some(1)).await, Ok(None));
}

async fn a_missing_task_uses_no_numbers(backend: impl Backend) {
    let (chain, [a, b, c, d]) = (chain("ep", "doc"), tasks());
    let store = backend.store();
    for task in [a, b, c, d] {
        store.turn(&chain, task, 0).await.unwrap();
    }
    assert_eq!(store.finish(&chain, a, Some(5)).await, Ok(Some(b)));
    assert_eq!(store.finish(&chain, c, None).await, Ok(Some(b)), "one in the middle");
    assert_eq!(store.finish(&chain, b, None).await, Ok(Some(d)));
    assert_eq!(store.turn(&chain, d, 0).await, Ok(Turn::Yes { base: 5 }));
}

async fn finishing_again_changes_nothing(backend: impl Backend) {
    let (chain, [a, b, other]) = (chain("ep", "doc"), tasks());
    let store = backend.store();
    assert_eq!(store.finish(&chain, other, Some(3)).await, Ok(None));
    assert_eq!(store.links(&chain).await, Ok(vec![]));
    store.turn(&chain, a, 0).await.unwrap();
    store.turn(&chain, b, 0).await.unwrap();
    for delivered in [Some(4), Some(9), None] {
        assert_eq!(store.finish(&chain, a, delivered).await, Ok(Some(b)));
    }
    assert_eq!(store.finish(&chain, other, Some(3)).await, Ok(Some(b)));
    assert_eq!(store.turn(&chain, b, 0).await, Ok(Turn::Yes { base: 4 }));
}

async fn a_task_that_runs_again_continues_the_numbers(backend: impl Backend) {
    let (chain, [a, b]) = (chain("ep", "doc"), tasks());
    let store = backend.store();
    store.turn(&chain, a, 0).await.unwrap();
    store.turn(&chain, b, 0).await.unwrap();
    store.finish(&chain, a, Some(10)).await.unwrap();
    // It runs again: its own deliveries continue from 10, those of the chain from 14.
    assert_eq!(store.turn(&chain, a, 10).await, Ok(Turn::After(b)));
    assert_eq!(store.turn(&chain, b, 0).await, Ok(Turn::Yes { base: 10 }));
    assert_eq!(store.finish(&chain, b, Some(4)).await, Ok(Some(a)));
    assert_eq!(store.turn(&chain, a, 10).await, Ok(Turn::Yes { base: 4 }), "its 11th is the 15th");
    assert_eq!(store.finish(&chain, a, Some(12)).await, Ok(None));
    let [next] = tasks();
    assert_eq!(store.turn(&chain, next, 0).await, Ok(Turn::Yes { base: 16 }));
    let places: Vec<_> = store.links(&chain).await.unwrap().into_iter().map(|link| link.task).collect();
    assert_eq!(places, [a, b, a, next]);
}

async fn chains_are_independent(backend: impl Backend) {
    let [a, b] = tasks();
    let store = backend.store();
    store.turn(&chain("ep", "doc"), a, 0).await.unwrap();
    for other in [chain("ep", "another"), chain("ep2", "doc")] {
        assert_eq!(store.turn(&other, b, 0).await, Ok(Turn::Yes { base: 0 }));
        assert_eq!(store.finish(&other, a, Some(3)).await, Ok(Some(b)));
    }
    assert_eq!(store.turn(&chain("ep", "doc"), b, 0).await, Ok(Turn::After(a)));
}

async fn the_oldest_links_are_forgotten_and_the_numbers_go_on(backend: impl Backend) {
    let chain = chain("ep", "doc");
    let store = backend.store();
    let count = LINKS_MAX as u64 + 20;
    let mut last = TaskId::random();
    for n in 0..count {
        last = TaskId::random();
        assert_eq!(store.turn(&chain, last, 0).await, Ok(Turn::Yes { base: n * 2 }));
        assert_eq!(store.finish(&chain, last, Some(2)).await, Ok(None));
    }
    let links = store.links(&chain).await.unwrap();
    assert_eq!(links.len(), LINKS_MAX);
    assert_eq!(links.last(), Some(&Link { task: last, base: Some(count * 2 - 2), delivered: Some(2) }));
    assert!(links.is_sorted_by_key(|link| link.base));
}
