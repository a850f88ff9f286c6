//! All events of all tasks in one order, to be read on from where a reader stopped.

use super::StoreError;
use crate::task::{Event, TaskId, TaskRecord};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What the events of a page may take of memory, with their tasks' records, bytes, as [`crate::tree_bytes`] reckons: a hundred
/// events of usual size. Each of the many readers of streams may hold what was made of a page.
pub const FEED_BYTES_MAX: usize = 1 << 20;

/// A place in the feed: after one event, or after everything of one moment. Positions of one store are ordered as the
/// events are. Reads and prints as `MOMENT.TASK.SEQUENCE` or `MOMENT`; what a moment is, the store decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition {
    moment: u64,
    task: TaskId,
    sequence: u64,
}

/// The text is no position of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no position of the feed: give the id of an event as it was received")]
pub struct InvalidFeedPosition;

impl FeedPosition {
    /// After an event.
    pub const fn after(moment: u64, task: TaskId, sequence: u64) -> Self {
        Self { moment, task, sequence }
    }

    /// After every event of a moment.
    pub fn after_all_of(moment: u64) -> Self {
        Self { moment, task: Uuid::max().into(), sequence: u64::MAX }
    }

    /// The moment.
    pub const fn moment(self) -> u64 {
        self.moment
    }

    /// The event it is after; none where it is after all of its moment.
    pub fn event(self) -> Option<(TaskId, u64)> {
        (self != Self::after_all_of(self.moment)).then_some((self.task, self.sequence))
    }
}

impl std::fmt::Display for FeedPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.event() {
            Some((task, sequence)) => write!(f, "{}.{task}.{sequence}", self.moment),
            None => write!(f, "{}", self.moment),
        }
    }
}

/// A number as it is printed: digits alone, no zero before others.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl std::str::FromStr for FeedPosition {
    type Err = InvalidFeedPosition;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let Some((moment, event)) = text.split_once('.') else { return Some(Self::after_all_of(number(text)?)) };
            let (task, sequence) = event.split_once('.')?;
            Some(Self::after(number(moment)?, task.parse().ok()?, number(sequence)?))
        };
        parse().ok_or(InvalidFeedPosition)
    }
}

/// An event of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedItem {
    /// The place after it.
    pub position: FeedPosition,
    /// Its task, as it was accepted.
    pub record: Arc<TaskRecord>,
    /// What happened.
    pub event: Event,
}

/// When there may be more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedNext {
    /// At once: the page was full.
    Now,
    /// After this time: events are there whose place is not settled yet.
    After(Duration),
    /// When something changes: everything there is was read.
    OnChange,
}

/// Events after a position.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// The events, in the feed's order; those of one task in the order of their sequence.
    pub items: Vec<FeedItem>,
    /// Where to read on: no event before it is missing here.
    pub position: FeedPosition,
    /// Whether events after the position that was asked for may be gone, because it is older than what is kept or the store
    /// does not know it. The page begins with the oldest that is left then.
    pub gap: bool,
    /// When to read on.
    pub next: FeedNext,
}

/// Tells when the feed has changed.
#[async_trait]
pub trait FeedWatch: Send {
    /// Returns when events were committed since this watch began or last returned; at once where that has happened
    /// already; after `at_most` in any case. What another process commits may be missed: the caller looks every `at_most`.
    async fn changed(&mut self, at_most: Duration);
}

/// All events of all tasks. The order never changes once it was read, so that who goes on from a page's position gets each
/// event once, however often it stops. It is kept as long as history at most: what is older is a gap.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Where the feed ends now: events that are committed after this call come after it.
    async fn tail(&self) -> Result<FeedPosition, StoreError>;

    /// The next events after a position, `limit` at most (at least 1); fewer where they would take more memory than
    /// [`FEED_BYTES_MAX`], and one at least where there is one.
    async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError>;

    /// Watches for changes, from now on until it is dropped.
    fn watch(&self) -> Box<dyn FeedWatch>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_position_is_refused() {
        let task = "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11";
        for text in [
            "".to_owned(),
            "x".into(),
            "-1".into(),
            "+1".into(),
            " 1".into(),
            "01".into(),
            "1.".into(),
            "1.2".into(),
            format!("1.{task}"),
            format!("1.{task}."),
            format!("1.{task}.x"),
            format!("1.{task}.2.3"),
            format!("1.{}.2", task.replace('-', "")),
            "18446744073709551616".into(),
            "1\n2".into(),
        ] {
            assert_eq!(text.parse::<FeedPosition>(), Err(InvalidFeedPosition), "{text:?}");
        }
        assert_eq!("0".parse(), Ok(FeedPosition::after_all_of(0)));
        assert_eq!(format!("1.{task}.2").parse(), Ok(FeedPosition::after(1, task.parse().unwrap(), 2)));
    }

    proptest! {
        #[test]
        fn a_position_reads_as_it_prints(moment: u64, task: u128, sequence: u64) {
            for position in [
                FeedPosition::after(moment, Uuid::from_u128(task).into(), sequence),
                FeedPosition::after_all_of(moment),
            ] {
                prop_assert_eq!(position.to_string().parse(), Ok(position));
            }
        }

        #[test]
        fn all_of_a_moment_is_after_its_events_and_before_the_next(moment in 0..u64::MAX, task: u128, sequence: u64) {
            let event = FeedPosition::after(moment, Uuid::from_u128(task).into(), sequence);
            prop_assert!(event <= FeedPosition::after_all_of(moment));
            prop_assert!(FeedPosition::after_all_of(moment) < FeedPosition::after(moment + 1, Uuid::nil().into(), 0));
        }
    }
}
