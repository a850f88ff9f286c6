//! The feed in Redis: several processes, trimming, and commits that are sent twice.

use super::lab::{Lab, ask};
use crate::backends::redis::{Cluster, InRedis, Servers, Single};
use crate::backends::{Backend, Store};
use crate::feed::{assert_complete, fill, read, rest, tasks};
use crate::samples::append;
use morag_core::ports::FeedPosition;
use morag_tests::proxy::Proxy;
use morag_tests::redis::shared_single;

#[tokio::test]
async fn readers_of_all_processes_see_one_order_on_one_server() {
    readers_of_all_processes_see_one_order::<Single>().await;
}

#[tokio::test]
async fn readers_of_all_processes_see_one_order_on_a_cluster() {
    readers_of_all_processes_see_one_order::<Cluster>().await;
}

async fn readers_of_all_processes_see_one_order<S: Servers>() {
    let backend = InRedis::<S>::fresh().await;
    let (one, two, three) = (backend.store(), backend.another().await, backend.another().await);
    let from = one.tail().await.unwrap();
    let tasks = tasks(&backend, 16).await;
    let (two, three): (&dyn Store, &dyn Store) = (&*two, &*three);
    let (at_once, small, ()) =
        tokio::join!(read(two, from, 16 * 15, 50), read(three, from, 16 * 15, 3), fill(&backend, &tasks, 15));
    let order = |items: &[morag_core::ports::FeedItem]| -> Vec<_> {
        items.iter().map(|item| (item.record.id, item.event.sequence)).collect()
    };
    assert_complete(&order(&at_once), &tasks, 15);
    assert_eq!(order(&at_once), order(&small));
    assert_eq!(order(&at_once), rest(&*one, from, 100).await.0);
    // A position that one process returned is valid in another.
    let middle = at_once[100].position;
    assert_eq!(order(&at_once)[101..], rest(three, middle, 100).await.0);
}

#[tokio::test]
async fn trimmed_events_are_a_gap_for_readers_behind() {
    let lab = Lab::new().await;
    let store = lab.store();
    let task = tasks(&lab, 1).await[0];
    let start = store.tail().await.unwrap();
    append(&lab, task, 3).await.unwrap();
    let read = read(&*store, start, 3, 10).await;
    let feed = lab.key(&format!("feed:{{q{}}}", &task.to_string()[..2]));
    assert_eq!(ask(&["xlen", &feed]), "3");
    assert!(!store.since(start, 10).await.unwrap().gap);
    // As a busy bucket would trim it.
    ask(&["xtrim", &feed, "MAXLEN", "1"]);
    let page = store.since(start, 10).await.unwrap();
    assert!(page.gap, "{page:?}");
    assert_eq!(page.items.iter().map(|item| item.event.sequence).collect::<Vec<_>>(), [3]);
    // A reader that has read everything sees no gap.
    assert!(!store.since(read[2].position, 10).await.unwrap().gap);
}

#[tokio::test]
async fn a_feed_is_bounded_and_expires() {
    let lab = Lab::new().await;
    let task = tasks(&lab, 1).await[0];
    let feed = lab.key(&format!("feed:{{q{}}}", &task.to_string()[..2]));
    for _ in 0..30 {
        append(&lab, task, 100).await.unwrap();
    }
    let kept: usize = ask(&["xlen", &feed]).parse().unwrap();
    assert!((2000..2200).contains(&kept), "{kept}");
    assert!(ask(&["pttl", &feed]).parse::<i64>().unwrap() > 0);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_in_the_feed_once() {
    let proxy = Proxy::to(shared_single().port()).await;
    let lab = Lab::at(&shared_single().url_at(proxy.port()), |_| {}).await;
    let store = lab.store();
    let task = tasks(&lab, 1).await[0];
    // Loads the script first, so that the dropped response is that of the commit.
    append(&lab, task, 1).await.unwrap();
    proxy.lose_answers(&lab.of_task("task_cursors", task), 0, 1);
    append(&lab, task, 2).await.unwrap();
    assert_eq!(proxy.lost(), 1);
    proxy.lose_answers("", 0, 0);
    assert_complete(&rest(&*store, recent(&*store).await, 10).await.0, &[task], 3);
}

/// A position of this hour, before all events of a test.
async fn recent(store: &dyn Store) -> FeedPosition {
    FeedPosition::after_all_of(store.tail().await.unwrap().moment() - 3_600_000)
}
