//! Random sequences of operations on tasks, leases and cursors, compared with a simple model made of lists.

use crate::backends::redis::{Cluster, InRedis, Single};
use crate::backends::{Backend, Sqlite, Store};
use crate::samples::{accept, attempt, event, task};
use morag_core::Timestamp;
use morag_core::ports::{
    Commit, CommitError, CursorMove, DeliveryState, Guard, Lease, Next, Queue, QueueCounts, Recorded,
};
use morag_core::task::{StatusWord, TaskId};
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

/// An operation. Numbers select an element modulo the number of elements.
#[derive(Debug, Clone)]
enum Op {
    Accept { endpoints: usize },
    Claim { queue: Queue, max: usize, lease_ms: u64 },
    Renew { lease: usize, lease_ms: u64 },
    Release { lease: usize, delay_ms: u64 },
    Commit { lease: usize, events: u64, next: Then },
    Intervene { task: usize, missed: u64, events: u64, next: Then },
    Deliver { lease: usize, movement: Movement },
    Unpark { endpoint: usize },
    Pass { ms: u64 },
    Reopen,
}

#[derive(Debug, Clone, Copy)]
enum Then {
    Keep,
    At(u64),
    Done,
}

#[derive(Debug, Clone, Copy)]
enum Movement {
    Skip,
    Delivered,
    Dead,
    Retry(u64),
    Disable,
    Park,
}

fn ops() -> impl Strategy<Value = Op> {
    let then = || prop_oneof![3 => Just(Then::Keep), 2 => (0u64..200).prop_map(Then::At), 1 => Just(Then::Done)];
    let movement = prop_oneof![
        2 => Just(Movement::Skip),
        6 => Just(Movement::Delivered),
        2 => Just(Movement::Dead),
        4 => (0u64..200).prop_map(Movement::Retry),
        1 => Just(Movement::Disable),
        1 => Just(Movement::Park),
    ];
    let queue = prop_oneof![Just(Queue::Tasks), Just(Queue::Deliveries)];
    // Leases are selected backwards from the newest, so that most of the selected ones are still held.
    prop_oneof![
        3 => (0usize..3).prop_map(|endpoints| Op::Accept { endpoints }),
        8 => (queue, 1usize..4, 0u64..200).prop_map(|(queue, max, lease_ms)| Op::Claim { queue, max, lease_ms }),
        2 => (0usize..8, 0u64..200).prop_map(|(lease, lease_ms)| Op::Renew { lease, lease_ms }),
        2 => (0usize..8, 0u64..200).prop_map(|(lease, delay_ms)| Op::Release { lease, delay_ms }),
        8 => (0usize..8, 0u64..4, then()).prop_map(|(lease, events, next)| Op::Commit { lease, events, next }),
        2 => (0usize..8, 0u64..2, 0u64..3, then())
            .prop_map(|(task, missed, events, next)| Op::Intervene { task, missed, events, next }),
        10 => (0usize..8, movement).prop_map(|(lease, movement)| Op::Deliver { lease, movement }),
        5 => (0u64..150).prop_map(|ms| Op::Pass { ms }),
        1 => (0usize..2).prop_map(|endpoint| Op::Unpark { endpoint }),
        1 => Just(Op::Reopen),
    ]
}

/// An entry of a queue.
struct QueueEntry {
    queue: Queue,
    key: String,
    /// Index of its task.
    task: usize,
    due: Option<Timestamp>,
    leased: bool,
    parked: bool,
    fence: u64,
    /// For a cursor: next event, next delivery, attempts; none when disabled.
    cursor: Option<(u64, u64, u32)>,
}

/// Sort key of a due entry: since when it is due, and its task. Cursors of one task that came due together have no order.
type Turn = (Option<Timestamp>, usize);

impl QueueEntry {
    /// Tasks, all of one flow here, are ordered by acceptance, whenever they came due: the ranks of a flow never decrease, for waiting and
    /// for started tasks. Deliveries are ordered by time.
    fn turn(&self) -> Turn {
        match self.queue {
            Queue::Tasks => (None, self.task),
            Queue::Deliveries => (self.due, self.task),
        }
    }
}

struct ModelTask {
    id: TaskId,
    events: u64,
    /// Endpoint, delivery, event, state, attempts.
    deliveries: Vec<(String, u64, u64, DeliveryState, usize)>,
}

#[derive(Default)]
struct Model {
    tasks: Vec<ModelTask>,
    entries: Vec<QueueEntry>,
    leases: Vec<Lease>,
}

impl Model {
    /// The lease at this distance from the newest.
    fn lease(&self, back: usize) -> Option<Lease> {
        let newest = self.leases.len().checked_sub(1 + back % self.leases.len().max(1))?;
        self.leases.get(newest).cloned()
    }

    fn held(&mut self, lease: &Lease) -> Option<&mut QueueEntry> {
        let is = |entry: &&mut QueueEntry| {
            (entry.queue, &entry.key, entry.fence) == (lease.queue, &lease.key, lease.fence) && entry.leased
        };
        self.entries.iter_mut().find(is)
    }

    /// Sort keys of the claimable entries, in order.
    fn claimable(&self, queue: Queue, now: Timestamp) -> Vec<Turn> {
        let due = self.entries.iter().filter(|entry| entry.queue == queue && entry.due.is_some_and(|at| at <= now));
        let mut turns: Vec<_> = due.map(QueueEntry::turn).collect();
        turns.sort();
        turns
    }

    fn next_due(&self, queue: Queue) -> Option<Timestamp> {
        self.entries.iter().filter(|entry| entry.queue == queue).filter_map(|entry| entry.due).min()
    }

    fn counts(&self, queue: Queue, now: Timestamp) -> QueueCounts {
        let count = |pick: &dyn Fn(&QueueEntry, Timestamp) -> bool| {
            let entries = self.entries.iter().filter(|entry| entry.queue == queue);
            entries.filter(|entry| entry.due.is_some_and(|due| pick(entry, due))).count() as u64
        };
        QueueCounts {
            due: count(&|_, due| due <= now),
            leased: count(&|entry, due| entry.leased && due > now),
            later: count(&|entry, due| !entry.leased && due > now),
            oldest_due: Duration::ZERO,
        }
    }

    /// Applies a commit: adds events and moves the task's own entry.
    fn committed(&mut self, task: usize, events: u64, next: Next, now: Timestamp) {
        self.tasks[task].events += events;
        for entry in self.entries.iter_mut().filter(|entry| entry.task == task) {
            match (entry.queue, next) {
                (Queue::Tasks, Next::Keep) => {}
                (Queue::Tasks, Next::At(due)) => (entry.due, entry.leased) = (Some(due), false),
                (Queue::Tasks, Next::Done) => (entry.due, entry.leased) = (None, false),
                (Queue::Deliveries, _) => {
                    if events > 0 && entry.due.is_none() && entry.cursor.is_some() && !entry.parked {
                        entry.due = Some(now);
                    }
                }
            }
        }
    }

    /// The expected result of a cursor's move whose lease is held.
    fn moved(&mut self, lease: &Lease, movement: CursorMove) -> Recorded {
        let events =
            self.entries.iter().find(|entry| entry.key == lease.key).map(|entry| self.tasks[entry.task].events);
        let Some(entry) = self.held(lease) else { unreachable!("it is held") };
        let Some((event, delivery, attempts)) = entry.cursor else { unreachable!("a disabled cursor is not held") };
        let beyond = Some(event) > events;
        let (cursor, state) = match movement {
            CursorMove::Disable => (None, Some(DeliveryState::Dead)),
            _ if beyond => (entry.cursor, None),
            CursorMove::Skip => (Some((event + 1, delivery, 0)), None),
            CursorMove::Delivered => (Some((event + 1, delivery + 1, 0)), Some(DeliveryState::Delivered)),
            CursorMove::Dead => (Some((event + 1, delivery + 1, 0)), Some(DeliveryState::Dead)),
            CursorMove::Retry(_) | CursorMove::Park => {
                (Some((event, delivery, attempts + 1)), Some(DeliveryState::Pending))
            }
        };
        entry.cursor = cursor;
        let more = match (movement, cursor) {
            (CursorMove::Retry(_) | CursorMove::Park | CursorMove::Disable, _) | (_, None) => false,
            (_, Some((next, ..))) => Some(next) <= events,
        };
        if !more {
            (entry.leased, entry.parked) = (false, movement == CursorMove::Park);
            entry.due = match movement {
                CursorMove::Retry(due) if !beyond => Some(due),
                _ => None,
            };
        }
        let (task, endpoint) = (entry.task, entry.key.rsplit('/').next().unwrap_or_default().to_owned());
        if let Some(state) = state.filter(|_| !beyond) {
            let deliveries = &mut self.tasks[task].deliveries;
            match deliveries.iter_mut().find(|known| (&known.0, known.1) == (&endpoint, delivery)) {
                Some(known) => (known.3, known.4) = (state, known.4 + 1),
                None => deliveries.push((endpoint, delivery, event, state, 1)),
            }
        }
        if more { Recorded::More } else { Recorded::Idle }
    }
}

fn then(next: Then, now: Timestamp) -> Next {
    match next {
        Then::Keep => Next::Keep,
        Then::At(ms) => Next::At(now.plus(Duration::from_millis(ms))),
        Then::Done => Next::Done,
    }
}

async fn live<B: Backend>(backend: &mut B, model: &mut Model, op: &Op) {
    let now = backend.now();
    let store = backend.store();
    let ms = |lease_ms: &u64| Duration::from_millis(*lease_ms);
    match op {
        Op::Accept { endpoints } => {
            let names = &["a", "b"][..*endpoints];
            let id = accept(&*store, task(backend, names)).await;
            let index = model.tasks.len();
            model.tasks.push(ModelTask { id, events: 0, deliveries: vec![] });
            let entry = |queue, key, due, cursor| QueueEntry {
                queue,
                key,
                task: index,
                due,
                leased: false,
                parked: false,
                fence: 0,
                cursor,
            };
            model.entries.push(entry(Queue::Tasks, id.to_string(), Some(now), None));
            for name in names {
                model.entries.push(entry(Queue::Deliveries, format!("{id}/{name}"), None, Some((1, 1, 0))));
            }
        }
        Op::Claim { queue, max, lease_ms } => {
            let claim = store.claim(*queue, *max, ms(lease_ms)).await.unwrap();
            let claimable = model.claimable(*queue, now);
            assert_eq!(claim.leases.len(), claimable.len().min(*max));
            let mut turns = Vec::new();
            for lease in claim.leases {
                let entry = model.entries.iter_mut().find(|entry| entry.key == lease.key).unwrap();
                assert!(entry.due.is_some_and(|due| due <= now), "{lease:?}");
                let earlier = model.leases.iter().filter(|earlier| earlier.key == lease.key);
                assert!(earlier.clone().all(|earlier| earlier.fence != lease.fence), "{lease:?} again");
                turns.push(entry.turn());
                (entry.due, entry.leased, entry.fence) = (Some(now.plus(ms(lease_ms))), true, lease.fence);
                model.leases.push(lease);
            }
            if B::EXACT_ORDER {
                // Lanes of deliveries take turns, so only the order of tasks is checked.
                if *queue == Queue::Tasks {
                    assert_eq!(turns, claimable[..turns.len()]);
                }
                let due = |next: Option<Timestamp>| next.map(|due| due.max(now));
                assert_eq!(due(claim.next_due), due(model.next_due(*queue)));
            } else if let Some(due) = model.next_due(*queue) {
                assert!(claim.next_due.is_some_and(|told| told <= due.max(now)), "{:?} {due}", claim.next_due);
            }
        }
        Op::Renew { lease, lease_ms } => {
            let Some(lease) = model.lease(*lease) else { return };
            let held = model.held(&lease).map(|entry| entry.due = Some(now.plus(ms(lease_ms)))).is_some();
            assert_eq!(store.renew(&lease, ms(lease_ms)).await, Ok(held), "{lease:?}");
        }
        Op::Release { lease, delay_ms } => {
            let Some(lease) = model.lease(*lease) else { return };
            let due = now.plus(ms(delay_ms));
            let held = model.held(&lease).map(|entry| (entry.due, entry.leased) = (Some(due), false)).is_some();
            assert_eq!(store.release(&lease, due).await, Ok(held), "{lease:?}");
        }
        Op::Commit { lease, events, next } => {
            let Some(lease) = model.lease(*lease).filter(|lease| lease.queue == Queue::Tasks) else { return };
            let task = model.tasks.iter().position(|task| task.id.to_string() == lease.key).unwrap();
            let allowed = model.held(&lease).is_some();
            commit(&*store, model, task, (Guard::Lease(lease.fence), allowed), *events, then(*next, now), now).await;
        }
        Op::Intervene { task, missed, events, next } => {
            let Some(task) = task.checked_rem(model.tasks.len()) else { return };
            let seen = model.tasks[task].events;
            let guard = (Guard::Sequence(seen.saturating_sub(*missed)), *missed == 0 || seen == 0);
            commit(&*store, model, task, guard, *events, then(*next, now), now).await;
        }
        Op::Deliver { lease, movement } => {
            let Some(lease) = model.lease(*lease).filter(|lease| lease.queue == Queue::Deliveries) else { return };
            let movement = match *movement {
                Movement::Skip => CursorMove::Skip,
                Movement::Delivered => CursorMove::Delivered,
                Movement::Dead => CursorMove::Dead,
                Movement::Retry(delay) => CursorMove::Retry(now.plus(ms(&delay))),
                Movement::Disable => CursorMove::Disable,
                Movement::Park => CursorMove::Park,
            };
            let tried = Some(attempt(1, now, 200)).filter(|_| movement != CursorMove::Skip);
            let expected = match model.held(&lease).is_some() {
                true => Ok(model.moved(&lease, movement)),
                false => Err(CommitError::Stale),
            };
            assert_eq!(store.advance(&lease, movement, tried).await, expected, "{lease:?} {movement:?}");
        }
        Op::Unpark { endpoint } => {
            let name = ["a", "b"][*endpoint];
            let parked =
                model.entries.iter_mut().filter(|entry| entry.parked && entry.key.ends_with(&format!("/{name}")));
            let unparked = parked.map(|entry| (entry.due, entry.parked) = (Some(now), false)).count();
            assert_eq!(store.unpark(&name.to_owned().into()).await, Ok(unparked as u64), "{name}");
        }
        Op::Pass { ms } => backend.advance(Duration::from_millis(*ms)),
        Op::Reopen => {
            drop(store);
            backend.reopen().await;
        }
    }
}

async fn commit(
    store: &dyn Store,
    model: &mut Model,
    task: usize,
    (guard, allowed): (Guard, bool),
    events: u64,
    next: Next,
    now: Timestamp,
) {
    let ModelTask { id, events: last, .. } = model.tasks[task];
    let commit = Commit {
        task: id,
        guard,
        events: (last + 1..=last + events).map(|sequence| event(sequence, now)).collect(),
        live_percent: 0.0,
        status: StatusWord::InProgress,
        next,
    };
    match allowed {
        true => {
            assert_eq!(store.commit(commit).await, Ok(()));
            model.committed(task, events, next, now);
        }
        false => assert_eq!(store.commit(commit).await, Err(CommitError::Stale)),
    }
}

/// Everything that can be read equals the model.
async fn compare(backend: &impl Backend, model: &Model) {
    let store = backend.store();
    for queue in [Queue::Tasks, Queue::Deliveries] {
        assert_eq!(store.queue_counts(queue).await.map(ageless), Ok(model.counts(queue, backend.now())), "{queue:?}");
    }
    for task in &model.tasks {
        let log = store.load(task.id).await.unwrap().unwrap();
        assert!(log.events.iter().map(|event| event.sequence).eq(1..=task.events));
        let mut deliveries: Vec<_> = (store.deliveries(task.id).await.unwrap().into_iter())
            .map(|kept| (kept.endpoint.as_str().to_owned(), kept.delivery, kept.event, kept.state, kept.attempts.len()))
            .collect();
        let mut expected = task.deliveries.clone();
        deliveries.sort_by_key(|delivery| (delivery.0.clone(), delivery.1));
        expected.sort_by_key(|delivery| (delivery.0.clone(), delivery.1));
        assert_eq!(deliveries, expected);
    }
    for entry in &model.entries {
        let lease = Lease { queue: entry.queue, key: entry.key.clone(), fence: 0 };
        let Some((event, delivery, attempts)) = entry.cursor else { continue };
        let pending = store.pending(&lease, 1).await.unwrap().unwrap();
        let cursor = (pending.cursor.next_event, pending.cursor.next_delivery, pending.cursor.attempts);
        assert_eq!(cursor, (event, delivery, attempts), "{}", entry.key);
        let there = (event <= model.tasks[entry.task].events).then_some(event);
        assert_eq!(pending.events.first().map(|event| event.sequence), there);
    }
}

/// Ignores the age of the oldest entry, which another suite checks.
fn ageless(counts: QueueCounts) -> QueueCounts {
    QueueCounts { oldest_due: Duration::ZERO, ..counts }
}

async fn follows_the_model(mut backend: impl Backend, ops: &[Op]) {
    let mut model = Model::default();
    for op in ops {
        live(&mut backend, &mut model, op).await;
    }
    compare(&backend, &model).await;
}

fn run<B: Backend>(ops: &[Op]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { follows_the_model(B::fresh().await, ops).await });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_follows_the_model(ops in vec(ops(), 1..120)) {
        run::<Sqlite>(&ops);
    }

    #[test]
    fn redis_follows_the_model(ops in vec(ops(), 1..120)) {
        run::<InRedis<Single>>(&ops);
    }

    #[test]
    fn a_cluster_follows_the_model(ops in vec(ops(), 1..120)) {
        run::<InRedis<Cluster>>(&ops);
    }
}
