//! `morag webhook`: verifies the signatures of a delivery, explains failures, and prints the secret of a tenant.

pub(super) mod examine;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use examine::{Delivery, examine, verdict};
use morag_adapters::SystemClock;
use morag_client::line;
use morag_client::secrets::{secret, signing};
use morag_core::Secret;
use morag_core::ports::Clock as _;
use morag_core::task::TenantId;
use morag_core::webhook::{Proof, secret_of_tenant};
use std::io::Read as _;
use std::process::ExitCode;

/// Largest body in bytes: far more than a server sends.
const BODY_MAX: u64 = 64 << 20;

/// Verifies webhooks.
#[derive(Debug, Args)]
pub struct Webhook {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify the signatures of a delivery, reading its body from standard input
    #[command(after_help = EXAMPLES)]
    Verify(Verify),
    /// Print the secret that a tenant's receivers verify webhooks with
    #[command(after_help = "Example:\n  WEBHOOK_SECRET=change-me morag webhook secret --tenant acme")]
    Secret(TenantSecret),
}

const EXAMPLES: &str = "Examples:
  morag webhook verify --secret change-me -H 'X-MoRAG-Signature: sha256=5bdc…' -H 'X-MoRAG-Timestamp: 1769853600' < body
  WEBHOOK_SECRET=change-me morag webhook verify --header 'webhook-id: msg_…' --header 'webhook-timestamp: 1769853600' \\
      --header 'webhook-signature: v1,g0hM…' < body
  morag webhook verify --ignore-age --header 'webhook-id: …' …        verify a delivery from yesterday

Give the headers as received; unrelated headers are ignored. The body must be the exact bytes received: save them before parsing.
Exit code 0 if webhook-signature or X-MoRAG-Signature is valid and the delivery is not too old, 1 otherwise. --ignore-age skips
the age check, even if the timestamp is missing.";

const NO_SECRET: &str = "no secret is given: use --secret or WEBHOOK_SECRET";

#[derive(Debug, Args)]
struct Verify {
    /// Secret to verify with [env: WEBHOOK_SECRET]
    #[arg(long, env = "WEBHOOK_SECRET", hide_env = true, value_parser = secret, value_name = "SECRET")]
    secret: Option<Secret>,
    /// A header of the delivery; may be repeated
    #[arg(long = "header", short = 'H', value_name = "'NAME: VALUE'", required = true)]
    headers: Vec<String>,
    /// Skip the age check, even if the timestamp is missing
    #[arg(long)]
    ignore_age: bool,
}

#[derive(Debug, Args)]
struct TenantSecret {
    /// Webhook secret of the server [env: WEBHOOK_SECRET]
    #[arg(long, env = "WEBHOOK_SECRET", hide_env = true, value_parser = secret, value_name = "SECRET")]
    secret: Option<Secret>,
    /// Tenant whose secret to print
    #[arg(long)]
    tenant: TenantId,
}

/// `morag webhook …`.
pub fn run(command: Webhook) -> anyhow::Result<ExitCode> {
    match command.command {
        Command::Verify(verify) => run_verify(verify),
        Command::Secret(TenantSecret { secret, tenant }) => {
            let secret = signing(secret)?.context(NO_SECRET)?;
            line(secret_of_tenant(&secret, &tenant).expose());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run_verify(Verify { secret, headers, ignore_age }: Verify) -> anyhow::Result<ExitCode> {
    let secret = signing(secret)?.context(NO_SECRET)?;
    let headers = headers.iter().map(|header| split(header)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut body = Vec::new();
    std::io::stdin().take(BODY_MAX + 1).read_to_end(&mut body).context("cannot read the body")?;
    ensure!(body.len() as u64 <= BODY_MAX, "the body is larger than {BODY_MAX} bytes");
    let delivery = Delivery { secret: &secret, headers: &headers, body: &body };
    let now = (!ignore_age).then(|| SystemClock.now());
    let findings = examine(delivery, now);
    ensure!(
        !findings.is_empty(),
        "the headers contain no signature: give X-MoRAG-Signature, or webhook-id, webhook-timestamp and webhook-signature"
    );
    for finding in &findings {
        line(finding);
    }
    Ok(match verdict(delivery, now) {
        Ok(proof) => {
            line(format_args!("genuine: {}", coverage(proof)));
            ExitCode::SUCCESS
        }
        Err(refused) => {
            line(format_args!("refused: {}", refused.text));
            ExitCode::FAILURE
        }
    })
}

/// Says which parts of the delivery a valid signature covers.
fn coverage(proof: Proof) -> &'static str {
    match proof {
        Proof::Standard => "webhook-signature is valid for body, id and timestamp",
        Proof::MoRag => {
            "X-MoRAG-Signature is valid for the body alone: the timestamp is not signed, so a replay with another timestamp \
             cannot be detected"
        }
    }
}

/// Splits `Name: value`. The error does not repeat the text, which may contain a secret.
fn split(header: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = header.split_once(':').context("a header has no colon: give it as 'Name: value'")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}
