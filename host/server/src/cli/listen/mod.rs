//! `morag listen`: webhooks on a developer's machine. Either a receiver that prints, verifies and stores webhooks ([`receive`]),
//! or a client of a server's event stream that delivers to a receiver reachable only from this machine ([`forward`]).

mod forward;
mod receive;
mod received;

use super::deliver::DeliveryOptions;
use clap::Args;
use morag_client::Server;
use morag_core::webhook::{EventFilter, WebhookUrl};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

/// What `--help` shows below the options.
pub const EXAMPLES: &str = "Examples:
  morag listen                                        receive and show webhooks on 127.0.0.1:8001
  morag listen --host 0.0.0.0 --port 9001 --secret change-me
  morag listen --forward-to http://localhost:3000/webhook --secret change-me
  morag listen --forward-to http://localhost:3000/webhook --events 'step_*,task_completed' \\
      --server https://morag.example.com --api-key KEY --auth-token TOKEN
  morag listen --forward-to http://172.17.0.2:3000/webhook --allow-networks 172.17.0.0/16

Receiving: POST /webhook receives; GET /webhooks and GET /webhooks/latest show; DELETE /webhooks and POST /webhooks/clear delete.
With --secret, webhooks without a valid webhook-signature or X-MoRAG-Signature, or older than 5 minutes, are answered with 401 and
the reason.

Forwarding: events are read from the server's event stream with the API key, so this machine needs no public address. Each is
delivered once and in order, with the headers and signatures of a real delivery. Failed deliveries are shown, not retried.
Pass secrets in WEBHOOK_SECRET, MORAG_API_KEY and MORAG_WEBHOOK_AUTH_TOKEN: other users of this machine can see command lines.";

/// Receives webhooks, or forwards events.
#[derive(Debug, Args)]
pub struct Listen {
    /// Port to listen on; 0 chooses a free one
    #[arg(long, default_value_t = 8001, conflicts_with = "forward_to")]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", conflicts_with = "forward_to")]
    host: IpAddr,
    /// Deliver the server's events to this URL instead of listening
    #[arg(long, value_name = "URL")]
    forward_to: Option<WebhookUrl>,
    /// Events to forward: names or patterns with `*`, separated by commas
    #[arg(long, value_name = "LIST", requires = "forward_to")]
    events: Option<EventFilter>,
    #[command(flatten)]
    delivery: DeliveryOptions,
    #[command(flatten)]
    server: Server,
}

/// `morag listen`. Runs until Ctrl-C.
pub async fn run(command: Listen) -> anyhow::Result<ExitCode> {
    let Listen { port, host, forward_to, events, delivery, server } = command;
    match forward_to {
        None => receive::run(SocketAddr::new(host, port), delivery.secret()?).await?,
        Some(to) => {
            forward::run(forward::Forward { to, events: events.unwrap_or_default(), delivery, server }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
