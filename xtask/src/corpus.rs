//! `cargo xtask corpus DIR`: every file of a folder through a real server, and a table of what became of each.
mod table;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::Value;

use crate::api::Client;
use crate::children;
use crate::documents::{self, End};
use crate::models;
use crate::own_server::OwnServer;
use crate::profile::Profile;
use crate::python;
use crate::server;
use crate::speech;
use crate::workspace::Workspace;
use table::Row;

/// Send every file of a folder through a server of its own, and print what became of each.
///
/// The server has the model that reads pictures, and a service for transcription with a real model. Fails where a task did not end in
/// time or the server died; a task that failed with a code is a result.
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

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let files = documents::below(&options.folder)?;
    let workspace = Workspace::find()?;
    if !options.no_build {
        server::build(&workspace, Profile::Release)?;
    }
    children::catch_stop()?;
    let python = python::ensure(&workspace)?;
    let models = models::ensure(&workspace, &Profile::Release.morag(&workspace), &python)?;
    let speech = speech::Service::start(&workspace)?;
    let environment = [
        ("MORAG_MODELS_DIR", models.display().to_string()),
        ("OPENAI_BASE_URL", speech.base_url.clone()),
        ("OPENAI_API_KEY", "of-the-corpus".to_owned()),
    ];
    let server = OwnServer::start(&workspace, Profile::Release, "corpus", &environment)?;
    let log = server.log.display().to_string();
    println!("== {} files, {} at a time; the server's log is {log}", files.len(), options.concurrency);
    let started = Instant::now();
    let rows = documents::each(files, options.concurrency, |path| row(&server.client, options, &path));
    table::print(&rows, started.elapsed(), server.peak_memory_bytes());
    server.end()?;
    if children::stop_wanted() {
        bail!("stopped");
    }
    let not_ended = rows.iter().filter(|row| matches!(row.end, End::None(_))).count();
    if not_ended > 0 {
        bail!("{not_ended} of {} files did not end within {} s; the log is {log}", rows.len(), options.limit);
    }
    Ok(())
}

/// A file's row, printed as soon as it is known.
fn row(client: &Client, options: &Options, path: &Path) -> Row {
    let name = path.strip_prefix(&options.folder).unwrap_or(path).display().to_string();
    let started = Instant::now();
    let mut row = Row::new(name);
    // A failure of ours, not of the file: nobody answers, or the answer makes no sense.
    row.end = one(client, path, Duration::from_secs(options.limit), &mut row)
        .unwrap_or_else(|error| End::None(format!("{error:#}")));
    row.took = started.elapsed();
    println!("{row}");
    row
}

fn one(client: &Client, path: &Path, limit: Duration, row: &mut Row) -> Result<End> {
    let (end, task) = documents::send(client, path, limit)?;
    let Some(task) = task else { return Ok(end) };
    row.peak_memory_bytes = peak_memory(&client.history(&task)?);
    if end == End::Completed {
        let metadata = client.artifact(&task, "metadata.json")?;
        row.pages = metadata.and_then(|metadata| metadata["metadata"]["page_count"].as_u64());
    }
    Ok(end)
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
