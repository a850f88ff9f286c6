//! Traces by OpenTelemetry: which spans are taken, and how they are sent.

use super::collector::Collector;
use super::queue::{Entrance, Exit, Places};
use super::settings::{Sampling, TraceSettings};
use anyhow::{Context as _, anyhow};
use morag_core::trace::SPAN_TARGET;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use std::sync::Arc;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// Default of `OTEL_SERVICE_NAME`.
const SERVICE: &str = "morag";

/// Time for what is left when the server stops. A collector that is gone must not hold up a restart.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// Traces that are being sent.
pub(super) struct Traces {
    provider: SdkTracerProvider,
    places: Arc<Places>,
}

impl Traces {
    /// Starts the exporter's thread. What finds no place in its queue is dropped.
    ///
    /// # Errors
    /// The client or the exporter cannot be made.
    pub(super) fn start(settings: TraceSettings) -> anyhow::Result<Self> {
        let TraceSettings { endpoint, headers, timeout, delay, queue, batch, sampling, service } = settings;
        let client = Collector::new(headers, timeout).context("the client for traces cannot be made")?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client);
        let exporter = exporter.with_endpoint(endpoint).with_protocol(Protocol::HttpBinary).with_timeout(timeout);
        // Without the error's own text: it may show the address.
        let exporter =
            exporter.build().map_err(|_| anyhow!("the exporter of traces cannot be made for this address"))?;
        let places = Places::new(queue);
        let config = BatchConfigBuilder::default().with_max_queue_size(queue).with_max_export_batch_size(batch);
        let config = config.with_scheduled_delay(delay).build();
        let queue = BatchSpanProcessor::builder(Exit::new(exporter, places.clone())).with_batch_config(config).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(service))
            .with_sampler(sampler(sampling))
            .with_span_processor(Entrance::new(queue, places.clone()))
            .build();
        Ok(Self { provider, places })
    }

    /// What takes the spans of traces, and nothing else.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let is_of_traces = filter_fn(|metadata| metadata.is_span() && metadata.target() == SPAN_TARGET);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            // Where the code is, on which thread it ran and how long it was idle says nothing to who reads a trace.
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            // Spans find their parents by `tracing`. Besides, a span begins only when another one needs it, so it can be placed late.
            .with_context_activation(false)
            .with_filter(is_of_traces.with_max_level_hint(LevelFilter::INFO))
    }

    /// Sends what is left.
    pub(super) fn finish(self) {
        if self.provider.shutdown_with_timeout(FINISH_MAX).is_err() {
            let waiting = self.places.waiting();
            tracing::warn!(
                waiting,
                "the last spans of traces could not be sent in time and are lost, and nothing else is"
            );
        }
        self.places.tell();
    }
}

fn sampler(Sampling { follows_parent, ratio }: Sampling) -> Sampler {
    let sampler = Sampler::TraceIdRatioBased(ratio);
    if follows_parent { Sampler::ParentBased(Box::new(sampler)) } else { sampler }
}

/// What every span is of. The variables go last, so they win.
fn resource(service: Option<String>) -> Resource {
    let detectors: [Box<dyn ResourceDetector>; 2] =
        [Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())];
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.version", morag_engine::VERSION))
        .with_attribute(KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()))
        .with_detectors(&detectors)
        .with_service_name(service.unwrap_or_else(|| SERVICE.to_owned()))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::Key;
    use opentelemetry::trace::{Span as _, Tracer as _};

    #[test]
    fn spans_are_of_the_service_and_its_version() {
        let value =
            |resource: &Resource, key: &'static str| resource.get(&Key::new(key)).map(|value| value.to_string());
        let ours = resource(None);
        assert_eq!(value(&ours, "service.name").as_deref(), Some("morag"));
        assert_eq!(value(&ours, "service.version").as_deref(), Some(morag_engine::VERSION));
        assert_ne!(value(&ours, "service.instance.id"), value(&resource(None), "service.instance.id"));
        assert_eq!(value(&resource(Some("mine".into())), "service.name").as_deref(), Some("mine"));
    }

    #[test]
    fn all_traces_or_none_are_sent_where_the_ratio_says_so() {
        for (ratio, are_sent) in [(1.0, true), (0.0, false)] {
            let sampler = sampler(Sampling { follows_parent: true, ratio });
            let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
            let is_sampled = |_| provider.tracer("test").start("span").span_context().is_sampled();
            assert!((0..100).map(is_sampled).all(|is_sampled| is_sampled == are_sent));
        }
    }
}
