//! The stream of all events.

use super::text::Text;
use super::{AWAY, STOPPING, TOO_SLOW};
use crate::App;
use crate::engine::{Behind, News, Subscription, happened};
use morag_core::ports::{FeedNext, FeedPosition};
use morag_core::webhook::EventFilter;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Interval;

/// Events that a reader who comes back is sent at once: as many bodies are in memory for it, a few KiB each.
const PAGE: usize = 50;

/// Shortest pause where events of the seam are not settled in the store yet.
const SEAM_PAUSE: Duration = Duration::from_millis(5);

/// Longest such pause, should the store say longer: the heartbeats go on in between.
const SEAM_PAUSE_MAX: Duration = Duration::from_secs(1);

/// What a stream is at.
enum Phase {
    /// Nothing is sent yet.
    Opening,
    /// Sends what was missed.
    Missed,
    /// Sends what happens.
    Live,
    /// Has said all.
    Ended,
}

/// One reader's stream.
pub(super) struct AllStream {
    app: Arc<App>,
    filter: EventFilter,
    /// Until where everything was sent or passed over.
    position: FeedPosition,
    /// The last id that was sent.
    sent: FeedPosition,
    resumes: bool,
    news: Subscription,
    heartbeats: Interval,
    phase: Phase,
}

impl AllStream {
    /// A stream of the events after a place, or from now on.
    pub(super) fn new(
        app: Arc<App>,
        filter: EventFilter,
        after: Option<FeedPosition>,
        news: Subscription,
        heartbeats: Interval,
    ) -> Self {
        let position = after.unwrap_or_else(|| news.start());
        let resumes = after.is_some();
        Self { app, filter, position, sent: position, resumes, news, heartbeats, phase: Phase::Opening }
    }

    /// The next text; none at the end.
    pub(super) async fn next(&mut self) -> Option<Text> {
        loop {
            let text = match self.phase {
                Phase::Opening => {
                    self.phase = if self.resumes { Phase::Missed } else { Phase::Live };
                    return Some(Text::opening(Some(&self.position)));
                }
                Phase::Missed => self.missed().await,
                Phase::Live => self.live().await,
                Phase::Ended => return None,
            };
            if !text.is_empty() {
                return Some(text);
            }
        }
    }

    /// Reads on in the store, until the live events follow without a gap.
    async fn missed(&mut self) -> Text {
        let page = tokio::select! {
            biased;
            () = self.app.live.stopped() => return self.last_words(STOPPING),
            page = self.app.live.since(self.position, PAGE) => page,
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "a stream of events ends early: what was missed cannot be read");
                return self.last_words(AWAY);
            }
        };
        let mut text = Text::default();
        if page.gap {
            let before = page.items.first().map_or(page.position, |item| before(item.position));
            self.gap(&mut text, before);
        }
        for item in &page.items {
            if self.filter.matches(item.event.kind.event_type()) {
                let event = happened(item);
                text.event(&event.position, event.event_type, &event.body);
                self.sent = event.position;
            }
        }
        self.position = page.position;
        // Nothing more is there, or all that is there comes live too.
        let meets = page.next == FeedNext::OnChange || self.position >= self.news.start();
        match page.next {
            _ if meets && page.next != FeedNext::Now => self.phase = Phase::Live,
            FeedNext::After(pause) if text.is_empty() => {
                let pause = pause.clamp(SEAM_PAUSE, SEAM_PAUSE_MAX);
                tokio::select! {
                    () = self.app.live.stopped() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            FeedNext::After(_) | FeedNext::Now | FeedNext::OnChange => {}
        }
        if text.is_empty() { self.beat_if_due().await } else { text }
    }

    /// Waits for what happens; empty where that is nothing to be told.
    async fn live(&mut self) -> Text {
        let news = tokio::select! {
            biased;
            () = self.app.live.stopped() => return self.last_words(STOPPING),
            _ = self.heartbeats.tick() => return self.beat(),
            news = self.news.next() => news,
        };
        let mut text = Text::default();
        match news.as_deref() {
            Err(Behind) => return self.last_words(TOO_SLOW),
            // Those before were read in the store.
            Ok(News::Event(event)) if event.position > self.position => {
                self.position = event.position;
                if self.filter.matches(event.event_type) {
                    text.event(&event.position, event.event_type, &event.body);
                    self.sent = event.position;
                    self.heartbeats.reset();
                }
            }
            Ok(News::Event(_)) => {}
            // Also where that is before: a store that has begun anew numbers anew.
            Ok(News::Gap(position)) => self.gap(&mut text, *position),
        }
        text
    }

    /// A heartbeat where it is time: a filter may pass over much that was missed.
    async fn beat_if_due(&mut self) -> Text {
        tokio::select! {
            biased;
            _ = self.heartbeats.tick() => self.beat(),
            () = std::future::ready(()) => Text::default(),
        }
    }

    fn beat(&mut self) -> Text {
        if let Some(reached) = self.news.reached().filter(|_| matches!(self.phase, Phase::Live)) {
            self.position = self.position.max(reached);
        }
        let mut text = Text::default();
        let moved = self.position != self.sent;
        self.sent = self.position;
        text.comment("heartbeat", moved.then_some(&self.position as &dyn std::fmt::Display));
        text
    }

    fn gap(&mut self, text: &mut Text, position: FeedPosition) {
        let body = json!({
            "event_type": "gap",
            "timestamp": self.app.clock.now(),
            "data": {
                "message": "Events after the last id may be missing: they are older than what is kept. Look at \
                    /api/v1/status for where tasks stand",
                "last_event_id": self.sent.to_string(),
            },
        });
        text.event(&position, "gap", &body.to_string());
        (self.position, self.sent) = (position, position);
    }

    fn last_words(&mut self, words: &str) -> Text {
        self.phase = Phase::Ended;
        let mut text = Text::default();
        let moved = (self.position > self.sent).then_some(&self.position as &dyn std::fmt::Display);
        text.comment(words, moved);
        text
    }
}

/// The place before an event.
fn before(position: FeedPosition) -> FeedPosition {
    FeedPosition::after_all_of(position.moment().saturating_sub(1))
}
