//! Reads a server's event stream and delivers the events locally, so that a receiver on a developer's machine needs no public
//! address.

use super::super::deliver::{Deliverer, Delivery, DeliveryOptions, is_success, outcome_text};
use anyhow::bail;
use morag_api::sse::{SseEvent, SseParser};
use morag_client::{Client, Server, line, plain};
use morag_core::task::TaskId;
use morag_core::webhook::{AttemptOutcome, BodyFormat, EventFilter, WebhookUrl};
use reqwest::{Method, Response};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::timeout;

/// Time without data after which a connection counts as dead: the server sends a keep-alive every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// First pause before reconnecting; doubled after each failure, up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(500);

/// Longest pause before reconnecting, so that events arrive soon after the server is back.
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// Tasks whose delivery numbers are remembered: far more than run at once. Beyond it, numbering restarts under a new endpoint id.
const TASKS_MAX: usize = 10_000;

/// Which events to forward, and where.
pub struct Forward {
    /// URL of the receiver.
    pub to: WebhookUrl,
    /// Filter of events.
    pub events: EventFilter,
    /// Options of the deliveries.
    pub delivery: DeliveryOptions,
    /// Server whose events are forwarded.
    pub server: Server,
}

/// Why connecting failed.
enum ConnectError {
    /// A later attempt may succeed. The text is the reason.
    Retryable(String),
    /// A later attempt would fail in the same way.
    Fatal(anyhow::Error),
}

/// Runs until Ctrl-C, or until the server refuses the connection for good.
pub async fn run(forward: Forward) -> anyhow::Result<()> {
    let interrupt = tokio::signal::ctrl_c();
    let client = Client::new(forward.server.clone())?;
    let shown = morag_core::webhook::redact(forward.to.as_url());
    let deliverer = Deliverer::new(forward.to, BodyFormat::Dual, forward.delivery)?;
    let mut forwarder =
        Forwarder { client, deliverer, events: forward.events, numbers: Numbers::default(), last: String::new() };
    let mut pause = PAUSE;
    let work = async {
        let mut first = true;
        loop {
            let before = forwarder.last.clone();
            let why = match forwarder.connect().await {
                // On the first attempt the address is probably wrong; later the server may come back.
                Err(ConnectError::Retryable(why)) if first => bail!(why),
                Err(ConnectError::Retryable(why)) => why,
                Err(ConnectError::Fatal(error)) => return Err(error),
                Ok(response) => {
                    if first {
                        line(format_args!("forwarding events to {shown}, each once and in order"));
                    }
                    first = false;
                    forwarder.follow(response).await
                }
            };
            if forwarder.last != before {
                pause = PAUSE;
            }
            line(format_args!("{why}; reconnecting in {:.1} s", pause.as_secs_f64()));
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    };
    tokio::select! {
        // If the signal handler cannot be installed, it runs until it is killed.
        Ok(()) = interrupt => Ok(()),
        ended = work => ended,
    }
}

struct Forwarder {
    client: Client,
    deliverer: Deliverer,
    events: EventFilter,
    numbers: Numbers,
    /// Id of the last event handled; empty at first.
    last: String,
}

impl Forwarder {
    async fn connect(&self) -> Result<Response, ConnectError> {
        let patterns: Vec<_> = self.events.patterns().iter().map(|pattern| pattern.as_str()).collect();
        let query = if patterns.is_empty() { String::new() } else { format!("?events={}", patterns.join(",")) };
        let mut request = self.client.request(Method::GET, &format!("/api/v1/events{query}"));
        request = request.header("accept", "text/event-stream");
        if !self.last.is_empty() {
            request = request.header("last-event-id", &self.last);
        }
        let response = timeout(SILENCE_MAX, self.client.start(request)).await;
        let response = match response {
            Err(_) => return Err(ConnectError::Retryable("the server does not answer".into())),
            Ok(Err(error)) => return Err(ConnectError::Retryable(format!("{error:#}"))),
            Ok(Ok(response)) => response,
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let error = morag_client::read(response).await.err();
        let error = error.unwrap_or_else(|| anyhow::anyhow!("the server answered {}", status.as_u16()));
        match status.is_server_error() || status.as_u16() == 429 {
            true => Err(ConnectError::Retryable(format!("{error:#}"))),
            false => Err(ConnectError::Fatal(error)),
        }
    }

    /// Delivers events until the stream ends, and returns why it ended.
    async fn follow(&mut self, mut response: Response) -> String {
        let mut parser = SseParser::default();
        loop {
            let piece = match timeout(SILENCE_MAX, response.chunk()).await {
                Err(_) => return format!("no data from the server for {} s", SILENCE_MAX.as_secs()),
                Ok(Err(_)) => return "the connection to the server was lost".into(),
                Ok(Ok(None)) => return "the server ended the stream".into(),
                Ok(Ok(Some(piece))) => piece,
            };
            let events = match parser.push(&piece) {
                Ok(events) => events,
                Err(error) => return error.to_string(),
            };
            for event in events {
                let id = event.id.clone();
                self.deliver(event).await;
                // Set only after the delivery, so that an interrupted event is sent again after reconnecting.
                self.last = id;
            }
        }
    }

    async fn deliver(&mut self, event: SseEvent) {
        let Some(data) = event.data else { return };
        let Ok(body) = serde_json::from_str::<Value>(&data) else {
            line(format_args!("skipped an event that is not JSON"));
            return;
        };
        let task = body["data"]["task_id"].as_str().and_then(|text| text.parse::<TaskId>().ok());
        let Some(task) = task else {
            // An event of the stream itself, such as `gap`.
            line(format_args!("{}: {}", plain(&event.event.into()), plain(&body["data"]["message"])));
            return;
        };
        let number = self.numbers.next(task, || self.deliverer.renew());
        let text = event_text(&event.event, &body);
        let delivery = Delivery { task, number, event_type: event.event, body: data.into() };
        let outcome = self.deliverer.deliver(delivery).await;
        line(format_args!("{:<16} {text}", outcome_text(&outcome)));
        if let Some(answer) = shown_answer(&outcome) {
            line(format_args!("  {answer}"));
        }
    }
}

/// The beginning of an unsuccessful answer, which usually contains the reason.
fn shown_answer(outcome: &AttemptOutcome) -> Option<String> {
    let answer = outcome.excerpt.trim();
    (!is_success(outcome) && !answer.is_empty()).then(|| plain(&answer.into()))
}

/// Formats an event as one line.
fn event_text(event_type: &str, body: &Value) -> String {
    let data = &body["data"];
    let percent = data["progress_percent"].as_f64().map(|percent| format!("{percent:.0}%")).unwrap_or_default();
    format!("{:<36} {percent:>4} {:<15} {}", plain(&data["task_id"]), plain(&event_type.into()), plain(&data["step"]))
}

/// The last delivery number of each task.
#[derive(Debug, Default)]
struct Numbers {
    by_task: HashMap<TaskId, u64>,
}

impl Numbers {
    /// The next number of a task, counting from 1. Calls `renew` before numbering restarts.
    fn next(&mut self, task: TaskId, renew: impl FnOnce()) -> u64 {
        if self.by_task.len() >= TASKS_MAX && !self.by_task.contains_key(&task) {
            self.by_task.clear();
            renew();
        }
        let number = self.by_task.entry(task).or_default();
        *number += 1;
        *number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_shown_where_it_is_no_success() {
        let outcome = |status, excerpt: &str| AttemptOutcome {
            status,
            error: None,
            retry_after_ms: None,
            excerpt: excerpt.into(),
            duration_ms: 28,
        };
        let unauthorized = outcome(Some(401), "{\"message\": \"wrong secret\"}\n");
        assert_eq!(shown_answer(&unauthorized).as_deref(), Some("{\"message\": \"wrong secret\"}"));
        assert_eq!(shown_answer(&outcome(None, "refused")).as_deref(), Some("refused"));
        for silent in [outcome(Some(200), "ok"), outcome(Some(500), " "), outcome(Some(204), "")] {
            assert_eq!(shown_answer(&silent), None);
        }
    }

    #[test]
    fn deliveries_are_numbered_within_their_task() {
        let (one, other) = (TaskId::random(), TaskId::random());
        let mut numbers = Numbers::default();
        let mut renewed = 0;
        let taken: Vec<_> =
            [one, one, other, one].into_iter().map(|task| numbers.next(task, || renewed += 1)).collect();
        assert_eq!((taken, renewed), (vec![1, 2, 1, 3], 0));
        (0..TASKS_MAX).for_each(|_| assert_eq!(numbers.next(TaskId::random(), || renewed += 1), 1));
        assert_eq!(renewed, 1, "renewed before a number is used again");
        assert!(numbers.by_task.len() <= TASKS_MAX);
    }
}
