//! Due times follow the clock of Redis: a process with a wrong clock neither hastens nor delays anything.

use super::lab::{Lab, ask, claim_by_waiting, in_time, once_seen, server_time};
use crate::backends::Backend;
use crate::samples::{accept, append, attempt, claim_keys, claim_one, commit, end, task};
use morag_core::ports::{Commit, CursorMove, DueQueue, Guard, Next, Queue, Tasks};
use morag_core::task::{StatusWord, TaskId};
use std::time::Duration;

const HOUR: i64 = 3_600_000;

/// Errors of a process's clock, milliseconds.
const WRONG: [i64; 3] = [-HOUR, 0, HOUR];

/// Longer than a test takes, shorter than the errors of the clocks.
const LEASE: Duration = Duration::from_secs(600);

/// Runs a statement, and asserts that a key is due `after` it by the server's clock.
macro_rules! due_after {
    ($lab:expr, $queue:literal, $id:expr, $key:expr, $after:expr, $change:expr) => {{
        let before = server_time();
        let done = $change;
        let due = due_at(&$lab, $queue, $id, $key) - $after.as_millis() as f64;
        assert!((before..=server_time()).contains(&due), "{before} {due}");
        done
    }};
}

fn due_at(lab: &Lab, queue: &str, id: TaskId, key: &str) -> f64 {
    let score = ask(&["zscore", &lab.of_queue("due", id, queue), key]);
    score.parse().unwrap_or_else(|_| panic!("{key} is not due later: {score:?}"))
}

#[tokio::test]
async fn leases_and_due_times_go_by_the_servers_clock() {
    let five = Duration::from_secs(5);
    for wrong in WRONG {
        let lab = Lab::wrong_by(wrong).await;
        let store = lab.store();
        let id = accept(&*store, task(&lab, &["hook"])).await;
        let key = id.to_string();
        let claim = || async { store.claim(Queue::Tasks, 1, LEASE).await.unwrap().leases.remove(0) };
        let held = due_after!(lab, "tasks", id, &key, LEASE, claim().await);
        due_after!(lab, "tasks", id, &key, LEASE * 2, assert!(store.renew(&held, LEASE * 2).await.unwrap()));
        let due = lab.now().plus(five);
        due_after!(lab, "tasks", id, &key, five, assert!(store.release(&held, due).await.unwrap()));

        let parked = Commit { next: Next::At(due), ..commit(&lab, id, Guard::Sequence(0), 1..=1) };
        due_after!(lab, "tasks", id, &key, five, store.commit(parked).await.unwrap());
        let cursor = claim_one(&*store, Queue::Deliveries).await;
        let retry = store.advance(&cursor, CursorMove::Retry(due), Some(attempt(1, lab.now(), 500)));
        due_after!(lab, "deliveries", id, &cursor.key, five, retry.await.unwrap());

        // A time that is now is due at once.
        let now = Commit { next: Next::At(lab.now()), ..commit(&lab, id, Guard::Sequence(1), 2..=2) };
        store.commit(now).await.unwrap();
        assert_eq!(claim_keys(&*store, Queue::Tasks).await, [key]);
    }
}

#[tokio::test]
async fn a_process_is_told_by_its_own_clock_when_to_ask_again() {
    for wrong in WRONG {
        let lab = Lab::wrong_by(wrong).await;
        let store = lab.store();
        accept(&*store, task(&lab, &[])).await;
        assert_eq!(store.claim(Queue::Tasks, 9, LEASE).await.unwrap().leases.len(), 1);
        // A new process may first be told to scan every bucket.
        let next = once_seen("a time to come", async || {
            let next = store.claim(Queue::Tasks, 9, LEASE).await.unwrap().next_due.unwrap();
            (next != lab.now()).then_some(next)
        })
        .await;
        assert!(next > lab.now() && next <= lab.now().plus(LEASE), "{next:?} {:?}", lab.now());
    }
}

#[tokio::test]
async fn processes_of_different_clocks_respect_each_others_leases() {
    let slow = Lab::wrong_by(-HOUR).await;
    let fast = slow.as_seen_by_one_wrong_by(HOUR).await;
    for (one, other) in [(&slow, &fast), (&fast, &slow)] {
        let id = accept(&*one.store(), task(one, &[])).await;
        let store = other.store();
        let held = in_time("a task", claim_by_waiting(&*store, Queue::Tasks, LEASE)).await;
        assert_eq!(held.leases[0].key, id.to_string());
        // A new process, which scans every bucket.
        let third = one.another().await;
        assert_eq!(claim_keys(&*third, Queue::Tasks).await, [""; 0]);
        let counts = third.queue_counts(Queue::Tasks).await.unwrap();
        assert_eq!((counts.due, counts.later), (0, 0), "{counts:?}");
        end(one, id, StatusWord::Completed).await;
    }
}

#[tokio::test]
async fn tasks_expire_by_how_long_ago_they_ended() {
    let minutes = Duration::from_secs(30 * 60);
    for wrong in WRONG {
        let lab = Lab::wrong_by(wrong).await;
        let id = accept(&*lab.store(), task(&lab, &[])).await;
        append(&lab, id, 1).await.unwrap();
        end(&lab, id, StatusWord::Completed).await;
        // A process that has claimed nothing.
        let janitor = lab.another().await;
        let expire = async |before| janitor.expire(before, 9).await;
        assert_eq!(expire(lab.now().minus(minutes)).await, Ok(vec![]), "{wrong}");
        assert_eq!(expire(lab.now().plus(minutes)).await, Ok(vec![id]), "{wrong}");
    }
}
