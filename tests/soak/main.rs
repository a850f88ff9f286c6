//! `cargo xtask soak`: hours of ordinary and unusual use in minutes, and a check for growth.
//!
//! Documents of all kinds, batches, failing endpoints, cancellations and plugin reloads, on a server with a retention of two minutes.
//! Prints a line every minute; at the end memory, file handles, threads and disk of the last part are compared with those after the
//! warm-up. Exit code 1 if one of them has grown, or nothing was done.

mod growth;
mod sample;
mod work;

use clap::Parser;
use growth::Measure;
use morag_tests::child::{OwnChild, until};
use morag_tests::server::{PATIENCE, serve};
use sample::Sample;
use std::fs::File;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use work::Work;

/// Retention of the server: it takes so long until as much is deleted as is added, so it is the shortest warm-up.
const RETENTION: &str = "2m";
/// Samples of ten that are warm-up: data, caches and pools fill.
const WARM_UP_OF_TEN: usize = 3;
/// Interval between samples of the process.
const BETWEEN_SAMPLES: Duration = Duration::from_secs(5);
/// Samples per line of the table: a minute.
const SAMPLES_IN_A_LINE: usize = 12;

/// Ordinary and unusual use for some minutes, and a check for growth.
#[derive(Parser)]
#[command(name = "soak")]
struct Options {
    /// Minutes; at least 8, so that there are samples after the warm-up.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Concurrent documents.
    #[arg(long, default_value_t = 4)]
    at_once: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if options.minutes < 8 {
        eprintln!("soak: at least 8 minutes: the server deletes data after 2, and growth shows only after that");
        return ExitCode::FAILURE;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let mut command = serve(&data);
    let file = |name: &str| File::create(folder.path().join(name)).expect("a file");
    command
        .envs([
            ("MORAG_TEMP_RETENTION_HOURS", RETENTION),
            ("MORAG_HISTORY_RETENTION_DAYS", RETENTION),
            ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", RETENTION),
            ("MORAG_IDEMPOTENCY_RETENTION_HOURS", "1h"),
            ("MORAG_FETCH_ALLOW_NETWORKS", "127.0.0.0/8"),
            ("WEBHOOK_MAX_RETRIES", "2"),
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(file("out"))
        .stderr(file("log"));
    let mut server = OwnChild::spawn(&mut command, folder.path()).expect("the binary starts");
    let said = || std::fs::read_to_string(folder.path().join("out")).unwrap_or_default();
    let url = until(PATIENCE, || {
        let said = said();
        let url = said.lines().find_map(|line| line.strip_prefix("morag listens on "));
        url.map(str::to_owned)
    });
    let url = url.expect("the server says where it listens");

    let work = Work::start(&url, options.at_once).await;
    let (started, until) = (Instant::now(), Duration::from_secs(options.minutes * 60));
    let mut samples: Vec<Sample> = Vec::new();
    println!("{}", Sample::HEAD);
    let mut line = Vec::new();
    while started.elapsed() < until {
        tokio::time::sleep(BETWEEN_SAMPLES).await;
        if let Some(status) = server.ended() {
            println!("soak verdict      the server ended with {status}: {}", log_tail(folder.path()));
            return ExitCode::FAILURE;
        }
        let sample = Sample::of(server.id(), &data, started.elapsed());
        line.push(sample.clone());
        samples.push(sample);
        if line.len() == SAMPLES_IN_A_LINE {
            println!("{}", sample::line(&line, &work.take_minute()));
            line.clear();
        }
    }
    let done = work.stop().await;
    println!("soak              {done}");
    let warm = samples.len() * WARM_UP_OF_TEN / 10;
    let grown: Vec<String> = Measure::ALL.iter().filter_map(|measure| measure.growth(&samples[warm..])).collect();
    grown.iter().for_each(|text| println!("soak growth       {text}"));
    let worked = done.completed > 0 && done.failures.is_empty();
    done.failures.iter().for_each(|text| println!("soak failure      {text}"));
    println!("soak verdict      {}", if grown.is_empty() && worked { "nothing grows" } else { "see above" });
    if grown.is_empty() && worked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn log_tail(folder: &std::path::Path) -> String {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    log.lines().rev().take(5).collect::<Vec<_>>().join(" | ")
}
