//! The span of a request, and the header `traceparent` (W3C Trace Context).

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue};
use morag_core::trace::{TRACEPARENT, TraceContext};
use morag_engine::spans;
use tracing::Span;

/// Where the paths begin whose requests have spans. Probes and scrapes come every few seconds, and belong to no document.
const TRACED: &str = "/api/";

/// The spans of a request: one for the trace, and one for the log, where a trace is known.
pub struct Traced {
    span: Span,
    of_log: Span,
}

impl Traced {
    /// Those of a request that has just come. From here on its `traceparent` is the parent of this request's own spans: the request's span
    /// where traces are on, else what the client sent, and nothing if that was no `traceparent`.
    pub fn of(method: &'static str, request: &mut Request) -> Self {
        if !request.uri().path().starts_with(TRACED) {
            return Self { span: Span::none(), of_log: Span::none() };
        }
        let given = of(request.headers());
        let span = spans::request(method, given.as_ref());
        let trace = spans::context_of(&span).or(given);
        let headers = request.headers_mut();
        headers.remove(TRACEPARENT);
        let Some(trace) = trace else { return Self { span, of_log: Span::none() } };
        if let Ok(value) = HeaderValue::try_from(trace.to_string()) {
            headers.insert(TRACEPARENT, value);
        }
        Self { span, of_log: of_log(Some(&trace)) }
    }

    /// The trace's span.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The log's span.
    pub fn of_log(&self) -> Span {
        self.of_log.clone()
    }

    /// Notes the answer.
    pub fn answered(&self, method: &str, route: &str, status: u16) {
        spans::answered(&self.span, method, route, status);
    }
}

/// The log's span of a request that is of this trace; none without one. Lines of a task that is spawned for a request need it: the log
/// finds only its own spans.
pub fn of_log(trace: Option<&TraceContext>) -> Span {
    // Of the highest level: with `RUST_LOG=error` too, a line says which trace it is about.
    let span = |trace: &TraceContext| tracing::error_span!(parent: None, "trace", trace_id = %trace.trace_id_text());
    trace.map_or_else(Span::none, span)
}

/// What a request's headers say of its trace. None where they say nothing, nothing valid, or several things.
pub fn of(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (first, second) = (values.next()?, values.next());
    first.to_str().ok().filter(|_| second.is_none())?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn passed_on(path: &str, values: &[&str]) -> Vec<String> {
        let mut request = Request::builder().uri(path);
        for value in values {
            request = request.header(TRACEPARENT, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        // No exporter is here.
        drop(Traced::of("GET", &mut request));
        request.headers().get_all(TRACEPARENT).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn without_an_exporter_the_clients_header_is_passed_on() {
        assert_eq!(passed_on("/api/v1/tasks", &[GIVEN]), [GIVEN]);
        assert_eq!(passed_on("/api/v1/tasks", &[&format!("cc{}-more", &GIVEN[2..])]), [GIVEN]);
        assert!(passed_on("/api/v1/tasks", &[]).is_empty());
    }

    #[test]
    fn what_is_no_traceparent_is_dropped_in_silence() {
        for values in [&["nonsense"][..], &[""], &[GIVEN, GIVEN], &[&format!("{GIVEN}, {GIVEN}")]] {
            assert!(passed_on("/api/v1/tasks", values).is_empty(), "{values:?}");
        }
    }
}
