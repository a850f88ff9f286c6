//! What a server tells of itself while it runs: its log on stderr, as text or JSON lines, and traces by OpenTelemetry
//! (`docs/tracing.md`), which are off unless a collector is named.
//!
//! Each has a filter of its own. Spans of traces are not in the log, and lines of the log are not in traces: they may name files.

mod collector;
mod header_list;
mod queue;
mod rarely;
mod settings;
mod traces;

use anyhow::Context as _;
use morag_core::trace::SPAN_TARGET;
use morag_engine::config::{Config, LogFormat};
use settings::TraceSettings;
use std::io::IsTerminal as _;
use traces::Traces;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// What has been started, and is to be finished.
#[must_use]
pub struct Telemetry(Option<Traces>);

/// Starts logging, and traces if the environment names a collector. Further calls have no effect, so tests may call it repeatedly.
///
/// # Errors
/// The filter of the settings is invalid, or a variable of OpenTelemetry.
pub fn init(config: &Config) -> anyhow::Result<Telemetry> {
    let settings = settings()?;
    let destination = settings.as_ref().map(TraceSettings::destination);
    let traces = settings.map(Traces::start).transpose()?;
    let level = EnvFilter::try_new(&config.log_filter).context("invalid RUST_LOG")?;
    // With a hint of the level, without which every level of every crate would be looked at.
    let is_of_log = filter_fn(|metadata| metadata.target() != SPAN_TARGET).with_max_level_hint(LevelFilter::TRACE);
    let log = log(config.log_format, std::io::stderr().is_terminal(), std::io::stderr);
    let subscriber = tracing_subscriber::registry().with(log.with_filter(level.and(is_of_log)));
    // Fails only if a subscriber is set already.
    let _ = match &traces {
        None => subscriber.try_init(),
        Some(traces) => subscriber.with(traces.layer()).try_init(),
    };
    if let Some(collector) = destination {
        tracing::info!(collector, "traces are sent to a collector");
    }
    Ok(Telemetry(traces))
}

/// What writes the log, as text or as JSON.
fn log<S, W>(format: LogFormat, is_coloured: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    W: for<'line> MakeWriter<'line> + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt::layer().with_ansi(is_coloured).with_writer(writer);
    match format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().boxed(),
    }
}

/// What is wrong with a filter of the log, if anything: the text after the setting's name.
pub fn filter_fault(text: &str) -> Option<String> {
    let shown = morag_core::shown(text);
    EnvFilter::try_new(text)
        .err()
        .map(|_| format!("is {shown:?}, which is no filter: give one like info or warn,morag_engine=debug"))
}

/// Checks the variables of OpenTelemetry, and starts nothing.
///
/// # Errors
/// A value that cannot be followed.
pub fn check() -> anyhow::Result<()> {
    settings().map(|_| ())
}

fn settings() -> anyhow::Result<Option<TraceSettings>> {
    TraceSettings::read(|name| std::env::var(name).ok())
}

impl Telemetry {
    /// Sends what is left of the traces, within a few seconds. Blocks; the runtime must still run.
    pub fn finish(self) {
        if let Some(traces) = self.0 {
            traces.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    /// What was written.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// As `docs/tracing.md` says.
    #[test]
    fn a_line_of_json_has_the_trace_id_in_its_spans_and_that_of_the_innermost_in_span() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::registry().with(log(LogFormat::Json, false, move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || {
            let task = tracing::error_span!("task", trace_id = tracing::field::Empty);
            task.record("trace_id", "0af7");
            let _task = task.enter();
            tracing::error!("of the task");
            let step = tracing::error_span!("step", step = "chunking");
            let _step = step.enter();
            tracing::error!("of its step");
        });
        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<serde_json::Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.len() == 2 && lines.iter().all(|line| line["spans"][0]["trace_id"] == "0af7"), "{written}");
        assert_eq!((&lines[0]["span"]["trace_id"], &lines[1]["span"]["trace_id"]), (&"0af7".into(), &().into()));
    }

    #[test]
    fn a_filter_is_refused_with_one_that_is_right() {
        assert_eq!(filter_fault("info,morag_engine=debug"), None);
        let fault = filter_fault("morag_engine=loud").unwrap();
        assert!(fault.starts_with("is \"morag_engine=loud\", which is no filter: give"), "{fault}");
    }
}
