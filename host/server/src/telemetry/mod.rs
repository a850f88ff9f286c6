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
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// What has been started, and is to be finished.
#[must_use]
pub struct Telemetry(Option<Traces>);

/// Starts logging, and traces if the environment names a collector. Further calls have no effect, so tests may call it repeatedly.
///
/// # Errors
/// The filter of the settings is invalid, or a variable of OpenTelemetry.
pub fn init(config: &Config) -> anyhow::Result<Telemetry> {
    let traces = settings()?.map(Traces::start).transpose()?;
    let level = EnvFilter::try_new(&config.log_filter).context("invalid RUST_LOG")?;
    // With a hint of the level, without which every level of every crate would be looked at.
    let is_of_log = filter_fn(|metadata| metadata.target() != SPAN_TARGET).with_max_level_hint(LevelFilter::TRACE);
    let log = tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal());
    let log = log.with_writer(std::io::stderr);
    let log = match config.log_format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(log.with_filter(level.and(is_of_log)));
    // Fails only if a subscriber is set already.
    let _ = match &traces {
        None => subscriber.try_init(),
        Some(traces) => subscriber.with(traces.layer()).try_init(),
    };
    if traces.is_some() {
        tracing::info!("traces are sent to a collector");
    }
    Ok(Telemetry(traces))
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
