//! The latest events, shared by subscriptions. It never waits for one: the oldest events are dropped when it is full, and a
//! subscription that has not read them has fallen behind.

use morag_core::ports::{FeedItem, FeedPosition};
use morag_core::task::{Event, TaskId, TaskRecord, TenantId};
use morag_core::webhook::{BodyFormat, view};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::watch;

/// Events that are kept for slow subscriptions: seconds of a busy server, a minute of a usual one. A subscription that is slower
/// for longer would never catch up.
const EVENTS_MAX: usize = 1024;

/// Bytes of their memory with their bodies: one is some 10 KiB. What bodies are made between two pages of the feed comes on top.
const BYTES_MAX: usize = 16 << 20;

/// Bytes of one event that is kept as it is. A larger one is kept as its body, which takes a fraction: a step's `data` of 256 KiB may
/// be 10 MiB of values, and a few of one task would leave no room for those of others.
const PARSED_BYTES_MAX: usize = 64 << 10;

/// An event as subscriptions get it. Its body is made when the first of them asks for it: most want the events of one task only.
#[derive(Debug)]
pub struct Happened {
    position: FeedPosition,
    task: TaskId,
    tenant: TenantId,
    sequence: u64,
    event_type: &'static str,
    ends_task: bool,
    body: OnceLock<String>,
    /// Of what the body is made, with the bytes of memory that it takes; none where the body is there from the beginning.
    source: Option<(Arc<TaskRecord>, Event, usize)>,
}

fn render(record: &TaskRecord, event: &Event) -> String {
    view(BodyFormat::Dual, record, event).to_string()
}

impl Happened {
    /// An event. Its body is made now only if it is large.
    pub fn new(item: FeedItem) -> Self {
        let FeedItem { position, record, event, bytes } = item;
        let is_large = bytes > PARSED_BYTES_MAX;
        Self {
            position,
            task: record.id,
            tenant: record.tenant.clone(),
            sequence: event.sequence,
            event_type: event.kind.event_type(),
            ends_task: event.kind.ends_task(),
            body: if is_large { render(&record, &event).into() } else { OnceLock::new() },
            source: (!is_large).then_some((record, event, bytes)),
        }
    }

    /// Its position in the feed.
    pub fn position(&self) -> FeedPosition {
        self.position
    }

    /// Its task.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// The task's tenant.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// Its number within the task.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Its type, as the contract names it.
    pub fn event_type(&self) -> &'static str {
        self.event_type
    }

    /// Whether it ends its task's run.
    pub fn ends_task(&self) -> bool {
        self.ends_task
    }

    /// The webhook's body in the format `dual`: one line of JSON.
    pub fn body(&self) -> &str {
        let make = || self.source.as_ref().map(|(record, event, _)| render(record, event)).unwrap_or_default();
        self.body.get_or_init(make)
    }

    /// Whether its body was made.
    pub fn has_body(&self) -> bool {
        self.body.get().is_some()
    }

    /// Memory that it takes now.
    fn bytes(&self) -> usize {
        self.source.as_ref().map_or(0, |(_, _, bytes)| *bytes) + self.body.get().map_or(0, String::len)
    }
}

/// An entry of the ring.
#[derive(Debug)]
pub enum News {
    /// An event.
    Event(Box<Happened>),
    /// Events may be missing before the next.
    Gap {
        /// The feed goes on from here. It names no event.
        before: FeedPosition,
        /// Whether the feed begins anew, before what was read: the store was emptied. What comes then is new, whatever its position.
        is_anew: bool,
    },
}

impl News {
    /// Memory that it takes now.
    fn bytes(&self) -> usize {
        match self {
            Self::Event(event) => event.bytes(),
            Self::Gap { .. } => 0,
        }
    }
}

/// The subscription has fallen behind: events that it has not read were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("events came faster than they were read")]
pub struct Behind;

struct Inner {
    news: VecDeque<Arc<News>>,
    /// Number of the first of `news`.
    first: u64,
    /// Position up to which the feed was read.
    position: FeedPosition,
    listeners: usize,
}

impl Inner {
    /// Drops the oldest entries of a ring that is full; the newest is kept, however large.
    fn trim(&mut self) {
        // Counted anew each time: a body may have been made of any entry.
        let mut bytes: usize = self.news.iter().map(|news| news.bytes()).sum();
        while self.news.len() > EVENTS_MAX || (bytes > BYTES_MAX && self.news.len() > 1) {
            let Some(gone) = self.news.pop_front() else { break };
            bytes = bytes.saturating_sub(gone.bytes());
            self.first += 1;
        }
    }
}

/// The latest entries.
pub(super) struct Ring {
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

impl Ring {
    /// An empty ring at a position of the feed.
    pub(super) fn new(position: FeedPosition) -> Arc<Self> {
        let inner = Inner { news: VecDeque::new(), first: 0, position, listeners: 0 };
        Arc::new(Self { inner: Mutex::new(inner), changed: watch::Sender::new(()) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // No code panics under the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds entries. The feed was read up to `position`.
    pub(super) fn push(&self, news: impl IntoIterator<Item = News>, position: FeedPosition) {
        {
            let mut inner = self.inner();
            inner.news.extend(news.into_iter().map(Arc::new));
            inner.trim();
            inner.position = position;
        }
        self.changed.send_replace(());
    }

    /// A subscription to the entries from now on.
    pub(super) fn subscribe(self: &Arc<Self>) -> Subscription {
        let changed = self.changed.subscribe();
        let mut inner = self.inner();
        inner.listeners += 1;
        let (next, start) = (inner.first + inner.news.len() as u64, inner.position);
        drop(inner);
        Subscription { ring: Arc::clone(self), next, start, changed }
    }

    /// Number of subscriptions.
    pub(super) fn listeners(&self) -> usize {
        self.inner().listeners
    }

    fn read(&self, next: u64) -> Result<Option<Arc<News>>, Behind> {
        let inner = self.inner();
        let index = next.checked_sub(inner.first).ok_or(Behind)?;
        Ok(usize::try_from(index).ok().and_then(|index| inner.news.get(index).cloned()))
    }
}

/// A subscription, until it is dropped.
pub struct Subscription {
    ring: Arc<Ring>,
    next: u64,
    start: FeedPosition,
    changed: watch::Receiver<()>,
}

impl Subscription {
    /// The position after which entries come.
    pub fn start(&self) -> FeedPosition {
        self.start
    }

    /// Waits for the next entry. No entry is lost if the wait is cancelled.
    ///
    /// # Errors
    /// [`Behind`] if it was dropped, and from then on always.
    pub async fn next(&mut self) -> Result<Arc<News>, Behind> {
        loop {
            // Before the read: an entry that comes after it ends the wait.
            self.changed.mark_unchanged();
            if let Some(news) = self.ring.read(self.next)? {
                self.next += 1;
                return Ok(news);
            }
            // The subscription holds the ring, so that the sender exists.
            let _ = self.changed.changed().await;
        }
    }

    /// The position up to which every entry was taken; none while there are entries to take.
    pub fn reached(&self) -> Option<FeedPosition> {
        let inner = self.ring.inner();
        (self.next == inner.first + inner.news.len() as u64).then_some(inner.position)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.ring.inner().listeners -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, record};
    use futures::FutureExt as _;
    use morag_core::task::EventKind;

    /// An event whose body has more than so many bytes, and is there.
    fn event(number: u64, bytes: usize) -> News {
        with_message(number, PARSED_BYTES_MAX + 1, &"x".repeat(bytes))
    }

    fn with_message(number: u64, bytes: usize, message: &str) -> News {
        let (record, event) = (record(), testing::event(number, EventKind::TaskStarted { retry: None }));
        let event = Event { message: message.into(), ..event };
        let position = FeedPosition::after(number, record.id, number);
        News::Event(Box::new(Happened::new(FeedItem { position, record: Arc::new(record), event, bytes })))
    }

    fn push(ring: &Ring, numbers: std::ops::Range<u64>, bytes: usize) {
        for number in numbers {
            ring.push([event(number, bytes)], FeedPosition::after_all_of(number));
        }
    }

    fn take(subscription: &mut Subscription) -> Option<Result<u64, Behind>> {
        let next = subscription.next().now_or_never()?;
        Some(next.map(|news| match &*news {
            News::Event(event) => event.sequence(),
            News::Gap { .. } => 0,
        }))
    }

    #[test]
    fn a_listener_gets_what_comes_after_its_start() {
        let ring = Ring::new(FeedPosition::after_all_of(0));
        push(&ring, 1..3, 1);
        let mut listener = ring.subscribe();
        assert_eq!(listener.start(), FeedPosition::after_all_of(2));
        assert_eq!((take(&mut listener), listener.reached()), (None, Some(FeedPosition::after_all_of(2))));
        push(&ring, 3..5, 1);
        assert_eq!((take(&mut listener), listener.reached()), (Some(Ok(3)), None));
        assert_eq!(take(&mut listener), Some(Ok(4)));
        assert_eq!((take(&mut listener), listener.reached()), (None, Some(FeedPosition::after_all_of(4))));
    }

    #[tokio::test]
    async fn a_waiting_listener_is_woken() {
        let ring = Ring::new(FeedPosition::after_all_of(0));
        let mut listener = ring.subscribe();
        let waiting = tokio::spawn(async move { listener.next().await.is_ok() });
        tokio::task::yield_now().await;
        push(&ring, 1..2, 1);
        assert!(waiting.await.unwrap());
    }

    #[test]
    fn a_listener_that_is_a_ring_behind_is_told() {
        let ring = Ring::new(FeedPosition::after_all_of(0));
        let (mut slow, mut fast) = (ring.subscribe(), ring.subscribe());
        push(&ring, 1..EVENTS_MAX as u64 + 1, 1);
        assert_eq!(take(&mut fast), Some(Ok(1)));
        push(&ring, 0..1, 1);
        assert_eq!(take(&mut slow), Some(Err(Behind)));
        assert_eq!(take(&mut fast), Some(Ok(2)));
    }

    #[test]
    fn large_bodies_leave_room_for_few_and_the_newest_always_stays() {
        let ring = Ring::new(FeedPosition::after_all_of(0));
        let (mut slow, mut late) = (ring.subscribe(), ring.subscribe());
        push(&ring, 1..3, BYTES_MAX / 2 - (4 << 10));
        assert_eq!((take(&mut slow), take(&mut late)), (Some(Ok(1)), Some(Ok(1))));
        push(&ring, 3..4, 2 * BYTES_MAX);
        assert_eq!(take(&mut slow), Some(Err(Behind)));
        push(&ring, 4..5, 1);
        assert_eq!(ring.inner().news.len(), 1);
    }

    #[test]
    fn a_body_is_made_when_it_is_asked_for_and_counts_from_then_on() {
        let ring = Ring::new(FeedPosition::after_all_of(0));
        let (mut slow, mut reader) = (ring.subscribe(), ring.subscribe());
        let position = FeedPosition::after_all_of(2);
        let message = "x".repeat(BYTES_MAX / 2);
        ring.push((1..3).map(|number| with_message(number, 1, &message)), position);
        let next = |reader: &mut Subscription| reader.next().now_or_never().unwrap().unwrap();
        let both = [next(&mut reader), next(&mut reader)];
        let events: Vec<_> =
            both.iter().filter_map(|news| if let News::Event(event) = &**news { Some(event) } else { None }).collect();
        assert!(events.iter().all(|event| !event.has_body()), "nobody has asked for it");
        push(&ring, 3..4, 1);
        assert_eq!(take(&mut slow), Some(Ok(1)));
        assert!(events.iter().all(|event| event.body().contains(&message) && event.has_body()));
        push(&ring, 4..5, 1);
        assert_eq!((take(&mut slow), ring.inner().news.len()), (Some(Ok(2)), 3), "the first alone was dropped");
    }

    #[test]
    fn a_large_event_is_kept_as_its_body() {
        let ring = Ring::new(FeedPosition::after_all_of(0));
        let mut slow = ring.subscribe();
        // As values they would take more than the ring has.
        for number in 1..5 {
            ring.push([with_message(number, BYTES_MAX, "large")], FeedPosition::after_all_of(number));
        }
        let news = slow.next().now_or_never().unwrap().unwrap();
        let News::Event(event) = &*news else { panic!("{news:?}") };
        assert!(event.has_body() && event.body().contains("large"));
        assert_eq!((take(&mut slow), ring.inner().news.len()), (Some(Ok(2)), 4));
    }

    #[test]
    fn who_has_gone_is_not_counted() {
        let ring = Ring::new(FeedPosition::after_all_of(0));
        let (one, _two) = (ring.subscribe(), ring.subscribe());
        drop(one);
        assert_eq!(ring.listeners(), 1);
    }
}
