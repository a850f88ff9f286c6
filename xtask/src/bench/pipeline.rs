//! `cargo xtask bench pipeline`: tasks and deliveries a second of the standard pipeline, and how soon an event arrives.
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::receiver::Receiver;
use crate::api::{Client, Submitted};
use crate::children::{self, Running};
use crate::up;
use crate::workspace::Workspace;

/// Tasks and deliveries a second of the standard pipeline, and how soon an event arrives when nothing else runs.
///
/// Submits one-page markdown documents to a server of its own (release build, embedded store, signed webhooks) with a
/// receiver in this process. Beside it, in the same run: the receiver alone under a loop that posts one body after another.
#[derive(Args)]
pub struct Options {
    /// Documents of the throughput part.
    #[arg(long, default_value_t = 2000)]
    tasks: usize,
    /// Documents of the latency part, one at a time.
    #[arg(long, default_value_t = 50)]
    idle_tasks: usize,
    /// Use the components and the server as they were built before.
    #[arg(long)]
    no_build: bool,
}

/// Threads that submit: enough to keep two workers busy.
const SUBMITTERS: usize = 4;
/// How long the whole of one part may take.
const PART_MAX: Duration = Duration::from_secs(1800);
/// Posts of the comparison.
const POSTS: usize = 5000;

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    if !options.no_build {
        up::build(&workspace)?;
    }
    let data = workspace.target.join(format!("bench-data-{}", std::process::id()));
    let receiver = Receiver::start()?;
    let port = children::free_port(0)?;
    let mut command = up::server(&workspace, port, &data);
    command.env("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/8").env("WEBHOOK_SECRET", "a secret for the bench");
    let mut server = Running::start("the server", &command, &workspace.target.join("bench-logs/server.log"))?;
    let client = Client::new(&format!("http://127.0.0.1:{port}"), up::KEY);
    server.wait_ready(up::START_MAX, || client.is_ready())?;

    println!("load average {}", load());
    let at_start = server.peak_memory_bytes().unwrap_or_default();
    idle(options, &client, &receiver)?;
    let cpu_before = server.cpu_seconds().unwrap_or_default();
    let (tasks, deliveries, took) = throughput(options, &client, &receiver)?;
    let cpu = server.cpu_seconds().unwrap_or_default() - cpu_before;
    let seconds = took.as_secs_f64();
    println!("throughput   {tasks} tasks, {deliveries} deliveries in {seconds:.1} s");
    println!("             {:.1} tasks/s, {:.0} deliveries/s", tasks as f64 / seconds, deliveries as f64 / seconds);
    println!("             {:.1} ms of CPU a task, its deliveries included", 1000.0 * cpu / tasks as f64);
    let peak = server.peak_memory_bytes().unwrap_or_default();
    println!("memory       peak {} MiB, {} MiB once started", peak >> 20, at_start >> 20);
    outside(&receiver)?;
    println!("load average {}", load());
    server.stop();
    fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))
}

/// One document at a time: nothing waits, so an event's way to the receiver is what it takes.
fn idle(options: &Options, client: &Client, receiver: &Receiver) -> Result<()> {
    for number in 0..options.idle_tasks {
        submit(client, receiver, number)?;
        wait(receiver, number + 1)?;
    }
    let mut latencies: Vec<_> = receiver.receipts().iter().map(|receipt| receipt.latency_ms).collect();
    latencies.sort_unstable();
    let at = |share: f64| latencies.get(((latencies.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default();
    println!(
        "idle         commit to receipt, {} events: p50 {} ms, p99 {} ms, max {} ms",
        latencies.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    receiver.clear();
    Ok(())
}

fn throughput(options: &Options, client: &Client, receiver: &Receiver) -> Result<(usize, usize, Duration)> {
    let started = Instant::now();
    let submitted = std::thread::scope(|scope| {
        let submitters: Vec<_> = (0..SUBMITTERS)
            .map(|first| {
                scope.spawn(move || {
                    (first..options.tasks).step_by(SUBMITTERS).try_for_each(|number| submit(client, receiver, number))
                })
            })
            .collect();
        submitters.into_iter().try_for_each(|submitter| submitter.join().unwrap_or_else(|_| bail!("a submitter died")))
    });
    submitted?;
    println!("submitted    {} tasks in {:.1} s", options.tasks, started.elapsed().as_secs_f64());
    wait(receiver, options.tasks)?;
    let receipts = receiver.receipts();
    let last = receipts.iter().map(|receipt| receipt.at).max().unwrap_or(started);
    Ok((options.tasks, receipts.len(), last - started))
}

fn submit(client: &Client, receiver: &Receiver, number: usize) -> Result<()> {
    let fields = [("webhook_url", receiver.url.as_str()), ("source_type", "document")];
    match client.submit(&format!("note-{number}.md"), document(number).as_bytes(), &fields)? {
        Submitted::Task(_) => Ok(()),
        Submitted::Refused { status, code, message } => {
            bail!("the server refused a document: {status} {code} {message}")
        }
    }
}

/// Waits until so many tasks have completed; fails when one fails.
fn wait(receiver: &Receiver, completed: usize) -> Result<()> {
    let started = Instant::now();
    while receiver.counts("task_completed").0 < completed {
        if receiver.counts("task_failed").0 > 0 {
            bail!("a task failed: see the server's log");
        }
        if children::stop_wanted() || started.elapsed() > PART_MAX {
            bail!("stopped after {} of {completed} tasks", receiver.counts("task_completed").0);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The receiver under one client that posts a body of the usual size again and again: what the loopback, this receiver
/// and a simple client come to.
fn outside(receiver: &Receiver) -> Result<()> {
    receiver.clear();
    let body = serde_json::json!({ "timestamp": "2026-01-01T00:00:00.000Z", "data": "x".repeat(950) }).to_string();
    let started = Instant::now();
    for _ in 0..POSTS {
        let response = minreq::post(&receiver.url).with_body(body.as_str()).send().context("the receiver is away")?;
        if response.status_code != 200 {
            bail!("the receiver answered {}", response.status_code);
        }
    }
    let rate = POSTS as f64 / started.elapsed().as_secs_f64();
    println!("outside us   {rate:.0} posts/s by one minreq client to the same receiver, a connection each");
    Ok(())
}

/// A page of markdown, not twice the same.
fn document(number: usize) -> String {
    let mut text = format!("# Report {number}\n\nBy Jane Miller, {number} May 2024.\n\n");
    for paragraph in 0..6 {
        text.push_str(&format!(
            "## Part {paragraph}\n\nThe harbour office in Rotterdam counted {} ships in week {paragraph}. Dr. Miller of \
             Northwind GmbH says that the quay needs {} cranes by 2026, and that the old ones cost EUR {}.50 a day. \
             The council met on 3 March 2024 and asked for a second report on dredging, noise and the new sluice.\n\n",
            number + paragraph,
            number % 17 + 2,
            number * 3 + paragraph,
        ));
    }
    text.push_str("| Quay | Ships | Cranes |\n|---|---|---|\n| North | 12 | 3 |\n| South | 9 | 2 |\n");
    text
}

fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}
