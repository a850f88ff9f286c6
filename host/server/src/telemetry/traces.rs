//! Traces by OpenTelemetry: which spans are taken, and how they are sent.

use super::collector::Collector;
use super::settings::TraceSettings;
use anyhow::Context as _;
use morag_core::trace::SPAN_TARGET;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The service's name if nobody gives another.
const SERVICE: &str = "morag";

/// Time for what is left when the server stops. A collector that is gone must not hold up a restart.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// Traces that are being sent.
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts the exporter's thread. Its queue has 2,048 spans unless `OTEL_BSP_MAX_QUEUE_SIZE` says another number; what finds no place
    /// is dropped. Sampling is the SDK's: `OTEL_TRACES_SAMPLER`, else what the client's `traceparent` says, and all without one.
    ///
    /// # Errors
    /// The client or the exporter cannot be made.
    pub(super) fn start(settings: TraceSettings, runtime: &Handle) -> anyhow::Result<Self> {
        let TraceSettings { timeout, service } = settings;
        let client = Collector::new(timeout, runtime.clone()).context("the client for traces cannot be made")?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client).with_timeout(timeout).build();
        let exporter = exporter.context("the exporter of traces cannot be made")?;
        let provider = SdkTracerProvider::builder().with_resource(resource(service)).with_batch_exporter(exporter);
        Ok(Self(provider.build()))
    }

    /// What takes the spans of traces, and nothing else.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let is_of_traces = filter_fn(|metadata| metadata.is_span() && metadata.target() == SPAN_TARGET);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(SERVICE))
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
        if self.0.shutdown_with_timeout(FINISH_MAX).is_err() {
            tracing::debug!("the last traces could not be sent");
        }
    }
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
}
