//! `morag submit`: submits files and follows their tasks.

use anyhow::Context as _;
use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use morag_client::{Client, Server, line, plain};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Files submitted concurrently: more would only wait in the server's queue.
const CONCURRENT_MAX: usize = 4;

/// How long one status request waits for a change, in seconds. The server allows 60.
const WAIT_SECONDS: u64 = 20;

/// Shortest time between two status requests: a progress bar need not move more often.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Submits files.
#[derive(Debug, Args)]
pub struct Submit {
    /// Files to submit
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// URL that the server sends events to
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Token sent to the webhook as `Authorization: Bearer …`
    #[arg(long, env = "MORAG_WEBHOOK_AUTH_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    webhook_auth_token: Option<String>,
    /// Id of the document; for a single file only
    #[arg(long, value_name = "ID")]
    document_id: Option<String>,
    /// Replace a stored document with the same id
    #[arg(long)]
    replace_existing: bool,
    /// Collection to store into
    #[arg(long, value_name = "NAME")]
    collection_name: Option<String>,
    /// Language code, such as en
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Pipeline: ingest, process or convert
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Convert only these pages, counted from 1, such as 2-5 or 7
    #[arg(long, value_name = "FIRST-LAST", value_parser = page_range)]
    page_range: Option<String>,
    /// Convert at most this many pages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_pages: Option<u32>,
    /// Keep pictures as files of the task: figures, pages, all or none
    #[arg(long, value_name = "KIND", value_parser = ["none", "figures", "pages", "all"])]
    include_images: Option<String>,
    /// Show the tasks' progress until they end; exit code 1 if any fails
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    server: Server,
}

/// The field `page_range` of a request, of pages as people write them: `2-5`, `2,5`, or `7` for one.
fn page_range(text: &str) -> Result<String, String> {
    let (first, last) = text.split_once(['-', ',']).unwrap_or((text, text));
    match (first.trim().parse::<u32>(), last.trim().parse::<u32>()) {
        (Ok(first), Ok(last)) if 1 <= first && first <= last => Ok(format!("{first},{last}")),
        _ => Err("expected FIRST-LAST, with FIRST at least 1 and not after LAST, such as 2-5".to_owned()),
    }
}

/// `morag submit`. Tries every file; exit code 1 if any could not be submitted or, with `--follow`, failed.
pub async fn run(command: Submit) -> anyhow::Result<ExitCode> {
    if command.document_id.is_some() && command.files.len() > 1 {
        anyhow::bail!("--document-id can be used with a single file only");
    }
    let client = Client::new(command.server.clone())?;
    let bars = MultiProgress::new();
    let mut failed = false;
    for files in command.files.chunks(CONCURRENT_MAX) {
        let submissions = files.iter().map(|file| one(&client, &command, file, &bars));
        for (file, result) in files.iter().zip(futures::future::join_all(submissions).await) {
            if let Err(error) = result {
                failed = true;
                eprintln!("morag: {}: {error:#}", file.display());
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn one(client: &Client, command: &Submit, file: &Path, bars: &MultiProgress) -> anyhow::Result<()> {
    let form = form(command, file).await?;
    let accepted = client.send(client.request(Method::POST, "/api/v1/ingest/file").multipart(form)).await?;
    let task = plain(&accepted["task_id"]);
    // The id is printed first, so that other commands can use it while the task is running.
    let shown = format!("{task}  {}", file.display());
    if !command.follow || bars.is_hidden() {
        line(format_args!("{shown}"));
    } else {
        bars.println(shown)?;
    }
    if !command.follow {
        return Ok(());
    }
    let bar = bars.add(ProgressBar::new(100));
    if let Ok(style) = ProgressStyle::with_template("{prefix:30!} {bar:30} {percent:>3}% {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
    let status = follow(client, &task, &bar).await;
    match &status {
        Ok(status) if status["status"] == "completed" => bar.finish(),
        // The bar stays where the task stopped.
        _ => bar.abandon(),
    }
    let status = status?;
    if bars.is_hidden() || bar.is_hidden() {
        line(format_args!("{task}  {}  {}", plain(&status["status"]), file.display()));
    }
    match status["status"].as_str() {
        Some("completed") => Ok(()),
        _ => {
            let code = plain(&status["error_details"]["error_code"]);
            let why = [code, plain(&status["error"])].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
            anyhow::bail!("task {task} {}: {}", plain(&status["status"]), why.join(": "))
        }
    }
}

async fn form(command: &Submit, file: &Path) -> anyhow::Result<Form> {
    let opened = tokio::fs::File::open(file).await.context("cannot open the file")?;
    let meta = opened.metadata().await.context("cannot read the file")?;
    anyhow::ensure!(meta.is_file(), "not a regular file");
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let content = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(opened));
    let mut form = Form::new();
    let texts = [
        ("webhook_url", &command.webhook_url),
        ("webhook_auth_token", &command.webhook_auth_token),
        ("document_id", &command.document_id),
        ("collection_name", &command.collection_name),
        ("language", &command.language),
        ("pipeline", &command.pipeline),
        ("page_range", &command.page_range),
        ("max_pages", &command.max_pages.map(|max| max.to_string())),
        ("include_images", &command.include_images),
    ];
    for (field, value) in texts {
        if let Some(value) = value {
            form = form.text(field, value.clone());
        }
    }
    if command.replace_existing {
        form = form.text("replace_existing", "true");
    }
    Ok(form.part("file", Part::stream_with_length(content, meta.len()).file_name(name)))
}

/// Follows a task until it ends and returns its last status.
async fn follow(client: &Client, task: &str, bar: &ProgressBar) -> anyhow::Result<Value> {
    let mut wait = 0;
    loop {
        let status = client.get(&format!("/api/v1/status/{task}?wait={wait}")).await?;
        wait = WAIT_SECONDS;
        let word = status["status"].as_str().unwrap_or_default();
        bar.set_position(status["progress_percent"].as_f64().unwrap_or_default() as u64);
        match status["current_step"].as_str() {
            Some(step) if word == "in_progress" => bar.set_message(step.to_owned()),
            _ => bar.set_message(word.to_owned()),
        }
        if matches!(word, "completed" | "failed" | "cancelled") {
            return Ok(status);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_given_as_people_write_them() {
        assert_eq!(page_range("2-5").unwrap(), "2,5");
        assert_eq!(page_range("2, 5").unwrap(), "2,5");
        assert_eq!(page_range("7").unwrap(), "7,7");
        for wrong in ["", "-", "0-3", "5-2", "2-x", "1-2-3", "-3"] {
            assert!(page_range(wrong).is_err(), "{wrong}");
        }
    }
}
