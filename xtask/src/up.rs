//! `cargo xtask up`: from nothing to a server that has processed a document, in one command.
mod progress;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use crate::api::{self, Client, Status, Submitted};
use crate::children::{self, LOOK, Running};
use crate::profile::Profile;
use crate::server::{self, KEY, START_MAX};
use crate::shell;
use crate::workspace::Workspace;

/// Build everything, start server and receiver, and process a sample document.
///
/// Gets the wasm toolchain where it is missing, builds the step components and the server, starts both on loopback, submits
/// a PDF of ours, shows its progress and the webhooks that came of it, and stays up until Ctrl-C.
#[derive(Args)]
pub struct Options {
    /// Port of the server; 0 takes any that is free.
    #[arg(long, default_value_t = 8000)]
    port: u16,
    /// Port of the webhook receiver; 0 takes any that is free.
    #[arg(long, default_value_t = 8001)]
    receiver_port: u16,
    /// Folder of the server's data [default: target/up-data].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Stop when the sample document is processed and its webhooks have arrived.
    #[arg(long)]
    once: bool,
    /// Build the server as it is shipped, fully optimised. Takes much longer, and serves more documents a second.
    #[arg(long)]
    release: bool,
    /// Use the components and the server as they were built before.
    #[arg(long)]
    no_build: bool,
}

impl Options {
    fn profile(&self) -> Profile {
        if self.release { Profile::Release } else { Profile::Quick }
    }
}

/// How long the sample document may take, in a quick build on a busy machine.
const SAMPLE_MAX: Duration = Duration::from_secs(300);
/// How long the last webhook may take after the task has ended.
const WEBHOOKS_MAX: Duration = Duration::from_secs(20);
/// Between two looks at the task: often enough for a bar that moves.
const POLL: Duration = Duration::from_millis(150);

/// The command.
pub fn run(options: &Options) -> Result<()> {
    // Before the build takes its minutes, and again after them.
    port(options.port, "--port", "server")?;
    port(options.receiver_port, "--receiver-port", "webhook receiver")?;
    let workspace = Workspace::find()?;
    if !options.no_build {
        server::build(&workspace, options.profile())?;
    }
    let ports =
        (port(options.port, "--port", "server")?, port(options.receiver_port, "--receiver-port", "webhook receiver")?);
    children::catch_stop()?;
    let mut up = Up::start(&workspace, options, ports)?;
    let shown = up.show_sample();
    if options.once {
        return shown;
    }
    // Also when the sample failed: the server is there to be looked at.
    if let Err(error) = shown {
        up.check()?;
        if children::stop_wanted() {
            return Ok(());
        }
        println!("The sample did not get through: {error:#}\n");
    }
    println!("The server stays up; Ctrl-C stops it.");
    while !children::stop_wanted() {
        up.check()?;
        std::thread::sleep(LOOK);
    }
    println!("\nStopping …");
    Ok(())
}

fn port(wanted: u16, option: &str, who: &str) -> Result<u16> {
    children::free_port(wanted).map_err(|error| {
        anyhow!("port {wanted} for the {who} cannot be had ({error}); choose another: cargo xtask up {option} NUMBER")
    })
}

struct Up {
    server: Running,
    receiver: Running,
    client: Client,
    receiver_url: String,
}

impl Up {
    fn start(workspace: &Workspace, options: &Options, (port, receiver_port): (u16, u16)) -> Result<Self> {
        let logs = workspace.target.join("up-logs");
        let data = options.data_dir.clone().unwrap_or_else(|| workspace.target.join("up-data"));
        let data = std::path::absolute(data)?;
        // New for each run: deliveries that are still due from the run before are signed with the new one.
        let secret = secret()?;
        let mut listen = Command::new(options.profile().morag(workspace));
        listen.args(["listen", "--port", &receiver_port.to_string()]).env("WEBHOOK_SECRET", &secret);
        let mut serve = server::command(workspace, options.profile(), port, &data);
        serve.env("WEBHOOK_SECRET", &secret).env("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/8");
        println!("== start (logs in {})", logs.display());
        let mut up = Self {
            receiver: Running::start("the webhook receiver", &listen, &logs.join("receiver.log"))?,
            server: Running::start("the server", &serve, &logs.join("server.log"))?,
            client: Client::new(&format!("http://127.0.0.1:{port}"), KEY),
            receiver_url: format!("http://127.0.0.1:{receiver_port}"),
        };
        up.receiver.wait_ready(START_MAX, || api::receiver_is_ready(&up.receiver_url))?;
        up.server.wait_ready(START_MAX, || up.client.is_ready())?;
        println!("server   {}\nreceiver {}", up.client.base, up.receiver_url);
        Ok(up)
    }

    fn check(&mut self) -> Result<()> {
        self.server.check()?;
        self.receiver.check()
    }

    /// Submits the sample document, follows it to its end, and says where its results are.
    fn show_sample(&mut self) -> Result<()> {
        println!("== sample document");
        let webhook = format!("{}/webhook", self.receiver_url);
        let fields = [("source_type", "document"), ("webhook_url", webhook.as_str())];
        let task = match self.client.submit("report.pdf", &morag_fixtures::sample_pdf(), &fields)? {
            Submitted::Task(task) => task,
            Submitted::Refused { status, code, message } => bail!("the server refused it: {status} {code} {message}"),
        };
        let status = self.follow(&task)?;
        let webhooks = self.await_webhooks(&task)?;
        let (base, receiver) = (&self.client.base, &self.receiver_url);
        println!("\ntask {task}: {}, {webhooks} webhooks received\n", status.word);
        println!("  interface  {base}/docs");
        println!("  webhooks   {receiver}/webhooks");
        println!("  files      curl -H 'Authorization: Bearer {KEY}' {base}/api/files/temp/{task}/markdown.md");
        println!("  history    curl -H 'Authorization: Bearer {KEY}' {base}/api/v1/status/{task}/history\n");
        match status.word.as_str() {
            "completed" => Ok(()),
            word => bail!(
                "the task ended as {word}: {} {}",
                status.error_code.unwrap_or_default(),
                status.error.unwrap_or_default()
            ),
        }
    }

    fn follow(&mut self, task: &str) -> Result<Status> {
        let bar = progress::Progress::new();
        let started = Instant::now();
        loop {
            self.check()?;
            if children::stop_wanted() {
                bail!("stopped");
            }
            let status = self.client.status(task)?;
            bar.show(&status);
            if status.ended() {
                bar.end(&status);
                return Ok(status);
            }
            if started.elapsed() > SAMPLE_MAX {
                bail!("the task is still {} after {}", status.word, shell::seconds(SAMPLE_MAX));
            }
            std::thread::sleep(POLL);
        }
    }

    /// How many webhooks of the task came; waits for the one that says how it ended.
    fn await_webhooks(&mut self, task: &str) -> Result<usize> {
        let started = Instant::now();
        loop {
            let of_task: Vec<_> = api::received(&self.receiver_url)
                .iter()
                .map(ToString::to_string)
                .filter(|text| text.contains(task))
                .collect();
            let last = ["task_completed", "task_failed", "task_cancelled"];
            if of_task.iter().any(|text| last.iter().any(|event| text.contains(event))) {
                return Ok(of_task.len());
            }
            self.check()?;
            if children::stop_wanted() {
                bail!("stopped");
            }
            if started.elapsed() > WEBHOOKS_MAX {
                bail!(
                    "{} webhooks of task {task} came within {} of its end, but not the last; see {}/webhooks",
                    of_task.len(),
                    shell::seconds(WEBHOOKS_MAX),
                    self.receiver_url
                );
            }
            std::thread::sleep(POLL);
        }
    }
}

/// 256 random bits, as hexadecimal text.
fn secret() -> Result<String> {
    use std::io::Read;
    let mut bytes = [0_u8; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("no random bytes")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ() {
        let (one, two) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }

    #[test]
    fn a_port_in_use_is_named_with_the_option_to_change_it() {
        let held = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let number = held.local_addr().unwrap().port();
        let error = port(number, "--receiver-port", "webhook receiver").unwrap_err().to_string();
        assert!(error.contains(&format!("port {number}")) && error.contains("--receiver-port NUMBER"), "{error}");
    }
}
