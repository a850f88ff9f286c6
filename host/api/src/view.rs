//! The bodies of answers about tasks and events. Pure.

use crate::words::{EventStatus, EventType, StepState};
use morag_core::ports::{RecentEvent, TaskLog, TaskSummary};
use morag_core::task::{Event, EventKind, StepStatus, TaskStatus};
use morag_core::webhook::error_details;
use morag_core::{JsonObject, Timestamp};
use morag_input::TaskState;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The status of a task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StatusBody {
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// The caller's id of the document, or a generated one.
    pub document_id: String,
    /// `pending`, `in_progress`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = TaskState)]
    pub status: &'static str,
    /// 0 to 1; never falls.
    pub progress: f64,
    /// 0 to 100; never falls.
    pub progress_percent: f64,
    /// Step that is running, or that failed.
    pub current_step: Option<String>,
    /// Run of the task, from 1.
    pub attempt: u32,
    /// One line for people.
    pub message: String,
    /// Totals of a completed task, as in `task_completed`.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    pub result: Option<JsonObject>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where and why it failed: `stage`, `step`, `error_code`, `retryable` and what the step adds.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    pub error_details: Option<Value>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its first step started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
    /// Seconds to its end, from progress and time so far; null while unknown, 0 when it has ended.
    pub estimated_time_remaining: Option<f64>,
    /// Every step, in order.
    pub steps: Vec<StepBody>,
}

/// The status of a step.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StepBody {
    /// Name of the step.
    pub step: String,
    /// `pending`, `in_progress`, `completed`, `skipped`, `failed` (the task may have gone on all the same) or `cancelled`.
    #[schema(value_type = StepState)]
    pub status: Value,
    /// Overall progress of the task at the end of the step, or so far, 0 to 100.
    pub progress_percent: f64,
    /// When it started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}

impl From<StepStatus> for StepBody {
    fn from(step: StepStatus) -> Self {
        let StepStatus { step, status, progress_percent, started_at, completed_at, error } = step;
        Self { step, status: json!(status), progress_percent, started_at, completed_at, error }
    }
}

/// A task in a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TaskItem {
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Its document.
    pub document_id: String,
    /// `pending`, `in_progress`, `completed`, `failed` or `cancelled`.
    #[schema(value_type = TaskState)]
    pub status: &'static str,
    /// 0 to 1.
    pub progress: f64,
    /// 0 to 100.
    pub progress_percent: f64,
    /// Name of the file as submitted.
    pub file_name: String,
    /// Name of its pipeline.
    pub pipeline: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// An event of a task's history.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HistoryItem {
    /// Position in the task's history, from 1.
    pub sequence: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// Type of the event, as in webhooks.
    #[schema(value_type = EventType)]
    pub event_type: &'static str,
    /// Step it belongs to.
    pub step: Option<String>,
    /// `started`, `progress`, `completed`, `failed` or `cancelled`; of pipelines that allow it also `skipped` or `retrying`.
    #[schema(value_type = EventStatus)]
    pub status: &'static str,
    /// 0 to 1.
    pub progress: f64,
    /// One line for people.
    pub message: String,
    /// Further details: the step's data, files and resources; why it failed; the task's result.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub metadata: JsonObject,
}

/// An event with its task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RecentItem {
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// What happened.
    #[serde(flatten)]
    pub event: HistoryItem,
}

/// A task's status at a time.
pub fn status_body(log: &TaskLog, now: Timestamp) -> StatusBody {
    let record = &log.record;
    let status = TaskStatus::fold(&record.pipeline, &log.events, log.live_percent);
    let remaining = estimated_time_remaining(&status, now);
    let failure = status.failure.as_ref();
    StatusBody {
        task_id: record.id.to_string(),
        document_id: record.document_id.to_string(),
        status: status.word.as_str(),
        progress: status.progress_percent / 100.0,
        progress_percent: status.progress_percent,
        current_step: status.current_step,
        attempt: status.attempt,
        message: status.message,
        result: status.result,
        error: failure.map(|(_, _, failure)| failure.message.clone()),
        error_details: failure.map(|(step, stage, failure)| error_details(step, stage, failure)),
        created_at: record.created_at,
        started_at: status.started_at,
        completed_at: status.completed_at,
        estimated_time_remaining: remaining,
        steps: status.steps.into_iter().map(StepBody::from).collect(),
    }
}

/// Seconds to the end if the rest takes as long per percent as what is done. A rough guess, and null before anything is.
fn estimated_time_remaining(status: &TaskStatus, now: Timestamp) -> Option<f64> {
    if status.word.is_ended() {
        return Some(0.0);
    }
    let elapsed = now.since(status.started_at?).as_secs_f64();
    let done = status.progress_percent;
    (done > 0.0).then(|| (elapsed * (100.0 - done) / done * 10.0).round() / 10.0)
}

/// A task in a list.
pub fn task_item(summary: TaskSummary) -> TaskItem {
    let TaskSummary { task, accepted, status, progress_percent } = summary;
    TaskItem {
        task_id: task.to_string(),
        document_id: accepted.document_id.to_string(),
        status: status.as_str(),
        progress: progress_percent / 100.0,
        progress_percent,
        file_name: accepted.file_name,
        pipeline: accepted.pipeline,
        created_at: accepted.created_at,
    }
}

/// An event of a history.
pub fn history_item(event: Event) -> HistoryItem {
    HistoryItem {
        sequence: event.sequence,
        timestamp: event.timestamp,
        event_type: event.kind.event_type(),
        step: event.kind.place().map(|(step, _)| step.to_owned()),
        status: event.kind.status(),
        progress: event.progress_percent / 100.0,
        message: event.message,
        metadata: metadata(event.kind),
    }
}

/// An event of any task.
pub fn recent_item(recent: RecentEvent) -> RecentItem {
    RecentItem { task_id: recent.task.to_string(), event: history_item(recent.event) }
}

/// Moves what the event carries: it can be some 100 KiB.
fn metadata(kind: EventKind) -> JsonObject {
    let mut metadata = JsonObject::new();
    let mut put = |key: &str, value: Value| {
        metadata.insert(key.into(), value);
    };
    if let Some((_, stage)) = kind.place() {
        put("stage", json!(stage));
    }
    match kind {
        EventKind::TaskStarted { retry } => {
            if let Some(retry) = retry {
                put("from_step", json!(retry.from_step));
            }
        }
        EventKind::StepSkipped { reason, .. } => put("skip_reason", json!(reason)),
        EventKind::StepRetrying { step, stage, failure, resources, retry_number, retries_max, delay_ms } => {
            put("error", json!(failure.message));
            put("error_details", error_details(&step, &stage, &failure));
            put("resources", json!(resources));
            put("retry", json!(retry_number));
            put("retries_max", json!(retries_max));
            put("retry_delay_seconds", json!(delay_ms as f64 / 1000.0));
        }
        EventKind::StepStarted { .. } | EventKind::TaskCancelled { .. } => {}
        EventKind::TaskProgress { milestone, step, .. } => {
            put("milestone", json!(milestone));
            put("current_step", json!(step));
        }
        EventKind::StepCompleted { data, artifacts, resources, .. } => {
            put("data", Value::Object(data));
            put("artifacts", json!(artifacts));
            put("resources", json!(resources));
        }
        EventKind::StepFailed { step, stage, failure, resources } => {
            put("error", json!(failure.message));
            put("error_details", error_details(&step, &stage, &failure));
            put("resources", json!(resources));
        }
        EventKind::TaskFailed { step, stage, failure } => {
            put("error", json!(failure.message));
            put("error_details", error_details(&step, &stage, &failure));
        }
        EventKind::TaskCompleted { result } => put("result", Value::Object(result)),
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;
    use morag_core::task::{Resources, StepFailure};
    use std::sync::Arc;

    fn event(sequence: u64, percent: f64, kind: EventKind) -> Event {
        let timestamp = Timestamp::from_millis(sequence as i64 * 1000);
        Event { sequence, timestamp, progress_percent: percent, message: format!("event {sequence}"), span: None, kind }
    }

    fn log(events: Vec<Event>, live_percent: f64) -> TaskLog {
        TaskLog { record: Arc::new(record()), events, live_percent, claims: 0 }
    }

    fn started() -> Vec<Event> {
        let (step, stage) = ("markdown_conversion".to_owned(), "content_processing".to_owned());
        vec![
            event(1, 0.0, EventKind::TaskStarted { retry: None }),
            event(2, 0.0, EventKind::StepStarted { step, stage }),
        ]
    }

    fn failure() -> StepFailure {
        let details = json!({"attempted_format": "xyz"}).as_object().cloned().unwrap();
        StepFailure { code: "UNSUPPORTED_FORMAT".into(), message: "no".into(), details, retryable: false }
    }

    fn failed() -> Vec<Event> {
        let (step, stage) = ("markdown_conversion".to_owned(), "content_processing".to_owned());
        let mut events = started();
        let resources = Resources { wall_ms: 7, ..Resources::default() };
        let kind = EventKind::StepFailed { step: step.clone(), stage: stage.clone(), failure: failure(), resources };
        events.push(event(3, 10.0, kind));
        events.push(event(4, 10.0, EventKind::TaskFailed { step, stage, failure: failure() }));
        events
    }

    #[test]
    fn a_waiting_task_knows_no_time() {
        let body = status_body(&log(vec![], 0.0), Timestamp::from_millis(0));
        assert_eq!((body.status, body.progress, body.progress_percent), ("pending", 0.0, 0.0));
        assert_eq!((body.estimated_time_remaining, body.started_at), (None, None));
        assert_eq!(body.steps.len(), 6);
        assert_eq!(body.steps[0].status, "pending");
    }

    #[test]
    fn the_time_to_the_end_follows_progress() {
        let at = |percent, seconds: i64| {
            let now = Timestamp::from_millis(1000 + seconds * 1000);
            status_body(&log(started(), percent), now).estimated_time_remaining
        };
        assert_eq!(at(0.0, 5), None);
        assert_eq!(at(20.0, 5), Some(20.0));
        assert_eq!(at(99.0, 0), Some(0.0));
    }

    #[test]
    fn a_failed_task_says_where_and_why() {
        let body = status_body(&log(failed(), 10.0), Timestamp::from_millis(60_000));
        assert_eq!((body.status, body.error.as_deref()), ("failed", Some("no")));
        let details = body.error_details.unwrap();
        assert_eq!(details["error_code"], "UNSUPPORTED_FORMAT");
        assert_eq!(details["attempted_format"], "xyz");
        assert_eq!(body.estimated_time_remaining, Some(0.0));
        assert_eq!(body.current_step.as_deref(), Some("markdown_conversion"));
    }

    #[test]
    fn history_holds_what_each_event_brought() {
        let item = history_item(failed().remove(2));
        assert_eq!((item.event_type, item.status, item.progress), ("step_failed", "failed", 0.1));
        assert_eq!(item.metadata["resources"]["wall_ms"], 7);
        assert_eq!(item.metadata["error_details"]["step"], "markdown_conversion");
        let item = history_item(failed().remove(0));
        assert_eq!((item.event_type, item.step, item.metadata.len()), ("task_started", None, 0));
    }

    #[test]
    fn history_says_why_a_step_was_left_out_or_is_run_again() {
        let (step, stage) = ("a".to_owned(), "s".to_owned());
        let reason = morag_core::task::SkipReason::ComponentNotLoaded;
        let item =
            history_item(event(1, 10.0, EventKind::StepSkipped { step: step.clone(), stage: stage.clone(), reason }));
        assert_eq!((item.status, &item.metadata["skip_reason"]), ("skipped", &json!("component_not_loaded")));
        let (resources, failure) = (Resources { wall_ms: 7, ..Resources::default() }, failure());
        let (retry_number, retries_max, delay_ms) = (2, 3, 1_500);
        let kind = EventKind::StepRetrying { step, stage, failure, resources, retry_number, retries_max, delay_ms };
        let item = history_item(event(2, 10.0, kind));
        assert_eq!((item.status, item.event_type), ("retrying", "step_retrying"));
        assert_eq!((&item.metadata["retry"], &item.metadata["retries_max"]), (&json!(2), &json!(3)));
        assert_eq!((&item.metadata["retry_delay_seconds"], &item.metadata["error"]), (&json!(1.5), &json!("no")));
        assert_eq!(item.metadata["resources"]["wall_ms"], 7);
    }

    #[test]
    fn every_field_is_in_the_json_even_when_null() {
        let body = json!(status_body(&log(vec![], 0.0), Timestamp::from_millis(0)));
        for key in ["result", "error", "error_details", "started_at", "completed_at", "estimated_time_remaining"] {
            assert!(body.get(key).is_some_and(Value::is_null), "{key}");
        }
    }
}
