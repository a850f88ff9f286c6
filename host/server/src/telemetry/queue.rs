//! The places of spans that wait for the collector, and how many spans found none.
//!
//! The SDK has such a queue, and drops in silence what finds no place. This one is in front of it and no longer, so the SDK's is never full.

use super::rarely::Rarely;
use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// The attribute with the status of an answer (semantic conventions of HTTP).
const STATUS: &str = "http.response.status_code";

/// The places.
#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    taken: AtomicUsize,
    lost: AtomicU64,
    /// How many of the lost ones the log knows.
    told: AtomicU64,
    rarely: Rarely,
}

impl Places {
    /// So many, all free.
    pub(super) fn new(max: usize) -> Arc<Self> {
        let (taken, lost, told, rarely) = Default::default();
        Arc::new(Self { max, taken, lost, told, rarely })
    }

    /// Takes a place for a span; false: there is none, and the span is lost.
    fn take(&self) -> bool {
        let more = |taken| (taken < self.max).then_some(taken + 1);
        let has_place = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !has_place {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        has_place
    }

    fn free(&self, places: usize) {
        let less = |taken: usize| Some(taken.saturating_sub(places));
        let _ = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// How many places are taken.
    pub(super) fn waiting(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// How many spans were lost since it was told last.
    fn untold(&self) -> u64 {
        self.lost.load(Ordering::Relaxed).saturating_sub(self.told.load(Ordering::Relaxed))
    }

    /// Tells the log how many spans were lost, if any were.
    pub(super) fn tell(&self) {
        let lost = self.untold();
        if lost > 0 {
            self.told.fetch_add(lost, Ordering::Relaxed);
            tracing::warn!(lost, "spans of traces found no place in their queue and are lost, and nothing else is");
        }
    }

    fn tell_rarely(&self) {
        if self.untold() > 0 && self.rarely.is_time() {
            self.tell();
        }
    }
}

/// Lets spans into the SDK's queue while they have places.
#[derive(Debug)]
pub(super) struct Entrance<P> {
    queue: P,
    places: Arc<Places>,
}

impl<P: SpanProcessor> Entrance<P> {
    /// In front of this queue, whose exporter is an [`Exit`] of the same places.
    pub(super) fn new(queue: P, places: Arc<Places>) -> Self {
        Self { queue, places }
    }
}

impl<P: SpanProcessor> SpanProcessor for Entrance<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.queue.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        // The queue takes no others.
        if span.span_context.is_sampled() && !is_refused(&span) && self.places.take() {
            self.queue.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.queue.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.queue.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.queue.set_resource(resource);
    }
}

/// Whether the span is of a request that was refused for its key: whoever has none could push others' spans out of the queue.
fn is_refused(span: &SpanData) -> bool {
    let is_status = |attribute: &&KeyValue| attribute.key.as_str() == STATUS && attribute.value == Value::I64(401);
    span.span_kind == SpanKind::Server && span.attributes.iter().any(|attribute| is_status(&attribute))
}

/// Takes spans out of the queue, whatever becomes of them.
#[derive(Debug)]
pub(super) struct Exit<E> {
    exporter: E,
    places: Arc<Places>,
}

impl<E: SpanExporter> Exit<E> {
    /// In front of this exporter.
    pub(super) fn new(exporter: E, places: Arc<Places>) -> Self {
        Self { exporter, places }
    }
}

impl<E: SpanExporter> SpanExporter for Exit<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.places.free(batch.len());
        // Here, on the exporter's own thread, and not where a span ends: that may be anywhere, also inside of the log.
        self.places.tell_rarely();
        self.exporter.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
    use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, PoisonError};

    #[test]
    fn what_finds_no_place_is_counted_and_told_once() {
        let places = Places::new(2);
        assert_eq!([places.take(), places.take(), places.take(), places.take()], [true, true, false, false]);
        assert_eq!(places.untold(), 2);
        places.tell();
        assert_eq!(places.untold(), 0);
        places.free(1);
        assert_eq!([places.take(), places.take()], [true, false]);
        assert_eq!(places.untold(), 1);
    }

    #[test]
    fn a_request_without_a_valid_key_takes_no_place() {
        let places = Places::new(1);
        let (begun, has_begun) = channel();
        let (go, may) = channel();
        drop(go);
        let exporter = Exit::new(Slow { begun, may: Mutex::new(may) }, places.clone());
        let queue = BatchSpanProcessor::builder(exporter).build();
        let provider = SdkTracerProvider::builder().with_span_processor(Entrance::new(queue, places.clone())).build();
        for status in [401, 401, 401, 403] {
            let tracer = provider.tracer("test");
            let mut span = tracer.span_builder("request").with_kind(SpanKind::Server).start(&tracer);
            span.set_attribute(KeyValue::new(STATUS, i64::from(status)));
            span.end();
        }
        provider.shutdown().unwrap();
        assert_eq!((has_begun.try_iter().sum::<usize>(), places.lost.load(Ordering::Relaxed)), (1, 0));
    }

    /// A collector that says when it has begun a batch, of how many spans, and goes on when it may.
    #[derive(Debug)]
    struct Slow {
        begun: Sender<usize>,
        may: Mutex<Receiver<()>>,
    }

    impl SpanExporter for Slow {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.begun.send(batch.len()).unwrap();
            let _ = self.may.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Ok(())
        }
    }

    #[test]
    fn every_span_is_sent_or_counted_as_lost() {
        let ((begun, has_begun), (go, may)) = (channel(), channel());
        let places = Places::new(4);
        let exporter = Exit::new(Slow { begun, may: Mutex::new(may) }, places.clone());
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(4)
            .with_max_export_batch_size(4)
            .with_scheduled_delay(Duration::from_secs(3600));
        let queue = BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
        let provider = SdkTracerProvider::builder().with_span_processor(Entrance::new(queue, places.clone())).build();
        let end = |count: usize| (0..count).for_each(|_| provider.tracer("test").start("span").end());
        // A whole batch is taken at once, and the collector is slow with it.
        end(4);
        assert_eq!(has_begun.recv().unwrap(), 4);
        end(10);
        assert_eq!(places.untold(), 6);
        drop(go);
        provider.shutdown().unwrap();
        assert_eq!(has_begun.try_iter().sum::<usize>(), 4);
        // The second batch has told the log.
        assert_eq!((places.lost.load(Ordering::Relaxed), places.untold()), (6, 0));
    }
}
