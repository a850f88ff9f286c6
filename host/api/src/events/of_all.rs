//! The stream of all events.

use super::endings::{AWAY, STOPPING, TOO_SLOW};
use super::text::Text;
use crate::Api;
use morag_core::ports::{FeedNext, FeedPosition};
use morag_core::task::TenantId;
use morag_core::webhook::EventFilter;
use morag_engine::{Behind, Happened, News, Subscription};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Interval;

/// Missed events that are read at once for a reader that resumes: their bodies, a few KiB each, are in memory.
const PAGE: usize = 50;

/// Shortest pause while the order of the newest events is not settled in the store.
const SEAM_PAUSE: Duration = Duration::from_millis(5);

/// Longest such pause, whatever the store asks for: heartbeats are sent in between.
const SEAM_PAUSE_MAX: Duration = Duration::from_secs(1);

/// The phase of a stream.
enum Phase {
    /// Nothing is sent yet.
    Opening,
    /// Sends missed events from the store.
    Missed,
    /// Sends live events.
    Live,
    /// Nothing more is sent.
    Ended,
}

/// One reader's stream.
pub(super) struct AllStream {
    app: Arc<Api>,
    /// The tenant whose events are sent.
    tenant: TenantId,
    filter: EventFilter,
    /// Position up to which every event was sent or skipped.
    position: FeedPosition,
    /// The last position up to there that the tenant may see: positions name tasks, and those of other tenants must not be shown.
    shown: FeedPosition,
    /// The last id that was sent.
    sent: FeedPosition,
    resumes: bool,
    news: Subscription,
    heartbeats: Interval,
    phase: Phase,
}

impl AllStream {
    /// A stream of a tenant's events after a position, or from now on. `own` is that position, if the tenant may see it.
    pub(super) fn new(
        app: Arc<Api>,
        tenant: TenantId,
        own: Option<FeedPosition>,
        filter: EventFilter,
        after: Option<FeedPosition>,
        news: Subscription,
        heartbeats: Interval,
    ) -> Self {
        let position = after.unwrap_or_else(|| news.start());
        let resumes = after.is_some();
        let shown = own.unwrap_or_else(|| before(position));
        Self { app, tenant, filter, position, shown, sent: shown, resumes, news, heartbeats, phase: Phase::Opening }
    }

    /// The next text; none at the end.
    pub(super) async fn next(&mut self) -> Option<Text> {
        loop {
            let text = match self.phase {
                Phase::Opening => {
                    self.phase = if self.resumes { Phase::Missed } else { Phase::Live };
                    return Some(Text::opening(Some(&self.shown)));
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

    /// Reads missed events from the store, until the live events follow without a gap.
    async fn missed(&mut self) -> Text {
        let page = tokio::select! {
            biased;
            () = self.app.live.stopped() => return self.last_words(STOPPING),
            page = self.app.live.since(self.position, PAGE) => page,
        };
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "event stream ended early: cannot read missed events");
                return self.last_words(AWAY);
            }
        };
        let mut text = Text::default();
        if page.gap {
            let before = page.items.first().map_or(page.position, |item| item.position).without_event();
            let is_anew = page.position < self.position;
            self.gap(&mut text, before, is_anew);
        }
        for event in page.items.into_iter().map(Happened::new).filter(|event| *event.tenant() == self.tenant) {
            self.shown = event.position();
            if self.filter.matches(event.event_type()) {
                text.event(&event.position(), event.event_type(), event.body());
                self.sent = event.position();
            }
        }
        self.pass(page.position);
        // There is nothing more to read, or the rest also comes live.
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

    /// Waits for a live event; empty if it is not sent to this reader.
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
            // Earlier ones were read from the store.
            Ok(News::Event(event)) if event.position() > self.position => {
                let position = event.position();
                if *event.tenant() != self.tenant {
                    self.pass(position);
                    return text;
                }
                (self.position, self.shown) = (position, position);
                if self.filter.matches(event.event_type()) {
                    text.event(&position, event.event_type(), event.body());
                    self.sent = position;
                    self.heartbeats.reset();
                }
            }
            Ok(News::Event(_)) => {}
            Ok(News::Gap { before, is_anew }) => self.gap(&mut text, *before, *is_anew),
        }
        text
    }

    /// A heartbeat if it is due: a filter may skip many missed events.
    async fn beat_if_due(&mut self) -> Text {
        tokio::select! {
            biased;
            _ = self.heartbeats.tick() => self.beat(),
            () = std::future::ready(()) => Text::default(),
        }
    }

    fn beat(&mut self) -> Text {
        if let Some(reached) = self.news.reached().filter(|_| matches!(self.phase, Phase::Live)) {
            self.pass(self.position.max(reached));
        }
        let mut text = Text::default();
        let moved = self.shown != self.sent;
        self.sent = self.shown;
        text.comment("heartbeat", moved.then_some(&self.shown as &dyn std::fmt::Display));
        text
    }

    /// Tells of a gap before `before`, which names no event. `is_anew`: the store was emptied, and numbers from the beginning.
    fn gap(&mut self, text: &mut Text, before: FeedPosition, is_anew: bool) {
        let body = json!({
            "event_type": "gap",
            "timestamp": self.app.clock.now(),
            "data": {
                "message": "Events after the last id may be missing: they are older than what is kept, or cannot be \
                    read. Look at /api/v1/status for where tasks stand",
                "last_event_id": self.sent.to_string(),
            },
        });
        (self.position, self.shown) = after_gap(self.position, self.shown, before, is_anew);
        text.event(&self.shown, "gap", &body.to_string());
        self.sent = self.shown;
    }

    /// Notes that every event up to a position was sent or skipped. If the position names a task, which may be another tenant's, the
    /// tenant resumes before that position's moment: its own events of that moment come after it.
    fn pass(&mut self, position: FeedPosition) {
        self.position = position;
        self.shown = self.shown.max(position.without_event());
    }

    fn last_words(&mut self, words: &str) -> Text {
        self.phase = Phase::Ended;
        let mut text = Text::default();
        let moved = (self.shown > self.sent).then_some(&self.shown as &dyn std::fmt::Display);
        text.comment(words, moved);
        text
    }
}

/// The position before an event.
fn before(position: FeedPosition) -> FeedPosition {
    FeedPosition::after_all_of(position.moment().saturating_sub(1))
}

/// Where a reader stands after a gap: the position that it has reached, and the last one that it may see. What was read behind the gap
/// already, as missed events are that also come live, is not read again.
fn after_gap(
    reached: FeedPosition,
    shown: FeedPosition,
    before: FeedPosition,
    is_anew: bool,
) -> (FeedPosition, FeedPosition) {
    if is_anew { (before, before) } else { (reached.max(before), shown.max(before)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_takes_a_reader_back_only_where_the_feed_begins_anew() {
        let at = FeedPosition::after_all_of;
        assert_eq!(after_gap(at(9), at(8), at(5), false), (at(9), at(8)), "it has read behind the gap");
        assert_eq!(after_gap(at(4), at(3), at(5), false), (at(5), at(5)));
        assert_eq!(after_gap(at(9), at(8), at(5), true), (at(5), at(5)), "what comes then is new");
    }
}
