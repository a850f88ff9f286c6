//! A collector of traces: a real server that takes OTLP over HTTP as protobuf, and shows what came as a tree.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as proto;
use prost::Message as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// Attributes that [`Trace::tree`] shows, where a span has them.
const SHOWN: [&str; 8] = [
    "morag.step",
    "morag.endpoint",
    "morag.event",
    "morag.attempt",
    "morag.claims",
    "http.response.status_code",
    "server.address",
    "error.type",
];

/// A span as the collector got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its trace, in hexadecimal.
    pub trace_id: String,
    /// Its own id, in hexadecimal.
    pub id: String,
    /// The parent's id; empty: none.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// `internal`, `server`, `client`, `producer` or `consumer`.
    pub kind: &'static str,
    /// Whether it says that it failed.
    pub is_error: bool,
    /// Attributes, as text.
    pub attributes: BTreeMap<String, String>,
    /// Trace and id of the spans that it is linked to.
    pub links: Vec<(String, String)>,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
    /// Attributes of the process that sent it.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    /// An attribute; empty if absent.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Identifies the process that sent it.
    pub fn process(&self) -> &str {
        self.resource.get("service.instance.id").map(String::as_str).unwrap_or_default()
    }

    /// Whether it is linked to a span of this id.
    pub fn is_linked_to(&self, id: &str) -> bool {
        self.links.iter().any(|(_, linked)| linked == id)
    }
}

/// Spans of one trace.
#[derive(Debug, Clone)]
pub struct Trace(pub Vec<Span>);

impl Trace {
    /// Spans of a name, in the order in which they began.
    pub fn named(&self, name: &str) -> Vec<&Span> {
        let mut spans: Vec<_> = self.0.iter().filter(|span| span.name == name).collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// Spans right below another one.
    pub fn below(&self, id: &str) -> Vec<&Span> {
        let mut spans: Vec<_> = self.0.iter().filter(|span| span.parent == id).collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// The trace as an indented text: a line a span, with its process, its time and its links. A parent that never came, because its
    /// process was killed or is a client's, has a line too.
    pub fn tree(&self) -> String {
        let known = |id: &str| self.0.iter().any(|span| span.id == id);
        let mut processes: Vec<&str> = Vec::new();
        let (mut spans, mut text) = (self.0.iter().collect::<Vec<_>>(), String::new());
        spans.sort_by_key(|span| span.start);
        for span in &spans {
            if !processes.contains(&span.process()) {
                processes.push(span.process());
            }
        }
        let mut absent: Vec<&str> = Vec::new();
        for span in &spans {
            if !span.parent.is_empty() && !known(&span.parent) && !absent.contains(&span.parent.as_str()) {
                absent.push(&span.parent);
            }
        }
        let begins = spans.first().map_or(0, |span| span.start);
        let mut write = |depth: usize, line: &str| {
            let _ = writeln!(text, "{}{line}", "  ".repeat(depth));
        };
        // Depth first, by hand: each with the depth that it is written at.
        let mut open: Vec<(usize, &Span)> = Vec::new();
        let roots = |parent: &str| spans.iter().rev().filter(|span| span.parent == parent).copied().collect::<Vec<_>>();
        for parent in absent.iter().copied().chain([""]) {
            let depth = usize::from(!parent.is_empty());
            if depth == 1 {
                write(0, &format!("({parent}, not received)"));
            }
            open.extend(roots(parent).into_iter().map(|span| (depth, span)));
            while let Some((depth, span)) = open.pop() {
                let process = processes.iter().position(|process| *process == span.process()).unwrap_or_default() + 1;
                write(depth, &line(span, process, begins));
                open.extend(roots(&span.id).into_iter().map(|span| (depth + 1, span)));
            }
        }
        text
    }
}

fn line(span: &Span, process: usize, begins: u64) -> String {
    let millis = |nanos: u64| nanos as f64 / 1e6;
    let (at, took) = (millis(span.start.saturating_sub(begins)), millis(span.end.saturating_sub(span.start)));
    let mut line = format!("{} [process {process}, {at:.1} ms + {took:.1} ms, {}]", span.name, span.id);
    for name in SHOWN {
        if let Some(value) = span.attributes.get(name) {
            let _ = write!(line, " {}={value}", name.rsplit('.').next().unwrap_or(name));
        }
    }
    for (_, id) in &span.links {
        let _ = write!(line, " ~> {id}");
    }
    if span.is_error {
        line.push_str(" FAILED");
    }
    line
}

/// A running collector; ends when dropped.
pub struct Collector {
    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    pub url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    spans: Mutex<Vec<Span>>,
    headers: Mutex<Vec<HeaderMap>>,
    count: watch::Sender<usize>,
}

impl Collector {
    /// Starts a collector on a free loopback port.
    pub async fn start() -> Self {
        let (count, _) = watch::channel(0);
        let shared = Arc::new(Shared { spans: Mutex::default(), headers: Mutex::default(), count });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let router = Router::new().route("/v1/traces", post(take)).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the collector serves") });
        Self { url, shared, server }
    }

    /// Settings of a server that sends here, and soon.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "100")]
    }

    /// Everything that came.
    pub fn spans(&self) -> Vec<Span> {
        lock(&self.shared.spans).clone()
    }

    /// Headers of every request.
    pub fn headers(&self) -> Vec<HeaderMap> {
        lock(&self.shared.headers).clone()
    }

    /// What came of a trace.
    pub fn trace(&self, id: &str) -> Trace {
        Trace(self.spans().into_iter().filter(|span| span.trace_id == id).collect())
    }

    /// Waits until what came of a trace satisfies `enough`, and returns it.
    pub async fn wait_for(&self, id: &str, enough: impl Fn(&Trace) -> bool) -> Trace {
        let mut count = self.shared.count.subscribe();
        let waiting = async {
            loop {
                let trace = self.trace(id);
                if enough(&trace) {
                    return trace;
                }
                count.changed().await.expect("the collector runs");
            }
        };
        let waited = tokio::time::timeout(super::server::PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| panic!("not enough has come of {id}:\n{}", self.trace(id).tree()))
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get("content-type").is_none_or(|value| value != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST.into_response() };
    for of_process in request.resource_spans {
        let resource = attributes(of_process.resource.map(|resource| resource.attributes).unwrap_or_default());
        let of_process = of_process.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans);
        lock(&shared.spans).extend(of_process.map(|span| read(span, &resource)));
    }
    lock(&shared.headers).push(headers);
    shared.count.send_modify(|count| *count += 1);
    StatusCode::OK.into_response()
}

fn read(span: proto::Span, resource: &BTreeMap<String, String>) -> Span {
    let kind = match span.kind() {
        proto::span::SpanKind::Server => "server",
        proto::span::SpanKind::Client => "client",
        proto::span::SpanKind::Producer => "producer",
        proto::span::SpanKind::Consumer => "consumer",
        proto::span::SpanKind::Internal | proto::span::SpanKind::Unspecified => "internal",
    };
    let is_error = span.status.as_ref().is_some_and(|status| status.code() == proto::status::StatusCode::Error);
    let link = |link: proto::span::Link| (hex::encode(link.trace_id), hex::encode(link.span_id));
    Span {
        trace_id: hex::encode(span.trace_id),
        id: hex::encode(span.span_id),
        parent: hex::encode(span.parent_span_id),
        name: span.name,
        kind,
        is_error,
        attributes: attributes(span.attributes),
        links: span.links.into_iter().map(link).collect(),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        resource: resource.clone(),
    }
}

fn attributes(list: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: AnyValue| match value.value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    list.into_iter().map(|pair| (pair.key, pair.value.map(text).unwrap_or_default())).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics under the lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: &str, start: u64) -> Span {
        Span {
            trace_id: "t".into(),
            id: id.into(),
            parent: parent.into(),
            name: id.to_uppercase(),
            kind: "internal",
            is_error: id == "c",
            attributes: BTreeMap::from([("morag.step".to_owned(), "chunking".to_owned())]),
            links: if id == "c" { vec![("t".into(), "b".into())] } else { vec![] },
            start,
            end: start + 1_000_000,
            resource: BTreeMap::new(),
        }
    }

    #[test]
    fn a_trace_is_shown_as_a_tree() {
        let trace = Trace(vec![span("c", "a", 2_000_000), span("a", "x", 0), span("b", "a", 1_000_000)]);
        let expected = "(x, not received)\n  \
                        A [process 1, 0.0 ms + 1.0 ms, a] step=chunking\n    \
                        B [process 1, 1.0 ms + 1.0 ms, b] step=chunking\n    \
                        C [process 1, 2.0 ms + 1.0 ms, c] step=chunking ~> b FAILED\n";
        assert_eq!(trace.tree(), expected);
    }
}
