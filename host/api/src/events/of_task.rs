//! The stream of one task's events.

use super::endings::{AWAY, DAMAGED, STOPPING, TOO_SLOW};
use super::heartbeat::heartbeats;
use super::text::Text;
use crate::Api;
use morag_core::ports::{StoreError, TaskLog};
use morag_core::webhook::{BodyFormat, EventFilter, view};
use morag_engine::{Behind, News, Subscription};
use std::sync::Arc;
use tokio::time::Interval;

/// Size of a piece of a log that is sent at once, bytes: the log is in memory, but its bodies are built piece by piece.
const PIECE: usize = 64 << 10;

/// The phase of a stream.
enum Phase {
    /// Nothing is sent yet.
    Opening,
    /// Sends events of the log that was loaded.
    Log,
    /// Sends live events.
    Live,
    /// Nothing more is sent.
    Ended,
}

/// One reader's stream.
pub(super) struct TaskStream {
    app: Arc<Api>,
    log: TaskLog,
    filter: EventFilter,
    /// Sequence of the last event that was sent or filtered out.
    after: u64,
    /// Id of the last event that was sent.
    sent: u64,
    news: Subscription,
    heartbeats: Interval,
    phase: Phase,
}

impl TaskStream {
    /// A stream of the events after a sequence.
    pub(super) fn new(app: Arc<Api>, log: TaskLog, filter: EventFilter, after: u64, news: Subscription) -> Self {
        Self { app, log, filter, after, sent: after, news, heartbeats: heartbeats(), phase: Phase::Opening }
    }

    /// Whether there is nothing to send now or later.
    pub(super) fn is_over(&self) -> bool {
        let wanted = |event: &morag_core::task::Event| self.filter.matches(event.kind.event_type());
        self.has_ended() && !self.log.events.iter().any(|event| event.sequence > self.after && wanted(event))
    }

    fn has_ended(&self) -> bool {
        self.log.events.last().is_some_and(|event| event.kind.ends_task())
    }

    /// The next text; none at the end.
    pub(super) async fn next(&mut self) -> Option<Text> {
        loop {
            match self.phase {
                Phase::Opening => {
                    self.phase = Phase::Log;
                    return Some(Text::opening(None));
                }
                Phase::Log => {
                    let text = self.piece();
                    if !text.is_empty() {
                        return Some(text);
                    }
                    if self.has_ended() {
                        return Some(self.end());
                    }
                    // Dropped once it is sent: a waiting reader holds no log in memory.
                    self.log.events = Vec::new();
                    self.phase = Phase::Live;
                }
                Phase::Live => {
                    if let Some(text) = self.live().await {
                        return Some(text);
                    }
                }
                Phase::Ended => return None,
            }
        }
    }

    /// The next events of the log; empty when all were sent.
    fn piece(&mut self) -> Text {
        let mut text = Text::default();
        let after = self.after;
        for event in self.log.events.iter().filter(|event| event.sequence > after) {
            if text.len() >= PIECE {
                break;
            }
            self.after = event.sequence;
            if self.filter.matches(event.kind.event_type()) {
                self.sent = event.sequence;
                let body = view(BodyFormat::Dual, &self.log.record, event).to_string();
                text.event(&event.sequence, event.kind.event_type(), &body);
            }
        }
        text
    }

    /// Waits for a live event; none if it is not sent to this reader.
    async fn live(&mut self) -> Option<Text> {
        let news = tokio::select! {
            biased;
            () = self.app.live.stopped() => return Some(self.last_words(STOPPING)),
            _ = self.heartbeats.tick() => {
                let mut text = Text::default();
                text.comment("heartbeat", None);
                return Some(text);
            }
            news = self.news.next() => news,
        };
        let news = match news {
            Ok(news) => news,
            Err(Behind) => return Some(self.last_words(TOO_SLOW)),
        };
        match &*news {
            News::Event(event) if event.task() == self.log.record.id && event.sequence() == self.after + 1 => {
                self.after = event.sequence();
                let mut text = Text::default();
                if self.filter.matches(event.event_type()) {
                    self.sent = event.sequence();
                    text.event(&event.sequence(), event.event_type(), event.body());
                }
                self.heartbeats.reset();
                if event.ends_task() {
                    self.ending(&mut text);
                }
                (!text.is_empty()).then_some(text)
            }
            // Other tasks' events, and those that were in the log already.
            News::Event(event) if event.task() != self.log.record.id || event.sequence() <= self.after => None,
            // Events are missing in between: the log has them.
            News::Event(_) | News::Gap { .. } => match self.app.tasks.load(self.log.record.id).await {
                Ok(Some(log)) => {
                    self.log = log;
                    self.phase = Phase::Log;
                    None
                }
                // The task has expired, so it ended long ago.
                Ok(None) => Some(self.end()),
                Err(error) => {
                    tracing::warn!(task = %self.log.record.id, %error, "event stream ended early: cannot read the log");
                    Some(self.last_words(if let StoreError::Corrupt(_) = error { DAMAGED } else { AWAY }))
                }
            },
        }
    }

    fn end(&mut self) -> Text {
        let mut text = Text::default();
        self.ending(&mut text);
        text
    }

    fn ending(&mut self, text: &mut Text) {
        // The id includes filtered events, so that a reader that connects again does not wait for them.
        let passed = (self.after > self.sent).then_some(&self.after as &dyn std::fmt::Display);
        text.comment("the task has ended", passed);
        self.phase = Phase::Ended;
    }

    fn last_words(&mut self, words: &str) -> Text {
        self.phase = Phase::Ended;
        let mut text = Text::default();
        text.comment(words, None);
        text
    }
}
