//! `cargo xtask bench pipeline`: tasks and deliveries a second of the standard pipeline, and how soon an event arrives.
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;

use super::layout::{Layout, Servers};
use super::machine::{load, outside};
use super::otlp::Sink;
use super::receiver::Receiver;
use crate::api::{Client, Submitted};
use crate::children;
use crate::profile::Profile;
use crate::server;
use crate::workspace::Workspace;

/// Tasks and deliveries a second of the standard pipeline, and how soon an event arrives when nothing else runs.
///
/// Submits one-page markdown documents to servers of its own (release build, signed webhooks) with a receiver in this
/// process: on the embedded store, on Redis, and on Redis with one and with two worker processes. Beside it, in the same
/// run: the receiver alone under a loop that posts one body after another.
#[derive(Args)]
pub struct Options {
    /// Documents of the throughput part.
    #[arg(long, default_value_t = 2000)]
    tasks: usize,
    /// Documents of the latency part, one at a time.
    #[arg(long, default_value_t = 50)]
    idle_tasks: usize,
    /// What to measure; all by default.
    #[arg(long, value_enum)]
    store: Vec<Layout>,
    /// Measure each layout twice: without traces, and with traces sent to a collector in this process that reads and forgets them.
    #[arg(long)]
    otlp: bool,
    /// Use the components and the server as they were built before.
    #[arg(long)]
    no_build: bool,
}

/// Threads that submit: enough to keep two workers busy.
const SUBMITTERS: usize = 4;
/// How long the whole of one part may take.
const PART_MAX: Duration = Duration::from_secs(1800);

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    if !options.no_build {
        server::build(&workspace, Profile::Release)?;
    }
    let receiver = Receiver::start()?;
    let sink = options.otlp.then(Sink::start).transpose()?;
    println!("load average {}", load());
    let layouts = if options.store.is_empty() { Layout::ALL.to_vec() } else { options.store.clone() };
    let mut rates = Vec::new();
    for layout in layouts {
        let rate = measure(options, &workspace, layout, &receiver, None)?;
        rates.push((layout, rate));
        if let Some(sink) = &sink {
            let before = sink.bytes();
            let traced = measure(options, &workspace, layout, &receiver, Some(&sink.url))?;
            println!("traces       {} KiB in all", (sink.bytes() - before) >> 10);
            println!("ratio        {:.3} with traces : without (tasks/s)", traced / rate);
        }
    }
    outside(&receiver)?;
    let rate = |layout| rates.iter().find(|(of, _)| *of == layout).map(|(_, rate)| *rate);
    for (this, other, what) in [
        (Layout::Redis, Layout::Sqlite, "Redis : SQLite, one process"),
        (Layout::Redis2, Layout::Redis1, "two worker processes : one"),
    ] {
        if let (Some(this), Some(other)) = (rate(this), rate(other)) {
            println!("ratio        {:.2} {what} (tasks/s)", this / other);
        }
    }
    println!("load average {}", load());
    Ok(())
}

/// One layout: alone, then under load. Gives tasks a second. `collector`: where traces are sent, if they are.
fn measure(
    options: &Options,
    workspace: &Workspace,
    layout: Layout,
    receiver: &Receiver,
    collector: Option<&str>,
) -> Result<f64> {
    println!("== {}{}", layout.title(), if collector.is_some() { ", with traces" } else { "" });
    let servers = Servers::start(workspace, layout, collector)?;
    let (at_start, _) = servers.peak_memory_bytes();
    idle(options, &servers.client, receiver)?;
    let (cpu_before, redis_before) = servers.cpu_seconds();
    let (tasks, deliveries, took) = throughput(options, &servers.client, receiver)?;
    let (cpu, redis) = servers.cpu_seconds();
    let (cpu, redis, seconds) = (cpu - cpu_before, redis - redis_before, took.as_secs_f64());
    let rate = tasks as f64 / seconds;
    println!("throughput   {tasks} tasks, {deliveries} deliveries in {seconds:.1} s");
    println!("             {rate:.1} tasks/s, {:.0} deliveries/s", deliveries as f64 / seconds);
    println!("             {:.1} ms of CPU a task, its deliveries included", 1000.0 * cpu / tasks as f64);
    let (peak, redis_peak) = servers.peak_memory_bytes();
    println!("memory       peak {} MiB, {} MiB once started", peak >> 20, at_start >> 20);
    if layout != Layout::Sqlite {
        println!("redis        {:.2} ms of CPU a task, peak {} MiB", 1000.0 * redis / tasks as f64, redis_peak >> 20);
    }
    receiver.clear();
    servers.stop()?;
    Ok(rate)
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
