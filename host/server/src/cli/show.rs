//! `morag status`, `morag history` and `morag cancel`.

use clap::{Args, ValueEnum};
use morag_client::{Client, Server, line, plain};
use reqwest::Method;
use serde_json::Value;
use std::process::ExitCode;

/// Shows a task's status.
#[derive(Debug, Args)]
pub struct Status {
    /// Id of the task
    task_id: uuid::Uuid,
    /// Print the server's JSON answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Shows a task's history.
#[derive(Debug, Args)]
pub struct History {
    /// Id of the task
    task_id: uuid::Uuid,
    /// Order of the events
    #[arg(long, value_enum, default_value_t = SortOrder::Desc)]
    order: SortOrder,
    /// Print the server's JSON answer
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Cancels a task.
#[derive(Debug, Args)]
pub struct Cancel {
    /// Id of the task
    task_id: uuid::Uuid,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SortOrder {
    /// Oldest first
    Asc,
    /// Newest first
    Desc,
}

/// `morag status`. Exit code 1 if the task failed or was cancelled.
pub async fn status(command: Status) -> anyhow::Result<ExitCode> {
    let body = Client::new(command.server)?.get(&format!("/api/v1/status/{}", command.task_id)).await?;
    match command.json {
        true => line(format_args!("{body:#}")),
        false => line(status_text(&body).trim_end()),
    }
    Ok(exit_code(&body))
}

/// 1 for a task that ended without success.
pub fn exit_code(status: &Value) -> ExitCode {
    match status["status"].as_str() {
        Some("failed" | "cancelled") => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// `morag history`.
pub async fn history(command: History) -> anyhow::Result<ExitCode> {
    let order = match command.order {
        SortOrder::Asc => "asc",
        SortOrder::Desc => "desc",
    };
    let body =
        Client::new(command.server)?.get(&format!("/api/v1/status/{}/history?order={order}", command.task_id)).await?;
    match command.json {
        true => line(format_args!("{body:#}")),
        false => line(history_text(&body).trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// `morag cancel`.
pub async fn cancel(command: Cancel) -> anyhow::Result<ExitCode> {
    let client = Client::new(command.server)?;
    let body = client.send(client.request(Method::POST, &format!("/api/v1/cancel/{}", command.task_id))).await?;
    line(plain(&body["message"]));
    Ok(ExitCode::SUCCESS)
}

fn status_text(body: &Value) -> String {
    let percent = body["progress_percent"].as_f64().unwrap_or_default();
    let mut text = format!("{} {percent:.0}%  {}\n", plain(&body["status"]), plain(&body["message"]));
    text += &format!("document {}\n", plain(&body["document_id"]));
    if let Some(error) = body["error"].as_str() {
        let code = plain(&body["error_details"]["error_code"]);
        text += &format!("error {code}: {}\n", plain(&error.into()));
    }
    for step in body["steps"].as_array().into_iter().flatten() {
        text += &format!("  {:<22} {}\n", plain(&step["step"]), plain(&step["status"]));
    }
    text
}

fn history_text(body: &Value) -> String {
    let mut text = String::new();
    for event in body["history"].as_array().into_iter().flatten() {
        let percent = event["progress"].as_f64().unwrap_or_default() * 100.0;
        let (sequence, kind) = (plain(&event["sequence"]), plain(&event["event_type"]));
        let (step, message) = (plain(&event["step"]), plain(&event["message"]));
        text += &format!(
            "{:>3}  {}  {percent:>3.0}%  {kind:<15} {step:<22} {message}\n",
            sequence,
            plain(&event["timestamp"])
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_reads_as_lines() {
        let body = json!({
            "status": "failed", "progress_percent": 10.0, "message": "Task failed", "document_id": "d", "error": "no\u{1b}[2J",
            "error_details": {"error_code": "CORRUPT"}, "steps": [{"step": "markdown_conversion", "status": "failed"}],
        });
        let text = status_text(&body);
        assert!(text.contains("failed 10%") && text.contains("error CORRUPT: no[2J"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_history_is_a_line_an_event() {
        let event = json!({"sequence": 1, "timestamp": "t", "event_type": "task_started", "step": null, "progress": 0.25, "message": "m"});
        let text = history_text(&json!({"history": [event]}));
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("task_started") && text.contains("25%"), "{text}");
    }
}
