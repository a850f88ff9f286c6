//! Spans of what a step calls, for traces.

use morag_core::trace::SPAN_TARGET;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// Calls of a step that have spans. A step may make a million calls, and spans of all documents wait in one queue, which has 2,048 places:
/// one step must leave places for the others. Those of ours make a few dozen.
pub(crate) const CALLS_SHOWN_MAX: u64 = 200;

/// Makes the spans of one step's calls, the first [`CALLS_SHOWN_MAX`] of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallSpans(Arc<AtomicU64>);

impl CallSpans {
    /// Span of a call that begins, below the current one.
    pub(crate) fn begin(&self, name: &'static str) -> Span {
        match self.0.fetch_add(1, Ordering::Relaxed) < CALLS_SHOWN_MAX {
            true => {
                tracing::info_span!(target: SPAN_TARGET, "call", otel.name = name, otel.status_code = Empty)
            }
            false => Span::none(),
        }
    }

    /// Tells the step's span, which is the current one, how many calls have none.
    pub(crate) fn report(&self) {
        let hidden = self.0.load(Ordering::Relaxed).saturating_sub(CALLS_SHOWN_MAX);
        if hidden > 0 {
            Span::current().record("morag.calls_not_shown", i64::try_from(hidden).unwrap_or(i64::MAX));
        }
    }
}

/// A call in its span, which says whether it failed.
pub(crate) async fn traced<T, E>(span: Span, call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let result = call.instrument(span.clone()).await;
    if result.is_err() {
        span.record("otel.status_code", "error");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::collections::BTreeMap;
    use std::fmt::Debug;
    use std::sync::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
    use tracing_subscriber::registry::LookupSpan;

    /// How many spans have begun, and what was recorded later.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<(u64, BTreeMap<String, String>)>>);

    impl<S: tracing::Subscriber + for<'span> LookupSpan<'span>> Layer<S> for Seen {
        fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            self.0.lock().unwrap().0 += 1;
        }

        fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
            values.record(&mut Recorded(&mut self.0.lock().unwrap().1));
        }
    }

    struct Recorded<'a>(&'a mut BTreeMap<String, String>);

    impl Visit for Recorded<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.insert(field.name().to_owned(), format!("{value:?}"));
        }
    }

    fn seen(work: impl FnOnce()) -> (u64, BTreeMap<String, String>) {
        let seen = Seen::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(seen.clone()), work);
        let seen = seen.0.lock().unwrap();
        seen.clone()
    }

    fn step() -> Span {
        tracing::info_span!(target: SPAN_TARGET, "step", morag.calls_not_shown = Empty)
    }

    #[test]
    fn a_step_with_many_calls_shows_the_first_and_the_number_of_the_others() {
        let (spans, recorded) = seen(|| {
            step().in_scope(|| {
                let calls = CallSpans::default();
                (0..CALLS_SHOWN_MAX + 7).for_each(|_| drop(calls.clone().begin("kv.get")));
                calls.report();
            });
        });
        assert_eq!(spans, 1 + CALLS_SHOWN_MAX);
        assert_eq!(recorded["morag.calls_not_shown"], "7");
        let (_, recorded) = seen(|| step().in_scope(|| CallSpans::default().report()));
        assert!(recorded.is_empty(), "{recorded:?}");
    }

    #[test]
    fn a_call_that_fails_says_so() {
        let call = |result: Result<(), ()>| {
            let (_, recorded) = seen(|| {
                let call = traced(CallSpans::default().begin("kv.get"), async move { result });
                assert_eq!(call.now_or_never(), Some(result));
            });
            recorded.contains_key("otel.status_code")
        };
        assert_eq!((call(Ok(())), call(Err(()))), (false, true));
    }
}
