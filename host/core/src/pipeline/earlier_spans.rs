//! Which earlier runs a run of a task is linked to in a trace.

use crate::task::Event;
use crate::trace::TraceContext;

/// Most spans that a run is linked to. Each retry and each lost worker adds one; the latest say what happened.
const LINKS_MAX: usize = 8;

/// The spans of a task's earlier runs, as its log knows them, the latest first: a run that begins now is linked to them. It is not their
/// child, for they have ended, or nobody knows whether they have.
pub fn earlier_spans(events: &[Event]) -> Vec<TraceContext> {
    let mut spans: Vec<TraceContext> = Vec::new();
    for span in events.iter().rev().filter_map(|event| event.span) {
        if spans.len() == LINKS_MAX {
            break;
        }
        if !spans.contains(&span) {
            spans.push(span);
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::task::EventKind;

    fn span(number: u8) -> TraceContext {
        TraceContext::new([1; 16], [number; 8], true).unwrap()
    }

    fn log(spans: impl IntoIterator<Item = Option<u8>>) -> Vec<Event> {
        let event = |(sequence, number): (u64, Option<u8>)| Event {
            sequence,
            timestamp: Timestamp::from_millis(0),
            progress_percent: 0.0,
            message: String::new(),
            span: number.map(span),
            kind: EventKind::TaskStarted { retry: None },
        };
        (1..).zip(spans).map(event).collect()
    }

    #[test]
    fn the_latest_span_is_first_and_each_is_there_once() {
        let events = log([Some(1), Some(1), None, Some(2), Some(1), Some(3), None]);
        assert_eq!(earlier_spans(&events), [span(3), span(1), span(2)]);
        assert!(earlier_spans(&log([None, None])).is_empty());
    }

    #[test]
    fn links_are_few_however_long_the_log_is() {
        let links = earlier_spans(&log((1..=100).map(Some)));
        assert_eq!((links.len(), links[0]), (LINKS_MAX, span(100)));
    }
}
