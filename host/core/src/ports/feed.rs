//! The feed: all events of all tasks in one total order, readable from any position.

use super::StoreError;
use crate::task::{Event, TaskId, TaskRecord};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Maximum memory of the events of a page and their task records, bytes, as estimated by [`crate::tree_bytes`]: a hundred events
/// of usual size. Each of many stream readers may hold what was made of a page.
pub const FEED_BYTES_MAX: usize = 1 << 20;

/// A position in the feed: after one event, or after all events of a moment. Positions of one store are ordered as its events
/// are. The text form is `MOMENT.TASK.SEQUENCE` or `MOMENT`; the store defines what a moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition {
    moment: u64,
    task: TaskId,
    sequence: u64,
}

/// The text is not a feed position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a position of the feed: use the id of a received event")]
pub struct InvalidFeedPosition;

impl FeedPosition {
    /// The position after an event.
    pub const fn after(moment: u64, task: TaskId, sequence: u64) -> Self {
        Self { moment, task, sequence }
    }

    /// The position after all events of a moment.
    pub fn after_all_of(moment: u64) -> Self {
        Self { moment, task: Uuid::max().into(), sequence: u64::MAX }
    }

    /// The moment.
    pub const fn moment(self) -> u64 {
        self.moment
    }

    /// The last position up to here that names no event: after an event, that before its moment.
    pub fn without_event(self) -> Self {
        if self.event().is_some() { Self::after_all_of(self.moment.saturating_sub(1)) } else { self }
    }

    /// The event before the position; `None` if the position is after all events of its moment.
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

/// Parses a number in the form in which it is printed: digits only, no leading zero.
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
    /// The position after the event.
    pub position: FeedPosition,
    /// Its task as accepted.
    pub record: Arc<TaskRecord>,
    /// The event.
    pub event: Event,
    /// Memory of the event and the record, bytes, as it was counted for the page.
    pub bytes: usize,
}

/// When to read the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedNext {
    /// Immediately: the page was full.
    Now,
    /// After this time: there are events whose position is not final yet.
    After(Duration),
    /// When something changes: all events were read.
    OnChange,
}

/// A page of events after a position.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// Events in feed order; those of one task ordered by sequence.
    pub items: Vec<FeedItem>,
    /// Where to continue: all events up to here were returned.
    pub position: FeedPosition,
    /// Whether events after the requested position are missing: they may have been deleted, because it is older than the retention
    /// or unknown to the store, and the page begins with the oldest event left; or they cannot be read.
    pub gap: bool,
    /// When to continue.
    pub next: FeedNext,
}

/// Waits for changes of the feed.
#[async_trait]
pub trait FeedWatch: Send {
    /// Returns when events were committed since this watch began or last returned, immediately if there were any, and after
    /// `at_most` in any case. Commits of other processes may be missed: callers must poll every `at_most`.
    async fn changed(&mut self, at_most: Duration);
}

/// All events of all tasks. The order of events never changes once read: a reader that continues from a page's position gets
/// each event exactly once. Events are kept at most as long as the history; older ones are reported as a gap, and so are damaged ones.
#[async_trait]
pub trait Feed: Send + Sync {
    /// The current end of the feed: events committed after this call come after it.
    async fn tail(&self) -> Result<FeedPosition, StoreError>;

    /// The next events after a position: at most `limit` (at least 1), fewer if they would exceed [`FEED_BYTES_MAX`], but at
    /// least one if there is any. An event that cannot be read, or whose task's record cannot, is logged with its task and left out as
    /// a gap: it holds up no other.
    async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError>;

    /// Watches for changes from now on, until dropped.
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
            prop_assert!(moment == 0 || event.without_event() < event);
            prop_assert_eq!(event.without_event().event(), None);
            prop_assert!(FeedPosition::after_all_of(moment) < FeedPosition::after(moment + 1, Uuid::nil().into(), 0));
        }
    }
}
