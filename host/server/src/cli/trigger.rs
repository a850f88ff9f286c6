//! `morag trigger`: sends one signed sample event, to test a receiver without a server or a document.

use super::deliver::{Deliverer, Delivery, DeliveryOptions, is_success, outcome_text};
use clap::Args;
use clap::builder::PossibleValuesParser;
use morag_adapters::SystemClock;
use morag_client::{line, plain};
use morag_core::ports::Clock as _;
use morag_core::task::TaskId;
use morag_core::webhook::{BodyFormat, EVENT_TYPES, SampleInput, WebhookUrl, redact, render, sample};
use std::process::ExitCode;

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag trigger task_completed --to http://localhost:8001/webhook
  morag trigger step_completed --step ingestion --to http://localhost:3000/hook --secret change-me --auth-token TOKEN
  morag trigger step_failed --format flat --to http://localhost:3000/hook --task-id 6f1c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11
  morag trigger task_started --to http://192.168.1.20:8080/hook --allow-networks 192.168.1.0/24

Body, headers and signatures are those of a real delivery; in task events, metadata.sample marks the sample. Receivers on this
machine are allowed, other private addresses only with --allow-networks, as on a server. Exit code 1 unless the receiver
answers 2xx. Pass the secret in WEBHOOK_SECRET to hide it from other users of this machine.";

/// Sends a sample event.
#[derive(Debug, Args)]
pub struct Trigger {
    /// Event type
    #[arg(value_parser = PossibleValuesParser::new(EVENT_TYPES))]
    event: String,
    /// URL of the receiver
    #[arg(long, value_name = "URL")]
    to: WebhookUrl,
    /// Step of the event; by default the first step
    #[arg(long, value_name = "NAME")]
    step: Option<String>,
    /// Task id in the event; by default a random one
    #[arg(long, value_name = "ID")]
    task_id: Option<uuid::Uuid>,
    /// Format of the body
    #[arg(long, default_value = "dual", value_parser = format, value_name = "dual|envelope|flat|morag-ui")]
    format: BodyFormat,
    #[command(flatten)]
    delivery: DeliveryOptions,
}

fn format(text: &str) -> Result<BodyFormat, String> {
    text.parse().map_err(|()| "choose dual, envelope, flat or morag-ui".to_owned())
}

/// `morag trigger`. Exit code 1 unless the receiver answers 2xx.
pub async fn run(command: Trigger) -> anyhow::Result<ExitCode> {
    let Trigger { event, to, step, task_id, format, delivery } = command;
    let task = TaskId::from(task_id.unwrap_or_else(uuid::Uuid::new_v4));
    let input = SampleInput { event_type: &event, step: step.as_deref(), task, now: SystemClock.now() };
    let (mut record, sample) = sample(input)?;
    let shown = redact(to.as_url());
    let deliverer = Deliverer::new(to, format, delivery)?;
    let endpoint = deliverer.endpoint().clone();
    anyhow::ensure!(endpoint.takes(&sample), "{event} is not sent in the format morag-ui, which has step events only");
    // As the task's own webhook, so that `metadata.webhook_url` contains its URL.
    record.endpoints.push(morag_core::webhook::Endpoint { id: morag_core::webhook::EndpointId::of_task(), ..endpoint });
    let body = render(&record.endpoints[0], &record, &sample);
    let delivery = Delivery { task, number: sample.sequence, event_type: event.clone(), body: body.into() };
    let outcome = deliverer.deliver(delivery).await;
    line(format_args!("{event} of task {task} to {shown}: {}", outcome_text(&outcome)));
    if !outcome.excerpt.is_empty() {
        line(plain(&outcome.excerpt.clone().into()));
    }
    Ok(if is_success(&outcome) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
