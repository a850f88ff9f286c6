//! `cargo xtask corpus DIR`: every file of a folder through a real server, and a table of what became of each.
mod table;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::api::{Client, Submitted};
use crate::children::{self, Running};
use crate::profile::Profile;
use crate::server::{self, KEY, START_MAX};
use crate::shell;
use crate::workspace::Workspace;
use table::{End, Row};

/// Send every file of a folder through a server of its own, and print what became of each.
///
/// Fails where a task did not end in time or the server died; a task that failed with a code is a result.
#[derive(Args)]
pub struct Options {
    /// The folder; files in folders below it count too.
    folder: PathBuf,
    /// Seconds that one file may take.
    #[arg(long, default_value_t = 300)]
    limit: u64,
    /// Files at the same time.
    #[arg(long, default_value_t = 2)]
    concurrency: usize,
    /// Use the components and the server as they were built before.
    #[arg(long)]
    no_build: bool,
}

/// Between two looks at a task: small beside the seconds that are reported.
const POLL: Duration = Duration::from_millis(50);

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let mut files = Vec::new();
    collect(&options.folder, &mut files)?;
    if files.is_empty() {
        bail!("there is no file in {}", options.folder.display());
    }
    files.sort();
    let workspace = Workspace::find()?;
    if !options.no_build {
        server::build(&workspace, Profile::Release)?;
    }
    let data = workspace.target.join("corpus-data");
    shell::remove_folder(&data)?;
    children::catch_stop()?;
    let port = children::free_port(0)?;
    let log = workspace.target.join("corpus-server.log");
    let mut server = Running::start("the server", &server::command(&workspace, Profile::Release, port, &data), &log)?;
    let client = Client::new(&format!("http://127.0.0.1:{port}"), KEY);
    server.wait_ready(START_MAX, || client.is_ready())?;
    println!("== {} files, {} at a time; the server's log is {}", files.len(), options.concurrency, log.display());
    let started = Instant::now();
    let rows = submit_all(&client, options, files);
    table::print(&rows, started.elapsed(), server.peak_memory_bytes());
    server.check().context("the server died")?;
    server.stop();
    shell::remove_folder(&data)?;
    if children::stop_wanted() {
        bail!("stopped");
    }
    let not_ended = rows.iter().filter(|row| matches!(row.end, End::None(_))).count();
    if not_ended > 0 {
        bail!(
            "{not_ended} of {} files did not end within {} s; the log is {}",
            rows.len(),
            options.limit,
            log.display()
        );
    }
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Rows in the order of the files, printed as they come.
fn submit_all(client: &Client, options: &Options, files: Vec<PathBuf>) -> Vec<Row> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(files.into_iter().enumerate().collect());
    let rows = Mutex::new(Vec::new());
    let work = || {
        while !children::stop_wanted() {
            let Some((index, path)) = queue.lock().ok().and_then(|mut queue| queue.pop_front()) else { break };
            let name = path.strip_prefix(&options.folder).unwrap_or(&path).display().to_string();
            let started = Instant::now();
            let mut row = Row::new(name);
            // A failure of ours, not of the file: nobody answers, or the answer makes no sense.
            row.end = one(client, &path, Duration::from_secs(options.limit), &mut row)
                .unwrap_or_else(|error| End::None(format!("{error:#}")));
            row.took = started.elapsed();
            if let Ok(mut rows) = rows.lock() {
                println!("{row}");
                rows.push((index, row));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.concurrency.max(1) {
            scope.spawn(work);
        }
    });
    let mut rows = rows.into_inner().unwrap_or_default();
    rows.sort_by_key(|(index, _)| *index);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn one(client: &Client, path: &Path, limit: Duration, row: &mut Row) -> Result<End> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let started = Instant::now();
    let task = match client.submit(&name, &bytes, &[])? {
        Submitted::Task(task) => task,
        Submitted::Refused { status, code, .. } => return Ok(End::Refused(format!("{status} {code}"))),
    };
    let status = loop {
        let status = client.status(&task)?;
        if status.ended() {
            break status;
        }
        if started.elapsed() > limit {
            let step = status.step.unwrap_or_default();
            return Ok(End::None(format!("still {} in {step} after {}", status.word, shell::seconds(limit))));
        }
        if children::stop_wanted() {
            bail!("stopped");
        }
        std::thread::sleep(POLL);
    };
    row.peak_memory_bytes = peak_memory(&client.history(&task)?);
    if status.word == "completed" {
        let metadata = client.artifact(&task, "metadata.json")?;
        row.pages = metadata.and_then(|metadata| metadata["metadata"]["page_count"].as_u64());
        return Ok(End::Completed);
    }
    Ok(End::Failed(status.error_code.unwrap_or(status.word)))
}

/// The most that any step used, where the events say.
fn peak_memory(history: &[Value]) -> Option<u64> {
    history.iter().filter_map(|event| event["metadata"]["resources"]["peak_memory_bytes"].as_u64()).max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_peak_is_the_largest_and_blank_where_nobody_says() {
        let of = |bytes: u64| json!({"metadata": {"resources": {"peak_memory_bytes": bytes}}});
        assert_eq!(peak_memory(&[of(1), json!({"metadata": {}}), of(5), of(3), json!({})]), Some(5));
        assert_eq!(peak_memory(&[json!({"metadata": null})]), None);
    }
}
