//! Gives events their sequence and time.

use morag_core::Timestamp;
use morag_core::pipeline::Draft;
use morag_core::task::Event;
use morag_core::trace::TraceContext;

/// Gives drafts their sequence and time: they continue `events`, and time does not run backwards within a log.
/// `span`: the run's span, if it is traced.
pub(super) fn stamp(events: &[Event], drafts: Vec<Draft>, now: Timestamp, span: Option<TraceContext>) -> Vec<Event> {
    let (last, at) = events.last().map_or((0, now), |event| (event.sequence, event.timestamp.max(now)));
    let event = |(sequence, draft): (u64, Draft)| Event {
        sequence,
        timestamp: at,
        progress_percent: draft.progress_percent,
        message: draft.message,
        span,
        kind: draft.kind,
    };
    (last + 1..).zip(drafts).map(event).collect()
}
