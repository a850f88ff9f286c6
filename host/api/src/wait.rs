//! Waiting for a task to change or to end, as its events are committed by any process.
//!
//! A wait listens to the process's live feed, and reads the store a few times: before it listens, once after, and then
//! seldom, because saved progress is no event and the feed may lose one.

use crate::Api;
use crate::ApiError;
use morag_core::ports::TaskMark;
use morag_core::task::{StatusWord, TaskId};
use morag_engine::{Behind, News, Subscription};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Time between two reads of a running task whose progress is waited for. A step's saved progress is no event. Workers save it
/// at most every 300 ms; a person who watches it needs it less often.
const PROGRESS_READ_EVERY: Duration = Duration::from_secs(2);

/// Time between two reads where only events are waited for: how late a wait ends whose event the feed has lost, e.g. in a
/// failover of Redis.
const READ_EVERY: Duration = Duration::from_secs(5);

/// Time between two reads while the process stops: its live feed has ended, and its requests have a few seconds left.
const STOPPING_READ_EVERY: Duration = Duration::from_millis(500);

/// Time between two reads where the feed cannot be listened to, because its end cannot be read: a part of the store that has other
/// tasks may be down. A wait is to end in time all the same.
const UNHEARD_READ_EVERY: Duration = Duration::from_millis(500);

/// Longest time that a wait tries to begin to listen, before it reads the store instead and tries again.
const SUBSCRIBE_MAX: Duration = Duration::from_secs(1);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The next event or saved progress.
    Changed,
    /// The end of the task.
    Ended,
}

impl Until {
    /// Whether it has happened, by two states of the task: at the begin of the wait, and now.
    fn is_met(self, first: &TaskMark, now: &TaskMark) -> bool {
        let progress = |mark: &TaskMark| (mark.last_sequence, mark.live_percent);
        now.status.is_ended() || (self == Self::Changed && progress(first) != progress(now))
    }

    /// Whether an event of the task is what is waited for, by its sequence, after a state that was read.
    fn is_met_by(self, last_read: &TaskMark, sequence: u64, ends_task: bool) -> bool {
        sequence > last_read.last_sequence && (ends_task || self == Self::Changed)
    }

    /// Time until the store is read again, unless an event ends the wait before.
    fn read_after(self, last_read: &TaskMark, is_stopping: bool) -> Duration {
        match (is_stopping, self, last_read.status) {
            (true, ..) => STOPPING_READ_EVERY,
            (false, Self::Changed, StatusWord::InProgress) => PROGRESS_READ_EVERY,
            _ => READ_EVERY,
        }
    }
}

/// The state of a task.
///
/// # Errors
/// 404 for a task that is not there, 503 where the store does not answer.
pub async fn mark(app: &Api, task: TaskId) -> Result<TaskMark, ApiError> {
    app.tasks.mark(task).await?.ok_or_else(ApiError::unknown_task)
}

/// Waits for a task, for `at_most`. `first` is its state as it was read just before. Returns at once for a task that has ended.
///
/// # Errors
/// Those of [`mark`].
pub async fn wait(app: &Api, task: TaskId, first: TaskMark, at_most: Duration, until: Until) -> Result<(), ApiError> {
    if until.is_met(&first, &first) {
        return Ok(());
    }
    let end = Instant::now() + at_most;
    let mut news = None;
    loop {
        let is_stopping = app.live.is_stopping();
        if news.is_none() && !is_stopping {
            news = subscribe(app, end).await;
        }
        // Read after subscribing: a change before the subscription is seen here, and a later one comes by it.
        let last_read = mark(app, task).await?;
        if until.is_met(&first, &last_read) {
            return Ok(());
        }
        let read_after = match &news {
            Some(_) => until.read_after(&last_read, is_stopping),
            None => UNHEARD_READ_EVERY,
        };
        let read_at = Instant::now() + read_after;
        tokio::select! {
            heard = heard(&mut news, task, &last_read, until) => match heard {
                Heard::Met => return Ok(()),
                Heard::Gap => {}
                Heard::Behind => news = None,
            },
            () = sleep_until(read_at.min(end)) => {
                if Instant::now() >= end {
                    return Ok(());
                }
            }
            () = app.live.stopped(), if !is_stopping => {}
        }
    }
}

/// Begins to listen. None where that is not possible at the moment, or not until `end`.
async fn subscribe(app: &Api, end: Instant) -> Option<Subscription> {
    let until = end.min(Instant::now() + SUBSCRIBE_MAX);
    tokio::time::timeout_at(until, app.live.subscribe()).await.ok()?.ok()
}

/// Why listening ended.
enum Heard {
    /// What is waited for has happened.
    Met,
    /// The feed may have lost events: the store has them.
    Gap,
    /// Events came faster than they were taken: this subscription has lost some, and brings no more.
    Behind,
}

/// Listens until the task's event comes that is waited for, or events may be lost. Without a subscription, for ever.
async fn heard(news: &mut Option<Subscription>, task: TaskId, last_read: &TaskMark, until: Until) -> Heard {
    let Some(news) = news else { return std::future::pending().await };
    loop {
        match news.next().await.as_deref() {
            Ok(News::Event(event)) if event.task() == task => {
                if until.is_met_by(last_read, event.sequence(), event.ends_task()) {
                    return Heard::Met;
                }
            }
            Ok(News::Event(_)) => {}
            Ok(News::Gap { .. }) => return Heard::Gap,
            Err(Behind) => return Heard::Behind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(status: StatusWord, last_sequence: u64, live_percent: f64) -> TaskMark {
        TaskMark { status, last_sequence, live_percent }
    }

    #[test]
    fn an_event_or_saved_progress_is_a_change_and_only_an_end_is_an_end() {
        let first = at(StatusWord::InProgress, 3, 10.0);
        for (now, is_change, is_end) in [
            (first, false, false),
            (at(StatusWord::InProgress, 4, 10.0), true, false),
            (at(StatusWord::InProgress, 3, 11.0), true, false),
            (at(StatusWord::Failed, 4, 10.0), true, true),
        ] {
            assert_eq!((Until::Changed.is_met(&first, &now), Until::Ended.is_met(&first, &now)), (is_change, is_end));
        }
        let ended = at(StatusWord::Completed, 9, 100.0);
        assert!(Until::Changed.is_met(&ended, &ended), "nothing more can come");
    }

    #[test]
    fn an_event_that_was_read_already_ends_no_wait() {
        let last_read = at(StatusWord::InProgress, 3, 10.0);
        for (sequence, ends_task, is_change, is_end) in
            [(3, false, false, false), (3, true, false, false), (4, false, true, false), (4, true, true, true)]
        {
            assert_eq!(Until::Changed.is_met_by(&last_read, sequence, ends_task), is_change);
            assert_eq!(Until::Ended.is_met_by(&last_read, sequence, ends_task), is_end);
        }
    }

    #[test]
    fn a_step_s_progress_is_read_more_often_than_lost_events() {
        let (waiting, running) = (at(StatusWord::Pending, 0, 0.0), at(StatusWord::InProgress, 3, 10.0));
        assert_eq!(Until::Changed.read_after(&running, false), PROGRESS_READ_EVERY);
        for (until, mark) in [(Until::Changed, waiting), (Until::Ended, waiting), (Until::Ended, running)] {
            assert_eq!(until.read_after(&mark, false), READ_EVERY);
            assert_eq!(until.read_after(&mark, true), STOPPING_READ_EVERY);
        }
    }
}
