//! HTTP client for the server, and for webhook receivers.
mod multipart;

use anyhow::{Context, Result, bail};
use minreq::{Request, Response};
use serde_json::Value;

/// Timeout of a request, seconds. Allows for uploading a large file to a busy machine.
const EXCHANGE_SECONDS_MAX: u64 = 60;
/// Timeout of a readiness probe, seconds.
const PROBE_SECONDS_MAX: u64 = 2;

/// Client of one server.
#[derive(Clone)]
pub struct Client {
    /// Base URL, for example `http://127.0.0.1:8000`.
    pub base: String,
    key: String,
}

/// Status of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// `pending`, `in_progress`, `completed`, `failed` or `cancelled`.
    pub word: String,
    /// 0 to 100.
    pub percent: f64,
    /// Current step.
    pub step: Option<String>,
    /// Error message.
    pub error: Option<String>,
    /// Error code.
    pub error_code: Option<String>,
}

impl Status {
    /// Whether the task has ended.
    pub fn ended(&self) -> bool {
        matches!(self.word.as_str(), "completed" | "failed" | "cancelled")
    }
}

/// Result of a submission.
pub enum Submitted {
    /// Accepted: the task id.
    Task(String),
    /// Refused: HTTP status, error code, message.
    Refused { status: i32, code: String, message: String },
}

impl Client {
    /// Creates a client with an API key.
    pub fn new(base: &str, key: &str) -> Self {
        Self { base: base.to_owned(), key: key.to_owned() }
    }

    /// Whether the server is ready.
    pub fn is_ready(&self) -> bool {
        let asked = minreq::get(format!("{}/health/ready", self.base)).with_timeout(PROBE_SECONDS_MAX).send();
        asked.is_ok_and(|response| response.status_code == 200)
    }

    /// Uploads a file.
    pub fn submit(&self, file_name: &str, bytes: &[u8], fields: &[(&str, &str)]) -> Result<Submitted> {
        let (content_type, body) = multipart::form(file_name, bytes, fields);
        let request = minreq::post(format!("{}/api/v1/ingest/file", self.base));
        let response = self.send(request.with_header("Content-Type", content_type).with_body(body))?;
        let answer = json(&response);
        let text = |key: &str| answer.as_ref().and_then(|answer| Some(answer.get(key)?.as_str()?.to_owned()));
        if response.status_code == 200 {
            return Ok(Submitted::Task(text("task_id").context("the server's answer to a submission has no task_id")?));
        }
        let message = text("error").or_else(|| text("detail")).unwrap_or_else(|| response.reason_phrase.clone());
        Ok(Submitted::Refused { status: response.status_code, code: text("error_code").unwrap_or_default(), message })
    }

    /// Status of a task.
    pub fn status(&self, task: &str) -> Result<Status> {
        let url = format!("{}/api/v1/status/{task}", self.base);
        let response = self.send(minreq::get(&url))?;
        if response.status_code != 200 {
            bail!("{url} answered {}: {}", response.status_code, String::from_utf8_lossy(response.as_bytes()));
        }
        let body = json(&response).with_context(|| format!("{url} answered with something other than JSON"))?;
        status(&body).with_context(|| format!("{url} answered without a status: {body}"))
    }

    /// Events of a task; empty if the server does not return them.
    pub fn history(&self, task: &str) -> Result<Vec<Value>> {
        let response = self.send(minreq::get(format!("{}/api/v1/status/{task}/history?order=asc", self.base)))?;
        let events = json(&response).and_then(|mut body| body.get_mut("history").map(Value::take));
        Ok(events.and_then(|events| events.as_array().cloned()).unwrap_or_default())
    }

    /// A JSON artifact of a task, if it exists.
    pub fn artifact(&self, task: &str, name: &str) -> Result<Option<Value>> {
        Ok(self.file(task, name)?.as_ref().and_then(json))
    }

    /// An artifact of a task that is text, if it exists.
    pub fn text_artifact(&self, task: &str, name: &str) -> Result<Option<String>> {
        Ok(self.file(task, name)?.map(|response| String::from_utf8_lossy(response.as_bytes()).into_owned()))
    }

    fn file(&self, task: &str, name: &str) -> Result<Option<Response>> {
        let response = self.send(minreq::get(format!("{}/api/files/temp/{task}/{name}", self.base)))?;
        Ok((response.status_code == 200).then_some(response))
    }

    fn send(&self, request: Request) -> Result<Response> {
        let request = request.with_header("Authorization", format!("Bearer {}", self.key));
        request.with_timeout(EXCHANGE_SECONDS_MAX).send().with_context(|| format!("no answer from {}", self.base))
    }
}

/// Webhooks stored by a receiver; empty if it does not respond.
pub fn received(receiver: &str) -> Vec<Value> {
    let asked = minreq::get(format!("{receiver}/webhooks")).with_timeout(PROBE_SECONDS_MAX).send();
    let body = asked.ok().as_ref().and_then(json);
    match body {
        Some(Value::Array(list)) => list,
        Some(Value::Object(mut map)) => match map.get_mut("webhooks").map(Value::take) {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Whether a receiver responds.
pub fn receiver_is_ready(receiver: &str) -> bool {
    let asked = minreq::get(format!("{receiver}/webhooks")).with_timeout(PROBE_SECONDS_MAX).send();
    asked.is_ok_and(|response| response.status_code == 200)
}

fn json(response: &Response) -> Option<Value> {
    serde_json::from_slice(response.as_bytes()).ok()
}

fn status(body: &Value) -> Option<Status> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let details = &body["error_details"];
    Some(Status {
        word: text(&body["status"])?,
        percent: body["progress_percent"].as_f64()?,
        step: text(&body["current_step"]),
        error: text(&body["error"]),
        error_code: text(&details["error_code"]).or_else(|| text(&body["error_code"])),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_is_read() {
        let body = json!({"status": "failed", "progress_percent": 25.0, "current_step": "chunking", "error": "no",
                          "error_details": {"error_code": "EMPTY_FILE"}});
        let read = status(&body).unwrap();
        assert!(read.ended());
        assert_eq!((read.percent, read.error_code.as_deref()), (25.0, Some("EMPTY_FILE")));
        assert!(!status(&json!({"status": "pending", "progress_percent": 0})).unwrap().ended());
        assert_eq!(status(&json!({"detail": "x"})), None);
    }

    #[test]
    fn nobody_there_is_not_ready() {
        // Port 1 on loopback: nothing listens there.
        let client = Client::new("http://127.0.0.1:1", "k");
        assert!(!client.is_ready());
        assert!(client.status("t").is_err());
        assert!(received(&client.base).is_empty());
    }
}
