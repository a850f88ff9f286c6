//! Webhook deliveries made by the command line tool, for `morag listen --forward-to` and `morag trigger`. They have the same
//! headers as a server's and use the same address-checking HTTP client.

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use ipnet::IpNet;
use morag_adapters::SystemClock;
use morag_adapters::webhook_http::{HttpSender, SenderOptions};
use morag_client::secrets::{given, secret, signing};
use morag_core::Secret;
use morag_core::ports::{Clock as _, WebhookRequest, WebhookSender as _};
use morag_core::task::{TaskId, TenantId};
use morag_core::webhook::{
    AddressPolicy, AttemptOutcome, BodyFormat, Cursor, CursorName, Endpoint, EndpointId, EventFilter, HeaderInput,
    WebhookUrl, headers,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// Timeout of one delivery attempt: the server's default (`WEBHOOK_TIMEOUT`).
const TIMEOUT: Duration = Duration::from_secs(30);

/// Options for making or verifying deliveries.
#[derive(Debug, Clone, Args)]
pub struct DeliveryOptions {
    /// Secret to sign deliveries with or, when receiving, to verify them with [env: WEBHOOK_SECRET]
    #[arg(long, env = "WEBHOOK_SECRET", hide_env = true, value_parser = secret, value_name = "SECRET")]
    secret: Option<Secret>,
    /// Token sent as `Authorization: Bearer …` [env: MORAG_WEBHOOK_AUTH_TOKEN]
    #[arg(long, env = "MORAG_WEBHOOK_AUTH_TOKEN", hide_env = true, value_parser = secret, value_name = "TOKEN")]
    auth_token: Option<Secret>,
    /// Private networks that may be reached, in addition to this machine [env: WEBHOOK_ALLOW_NETWORKS]
    #[arg(long, env = "WEBHOOK_ALLOW_NETWORKS", hide_env = true, value_name = "CIDR,…")]
    allow_networks: Option<Networks>,
}

/// Comma-separated networks. An empty text means no networks: environment templates leave unused variables empty.
#[derive(Debug, Clone)]
struct Networks(Vec<IpNet>);

impl std::str::FromStr for Networks {
    type Err = ipnet::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl DeliveryOptions {
    /// The secret, if one is given.
    ///
    /// # Errors
    /// The secret is too short.
    pub fn secret(&self) -> anyhow::Result<Option<Secret>> {
        signing(self.secret.clone())
    }
}

/// One event to deliver.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Task of the event.
    pub task: TaskId,
    /// Value of `X-MoRAG-Sequence`: counts from 1 within the task.
    pub number: u64,
    /// Event type as in the HTTP API.
    pub event_type: String,
    /// The bytes to sign and send.
    pub body: Bytes,
}

/// Makes deliveries to one URL.
pub struct Deliverer {
    sender: HttpSender,
    endpoint: Endpoint,
    secrets: Vec<Secret>,
}

impl Deliverer {
    /// Creates a client for `url`. It reaches public addresses, this machine, and the networks in `options`.
    pub fn new(url: WebhookUrl, format: BodyFormat, options: DeliveryOptions) -> anyhow::Result<Self> {
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(IpNet::from);
        // The whole block: some test receivers each use their own address in it.
        let block = IpNet::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8).context("the loopback network")?;
        let secrets = options.secret()?.into_iter().collect();
        let allowed =
            options.allow_networks.into_iter().flat_map(|networks| networks.0).chain(loopback).chain([block]).collect();
        let sender = HttpSender::new(SenderOptions::new(AddressPolicy::new(allowed)), Arc::new(SystemClock))
            .context("cannot create the HTTP client")?;
        let endpoint = Endpoint {
            id: new_id(),
            url,
            auth_token: given(options.auth_token),
            format,
            events: EventFilter::default(),
            headers: BTreeMap::new(),
        };
        Ok(Self { sender, endpoint, secrets })
    }

    /// The receiving endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Changes the endpoint id, so that a reused number does not repeat an earlier `X-MoRAG-Delivery`.
    pub fn renew(&mut self) {
        self.endpoint.id = new_id();
    }

    /// Makes one attempt. Failures are part of the outcome.
    pub async fn deliver(&self, delivery: Delivery) -> AttemptOutcome {
        let Delivery { task, number, event_type, body } = delivery;
        let name = CursorName::of(&self.endpoint, &TenantId::default());
        let cursor = Cursor { task, name, next_event: number, next_delivery: number, attempts: 0, url: None };
        let headers = headers(HeaderInput {
            endpoint: &self.endpoint,
            cursor: &cursor,
            sequence: number,
            event_type: &event_type,
            body: &body,
            secrets: &self.secrets,
            trace: None,
            version: morag_engine::VERSION,
            now: SystemClock.now(),
        });
        let url = self.endpoint.url.clone();
        self.sender.send(WebhookRequest { url, headers, body, timeout: TIMEOUT }).await
    }
}

/// A new random id, so that a receiver that deduplicates deliveries does not confuse this run with an earlier one.
fn new_id() -> EndpointId {
    EndpointId::from(format!("cli_{}", uuid::Uuid::new_v4().simple()))
}

/// Whether a server would count an outcome as success: 2xx only.
pub fn is_success(outcome: &AttemptOutcome) -> bool {
    outcome.status.is_some_and(|status| (200..300).contains(&status))
}

/// Formats an outcome, such as `200 in 3 ms`.
pub fn outcome_text(outcome: &AttemptOutcome) -> String {
    let milliseconds = outcome.duration_ms;
    match (outcome.status, outcome.error) {
        (Some(status), None) => format!("{status} in {milliseconds} ms"),
        (Some(status), Some(error)) => format!("{status}, then {} after {milliseconds} ms", error_text(error)),
        (None, Some(error)) => format!("no answer: {} after {milliseconds} ms", error_text(error)),
        (None, None) => format!("no answer after {milliseconds} ms"),
    }
}

/// The error class as the delivery log names it, with spaces.
fn error_text(error: morag_core::webhook::ErrorClass) -> String {
    morag_client::plain(&serde_json::json!(error)).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::webhook::ErrorClass;

    #[test]
    fn an_outcome_reads_as_words() {
        let outcome = |status, error| AttemptOutcome {
            status,
            error,
            retry_after_ms: None,
            excerpt: String::new(),
            duration_ms: 3,
        };
        assert_eq!(outcome_text(&outcome(Some(204), None)), "204 in 3 ms");
        assert_eq!(
            outcome_text(&outcome(None, Some(ErrorClass::AddressRefused))),
            "no answer: address refused after 3 ms"
        );
        assert_eq!(outcome_text(&outcome(Some(200), Some(ErrorClass::Timeout))), "200, then timeout after 3 ms");
        assert!(is_success(&outcome(Some(204), None)));
        assert!(!is_success(&outcome(Some(302), None)) && !is_success(&outcome(None, None)));
    }
}
