//! `morag webhook verify`: says of a delivery whether its signatures hold, and if not, why.

mod examine;

use super::output::line;
use super::secrets::{given, secret};
use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use examine::{Delivery, examine};
use morag_adapters::SystemClock;
use morag_core::Secret;
use morag_core::ports::Clock as _;
use std::io::Read as _;
use std::process::ExitCode;

/// Largest body that is read: far more than a server sends.
const BODY_MAX: u64 = 64 << 20;

/// Looks at webhooks.
#[derive(Debug, Args)]
pub struct Webhook {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify the signatures of a delivery, whose body is read from standard input
    #[command(after_help = EXAMPLES)]
    Verify(Verify),
}

const EXAMPLES: &str = "Examples:
  morag webhook verify --secret s3cret --header 'X-MoRAG-Signature: sha256=5bdc…' < body
  WEBHOOK_SECRET=s3cret morag webhook verify --header 'webhook-id: msg_…' --header 'webhook-timestamp: 1769853600' \\
      --header 'webhook-signature: v1,g0hM…' < body
  morag webhook verify --ignore-age --header 'webhook-id: …' …        a delivery of yesterday

Give the headers as they came; those that are no signature's are passed over. The body must be the bytes as they came: save them
before anything parses them. Exit code 0 where every signature that was given holds, 1 otherwise.";

#[derive(Debug, Args)]
struct Verify {
    /// The secret [env: WEBHOOK_SECRET]
    #[arg(long, env = "WEBHOOK_SECRET", hide_env = true, value_parser = secret, value_name = "SECRET")]
    secret: Option<Secret>,
    /// A header of the delivery; repeat it for each
    #[arg(long = "header", short = 'H', value_name = "'NAME: VALUE'", required = true)]
    headers: Vec<String>,
    /// Take a delivery however old its `webhook-timestamp` is
    #[arg(long)]
    ignore_age: bool,
}

/// `morag webhook …`.
pub fn run(command: Webhook) -> anyhow::Result<ExitCode> {
    let Command::Verify(Verify { secret, headers, ignore_age }) = command.command;
    let secret = given(secret).context("no secret is given: use --secret or WEBHOOK_SECRET")?;
    let headers = headers.iter().map(|header| split(header)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut body = Vec::new();
    std::io::stdin().take(BODY_MAX + 1).read_to_end(&mut body).context("the body cannot be read")?;
    ensure!(body.len() as u64 <= BODY_MAX, "the body is larger than {BODY_MAX} bytes");
    let delivery = Delivery { secret: &secret, headers: &headers, body: &body };
    let findings = examine(delivery, (!ignore_age).then(|| SystemClock.now()));
    ensure!(
        !findings.is_empty(),
        "no signature is among the headers: give X-MoRAG-Signature, or webhook-id, webhook-timestamp and webhook-signature"
    );
    for finding in &findings {
        line(finding);
    }
    Ok(if findings.iter().all(|finding| finding.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Name and value of `Name: value`. The error does not repeat it: it may be a secret of another kind.
fn split(header: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = header.split_once(':').context("a header has no colon: give it as 'Name: value'")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}
