//! Spans of traces, and how they hang together.
//!
//! They have a target of their own, which the log leaves out, and cost nothing where no exporter takes them. Beside them are spans of the
//! log, which every line carries and no exporter takes. One is entered inside of the other: the span of the trace is the inner one, so
//! that it is the current one for what begins other spans elsewhere.
//!
//! Nothing here says where traces go: `tracing-opentelemetry` finds the exporter that the process has, if it has one.
//!
//! Names of attributes are OpenTelemetry's semantic conventions where they have one, and begin with `morag.` elsewhere. No attribute
//! has a document's text or name, a header, or of a URL more than host and port. Numbers are `i64`: others would be sent as texts.

use morag_core::task::{EventKind, TaskId, TaskRecord};
use morag_core::trace::{SPAN_TARGET, TraceContext};
use morag_core::webhook::AttemptOutcome;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// An HTTP request, until the head of its answer. `parent`: the `traceparent` that it came with.
pub fn request(method: &'static str, parent: Option<&TraceContext>) -> Span {
    let span = tracing::info_span!(
        target: SPAN_TARGET,
        "request",
        otel.name = method,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
    );
    continues(&span, parent);
    span
}

/// Notes what answered a request, and how.
pub fn answered(request: &Span, method: &str, route: &str, status: u16) {
    if request.is_disabled() {
        return;
    }
    // The field `otel.name` has no effect after a span has begun.
    request.context().span().update_name(format!("{method} {route}"));
    request.record("http.route", route);
    request.record("http.response.status_code", i64::from(status));
    if status >= 500 {
        erred(request);
    }
}

/// One run of a task, from its claim until it ends, waits or is lost; and its beginning, the claim, in which a worker reads what the task
/// is and how far it is. Where the run belongs is known only after that. However the claim ends, it is below the run.
pub(crate) struct Claimed {
    run: Span,
    claim: Span,
}

impl Claimed {
    /// Of a worker that has the lease. Neither span may begin another one before it is [placed](Self::placed).
    pub(crate) fn new(task: TaskId) -> Self {
        let run = tracing::info_span!(
            target: SPAN_TARGET,
            "task",
            otel.kind = "consumer",
            otel.status_code = Empty,
            error.type = Empty,
            morag.task_id = %task,
            morag.pipeline = Empty,
            morag.claims = Empty,
        );
        Self {
            run,
            claim: tracing::info_span!(target: SPAN_TARGET, "claim", otel.status_code = Empty, error.type = Empty),
        }
    }

    /// The span of the claim.
    pub(crate) fn claim(&self) -> Span {
        self.claim.clone()
    }

    /// Notes that the claim failed, and with it the run.
    pub(crate) fn failed(self, code: &str) {
        failed(&self.run, code);
        failed(&self.claim, code);
    }

    /// Ends the claim, and puts the run where it belongs: below the submission, whatever ran before, and linked to the spans of earlier
    /// runs.
    pub(crate) fn placed(self, record: &TaskRecord, claims: u64, earlier: &[TraceContext]) -> Span {
        let run = self.run.clone();
        if !run.is_disabled() {
            continues(&run, record.trace.as_ref());
            earlier.iter().for_each(|span| linked(&run, span));
            run.record("morag.pipeline", record.pipeline.name());
            run.record("morag.claims", i64::try_from(claims).unwrap_or(i64::MAX));
        }
        run
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        continues(&self.claim, context_of(&self.run).as_ref());
    }
}

/// One run of a step. `attempt`: run of the task, from 1.
pub(crate) fn step(name: &str, component: &str, attempt: u32) -> Span {
    tracing::info_span!(
        target: SPAN_TARGET,
        "step",
        otel.name = format!("step {name}"),
        otel.status_code = Empty,
        error.type = Empty,
        morag.step = name,
        morag.component = component,
        morag.attempt = i64::from(attempt),
        // The runtime knows it.
        morag.calls_not_shown = Empty,
    )
}

/// Notes that what a span is of failed.
pub fn erred(span: &Span) {
    span.record("otel.status_code", "error");
}

/// Notes the code of what failed.
pub(crate) fn failed(span: &Span, code: &str) {
    erred(span);
    span.record("error.type", code);
}

/// A commit to the store, of this many events where it is one of events.
pub fn commit(events: Option<usize>) -> Span {
    let events = events.map(|events| i64::try_from(events).unwrap_or(i64::MAX));
    tracing::info_span!(target: SPAN_TARGET, "commit", otel.status_code = Empty, morag.events = events)
}

/// A commit of what deliveries have done, below the submission; none where no trace is known.
pub(crate) fn delivery_commit(record: &TaskRecord) -> Span {
    let Some(parent) = &record.trace else { return Span::none() };
    let span = commit(None);
    continues(&span, Some(parent));
    span
}

/// One attempt to deliver an event: below the submission, and linked to the run that the event is of.
pub(crate) fn delivery(
    record: &TaskRecord,
    endpoint: &str,
    event: &EventKind,
    of: Option<&TraceContext>,
    attempt: u32,
) -> Span {
    let span = tracing::info_span!(
        target: SPAN_TARGET,
        "delivery",
        otel.kind = "producer",
        otel.status_code = Empty,
        error.type = Empty,
        http.response.status_code = Empty,
        morag.task_id = %record.id,
        morag.endpoint = endpoint,
        morag.event = event.event_type(),
        morag.attempt = i64::from(attempt),
    );
    continues(&span, record.trace.as_ref());
    if let Some(of) = of {
        linked(&span, of);
    }
    span
}

/// Notes how an attempt went.
pub(crate) fn attempted(span: &Span, outcome: &AttemptOutcome) {
    if let Some(status) = outcome.status {
        span.record("http.response.status_code", i64::from(status));
    }
    match outcome.error {
        Some(error) => failed(span, error.as_str()),
        None if outcome.status.is_some_and(|status| (200..300).contains(&status)) => {}
        None => erred(span),
    }
}

/// The span as others may know it; none where no exporter takes it.
pub fn context_of(span: &Span) -> Option<TraceContext> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let known = context.span().span_context().clone();
    TraceContext::new(known.trace_id().to_bytes(), known.span_id().to_bytes(), known.is_sampled())
}

/// Makes a span a child of one that is known by its ids only. It must not have begun another span yet.
fn continues(span: &Span, parent: Option<&TraceContext>) {
    if let Some(parent) = parent.filter(|_| !span.is_disabled()) {
        // Refused only where no exporter takes the span.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote(parent)));
    }
}

fn linked(span: &Span, to: &TraceContext) {
    if !span.is_disabled() {
        span.add_link(remote(to));
    }
}

fn remote(context: &TraceContext) -> SpanContext {
    let flags = if context.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, span) = (TraceId::from_bytes(context.trace_id()), SpanId::from_bytes(context.span_id()));
    SpanContext::new(trace, span, flags, true, TraceState::NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;
    use morag_core::webhook::ErrorClass;
    use opentelemetry::Value;
    use opentelemetry::trace::{SpanKind, Status, TracerProvider as _};
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::layer::SubscriberExt as _;

    /// No exporter here: what holds where traces are off.
    #[test]
    fn without_an_exporter_there_are_no_spans() {
        let trace = TraceContext::new([1; 16], [2; 8], true);
        let record = TaskRecord { trace, ..record() };
        let claimed = Claimed::new(record.id);
        let claim = claimed.claim();
        let run = claimed.placed(&record, 1, &[trace.unwrap()]);
        let delivery = delivery(&record, "task", &EventKind::TaskStarted { retry: None }, trace.as_ref(), 1);
        for span in [request("POST", trace.as_ref()), run, claim, step("a", "b", 1), commit(Some(1)), delivery] {
            assert!(span.is_disabled() && context_of(&span).is_none());
        }
    }

    #[test]
    fn ids_and_the_flag_are_passed_on_as_they_are() {
        for is_sampled in [true, false] {
            let remote = remote(&TraceContext::new([1; 16], [2; 8], is_sampled).unwrap());
            assert_eq!(remote.trace_id().to_bytes(), [1; 16]);
            assert_eq!(remote.span_id().to_bytes(), [2; 8]);
            assert!(remote.is_sampled() == is_sampled && remote.is_remote() && remote.is_valid());
        }
    }

    /// What an exporter gets of `work`, with a log beside it as a server has.
    fn exported(work: impl FnOnce()) -> Vec<SpanData> {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
        tracing::subscriber::with_default(subscriber(&provider, Written::default()), work);
        exporter.get_finished_spans().unwrap()
    }

    /// As a server has it.
    fn subscriber(provider: &SdkTracerProvider, log: Written) -> impl tracing::Subscriber + Send + Sync + use<> {
        let of_traces =
            tracing_opentelemetry::layer().with_tracer(provider.tracer("test")).with_context_activation(false);
        let of_log = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || log.clone());
        tracing_subscriber::registry()
            .with(of_log.with_filter(filter_fn(|metadata| metadata.target() != SPAN_TARGET)))
            .with(of_traces.with_filter(filter_fn(|metadata| metadata.target() == SPAN_TARGET)))
    }

    /// The log's text.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
        let mut found = spans.iter().filter(|span| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no {name} in {spans:?}"));
        assert!(found.next().is_none(), "two of {name}");
        span
    }

    fn attribute(span: &SpanData, key: &str) -> Option<Value> {
        span.attributes.iter().find(|pair| pair.key.as_str() == key).map(|pair| pair.value.clone())
    }

    fn links(span: &SpanData) -> Vec<SpanId> {
        span.links.iter().map(|link| link.span_context.span_id()).collect()
    }

    #[test]
    fn a_run_is_below_the_submission_whatever_ran_before_and_its_steps_are_below_it() {
        let submission = TraceContext::new([1; 16], [2; 8], true).unwrap();
        let earlier = TraceContext::new([1; 16], [3; 8], true).unwrap();
        let record = TaskRecord { trace: Some(submission), ..record() };
        let spans = exported(|| {
            let of_log = tracing::error_span!("task of the log");
            let _of_log = of_log.enter();
            let claimed = Claimed::new(record.id);
            claimed.claim().in_scope(|| {});
            let run = claimed.placed(&record, 2, &[earlier]);
            let _run = run.enter();
            let step_of_log = tracing::error_span!("step of the log");
            let _step_of_log = step_of_log.enter();
            let step = step("chunking", "chunker", 1);
            let _step = step.enter();
            failed(&step, "PLUGIN_TIMEOUT");
            drop(commit(Some(3)));
        });
        assert_eq!(spans.len(), 4, "and none of the log's: {spans:?}");
        let (run, step) = (named(&spans, "task"), named(&spans, "step chunking"));
        assert!(spans.iter().all(|span| span.span_context.trace_id().to_bytes() == [1; 16]));
        assert_eq!((run.parent_span_id.to_bytes(), links(run)), ([2; 8], vec![SpanId::from_bytes([3; 8])]));
        assert_eq!(attribute(run, "morag.claims"), Some(Value::I64(2)));
        assert_eq!(named(&spans, "claim").parent_span_id, run.span_context.span_id());
        assert_eq!(step.parent_span_id, run.span_context.span_id());
        assert_eq!(attribute(step, "error.type"), Some("PLUGIN_TIMEOUT".into()));
        assert!(matches!(step.status, Status::Error { .. }) && run.status == Status::Unset);
        let commit = named(&spans, "commit");
        assert_eq!(commit.parent_span_id, step.span_context.span_id());
        assert_eq!(attribute(commit, "morag.events"), Some(Value::I64(3)));
    }

    #[test]
    fn a_claim_that_comes_to_nothing_is_one_trace_which_says_why() {
        let task = record().id;
        let spans = exported(|| Claimed::new(task).failed("STORE"));
        let (run, claim) = (named(&spans, "task"), named(&spans, "claim"));
        assert_eq!((run.parent_span_id, claim.parent_span_id), (SpanId::INVALID, run.span_context.span_id()));
        assert!([run, claim].iter().all(|span| matches!(span.status, Status::Error { .. })), "{spans:?}");
        assert_eq!(attribute(run, "error.type"), Some("STORE".into()));
        // Also where nobody says anything.
        let spans = exported(|| drop(Claimed::new(task)));
        assert_eq!(named(&spans, "claim").parent_span_id, named(&spans, "task").span_context.span_id());
    }

    #[test]
    fn a_commit_of_deliveries_says_no_number_of_events() {
        let record = TaskRecord { trace: TraceContext::new([1; 16], [2; 8], true), ..record() };
        let spans = exported(|| drop(delivery_commit(&record)));
        let commit = named(&spans, "commit");
        assert_eq!((commit.parent_span_id.to_bytes(), attribute(commit, "morag.events")), ([2; 8], None));
    }

    /// A thread of guests has no spans of its own: it takes those of the step, the log's and the trace's.
    #[test]
    fn a_line_of_another_thread_has_the_trace_and_the_step() {
        let written = Written::default();
        let provider = SdkTracerProvider::builder().build();
        let dispatch = tracing::Dispatch::new(subscriber(&provider, written.clone()));
        tracing::dispatcher::with_default(&dispatch, || {
            let of_log = tracing::error_span!("task", trace_id = "0af7");
            let _of_log = of_log.enter();
            let run = Claimed::new(record().id).placed(&record(), 1, &[]);
            let _run = run.enter();
            let of_log = tracing::error_span!("step", step = "chunking");
            let _of_log = of_log.enter();
            let step = step("chunking", "chunker", 1);
            let _step = step.enter();
            let (of_guest, step) = (tracing::error_span!("guest"), Span::current());
            let line = || of_guest.in_scope(|| step.in_scope(|| tracing::error!("a line")));
            std::thread::scope(|scope| {
                scope.spawn(|| tracing::dispatcher::with_default(&dispatch, line));
            });
        });
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(written.contains("0af7") && written.contains("chunking"), "{written}");
        assert!(!written.contains("morag.step"), "the trace's own span is not in the log: {written}");
    }

    #[test]
    fn a_request_has_the_clients_parent_and_the_name_of_its_route() {
        let client = TraceContext::new([1; 16], [2; 8], true);
        let mut own = None;
        let spans = exported(|| {
            let span = request("POST", client.as_ref());
            own = context_of(&span);
            answered(&span, "POST", "/api/v1/tasks/{task_id}/retry", 503);
        });
        let span = named(&spans, "POST /api/v1/tasks/{task_id}/retry");
        assert_eq!((span.parent_span_id.to_bytes(), &span.span_kind), ([2; 8], &SpanKind::Server));
        assert_eq!(own.map(|own| own.span_id()), Some(span.span_context.span_id().to_bytes()));
        assert_eq!(attribute(span, "http.response.status_code"), Some(Value::I64(503)));
        assert!(matches!(span.status, Status::Error { .. }));
    }

    #[test]
    fn a_delivery_is_below_the_submission_and_linked_to_its_events_run() {
        let (submission, run) = (TraceContext::new([1; 16], [2; 8], true), TraceContext::new([1; 16], [3; 8], true));
        let record = TaskRecord { trace: submission, ..record() };
        let outcome = |status, error| AttemptOutcome {
            status,
            error,
            retry_after_ms: None,
            excerpt: "s3cret".into(),
            duration_ms: 1,
        };
        let attempt = |outcome| {
            let spans = exported(|| {
                let kind = EventKind::TaskStarted { retry: None };
                attempted(&delivery(&record, "crm", &kind, run.as_ref(), 2), &outcome);
            });
            named(&spans, "delivery").clone()
        };
        let good = attempt(outcome(Some(200), None));
        assert_eq!((good.parent_span_id.to_bytes(), links(&good)), ([2; 8], vec![SpanId::from_bytes([3; 8])]));
        assert_eq!(attribute(&good, "morag.event"), Some("task_started".into()));
        assert_eq!((attribute(&good, "morag.attempt"), good.status), (Some(Value::I64(2)), Status::Unset));
        let (bad, none) = (attempt(outcome(Some(500), None)), attempt(outcome(None, Some(ErrorClass::Timeout))));
        assert!([&bad, &none].iter().all(|span| matches!(span.status, Status::Error { .. })));
        assert_eq!(attribute(&none, "error.type"), Some("timeout".into()));
        assert!(!format!("{bad:?}").contains("s3cret"));
    }
}
