//! Stores tasks and events as a worker does: each task is accepted durably, each event is a commit of its own.

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::Timestamp;
use morag_core::ports::{Commit, Guard, Next};
use morag_core::task::{Event, EventKind, Resources, StatusWord, TaskRecord};
use morag_core::webhook::{
    BodyFormat, Credentials, Endpoint, EndpointId, EndpointSettings, EventFilter, NamedEndpoint, Operational,
    OrderScope, SigningSecret,
};
use morag_engine::App;
use morag_testkit::{new_task, pdf_record};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Tasks that are created concurrently, as by several clients and workers.
const AT_ONCE: usize = 16;

/// Padding that brings a body to about 1 KB, characters.
const PADDING: usize = 150;

/// Creates tasks with events.
pub struct Source {
    /// The process whose stores are used.
    pub app: Arc<App>,
    /// Receiver of the webhooks.
    pub webhook_url: String,
}

impl Source {
    /// Creates named endpoints, one for each customer: `customer` in a task's metadata selects it.
    pub async fn endpoints(&self, count: usize) -> anyhow::Result<()> {
        let sealer = self.app.endpoints.sealer().context("no key")?;
        for number in 0..count {
            let id = EndpointId::from(format!("ep_{number}"));
            let secrets = vec![SigningSecret { secret: sealer.signing_secret()?, until: None }];
            let credentials = Credentials { secrets, ..Credentials::default() };
            let now = self.app.clock.now();
            let endpoint = NamedEndpoint {
                settings: EndpointSettings {
                    url: format!("{}?endpoint={number}", self.webhook_url).parse()?,
                    description: String::new(),
                    events: EventFilter::default(),
                    operational: Operational::No,
                    format: BodyFormat::Dual,
                    filter: json!({ "customer": number }).as_object().cloned().unwrap_or_default(),
                    order: OrderScope::Task,
                    retry: None,
                    rate_limit: None,
                    trace: true,
                },
                sealed: sealer.seal(id.as_str(), &credentials)?,
                id,
                disabled: None,
                failing_since: None,
                created_at: now,
                updated_at: now,
                version: 1,
                created_by: None,
            };
            self.app.endpoints.store().put_endpoint(&endpoint).await?;
        }
        Ok(())
    }

    /// Creates tasks with their events. `apart`: one task after the other, with this pause between events.
    pub async fn create(
        &self,
        tasks: usize,
        events: usize,
        endpoints: usize,
        apart: Option<Duration>,
    ) -> anyhow::Result<()> {
        let at_once = if apart.is_some() { 1 } else { AT_ONCE };
        let mut clock = apart.map(tokio::time::interval);
        if let Some(clock) = &mut clock {
            for number in 0..tasks {
                self.task(number, events, endpoints, Some(clock)).await?;
            }
            return Ok(());
        }
        let made = stream::iter((0..tasks).map(|number| self.task(number, events, endpoints, None)));
        made.buffer_unordered(at_once).try_collect::<()>().await
    }

    async fn task(
        &self,
        number: usize,
        events: usize,
        endpoints: usize,
        mut clock: Option<&mut tokio::time::Interval>,
    ) -> anyhow::Result<()> {
        let mut record = self.record(number, endpoints);
        record.subscribers = self.app.endpoints.fresh().await?.chosen_by(&record);
        let task = record.id;
        self.app.tasks.accept(new_task(record)).await?;
        for sequence in 1..=events {
            if let Some(clock) = &mut clock {
                clock.tick().await;
            }
            let is_last = sequence == events;
            let commit = Commit {
                task,
                guard: Guard::Sequence(sequence as u64 - 1),
                events: vec![event(sequence as u64, self.app.clock.now())],
                live_percent: 0.0,
                status: if is_last { StatusWord::Completed } else { StatusWord::InProgress },
                next: if is_last { Next::Done } else { Next::Keep },
            };
            self.app.tasks.commit(commit).await?;
        }
        Ok(())
    }

    fn record(&self, number: usize, endpoints: usize) -> TaskRecord {
        let own = Endpoint {
            id: EndpointId::of_task(),
            url: self.webhook_url.parse().expect("a URL that was used before"),
            auth_token: None,
            format: BodyFormat::Dual,
            events: EventFilter::default(),
            headers: BTreeMap::new(),
        };
        let customer = number.checked_rem(endpoints);
        TaskRecord {
            metadata: json!({ "customer": customer }).as_object().cloned().unwrap_or_default().into(),
            endpoints: if customer.is_none() { vec![own] } else { vec![] },
            created_at: self.app.clock.now(),
            ..pdf_record()
        }
    }
}

fn event(sequence: u64, now: Timestamp) -> Event {
    let step = "chunking".to_owned();
    let kind = match sequence {
        1 => EventKind::TaskStarted { retry: None },
        _ => EventKind::StepCompleted {
            stage: step.clone(),
            step,
            data: json!({ "chunks_file_url": "/api/files/temp/x/chunks.json", "preview": "x".repeat(PADDING) })
                .as_object()
                .cloned()
                .unwrap_or_default(),
            artifacts: vec![],
            resources: Resources::default(),
        },
    };
    let message = kind.event_type().to_owned();
    Event { sequence, timestamp: now, progress_percent: 50.0, message, span: None, kind }
}
