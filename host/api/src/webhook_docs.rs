//! The webhook bodies as OpenAPI describes them. [`morag_core::webhook`] builds them; tests there and in `tests/e2e` compare them
//! with this description.

use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Content, ObjectBuilder, PathItem, Paths, Ref, RefOr, Required, ResponseBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Every event that is sent, by its name in `event_type`.
pub const EVENT_TYPES: [&str; 10] = [
    "task_started",
    "task_progress",
    "task_completed",
    "task_failed",
    "task_cancelled",
    "step_started",
    "step_completed",
    "step_failed",
    "step_skipped",
    "step_retrying",
];

/// A webhook of a task event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI")]
pub struct TaskWebhook {
    /// Type of the event.
    event_type: String,
    /// When it happened.
    #[schema(format = DateTime)]
    timestamp: String,
    /// What happened.
    data: TaskWebhookData,
}

/// Data of a task event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI")]
pub struct TaskWebhookData {
    /// The task.
    #[schema(format = Uuid)]
    task_id: String,
    /// The caller's id of the document, or a generated one.
    document_id: String,
    /// `started`, `progress`, `completed`, `failed` or `cancelled`.
    status: String,
    /// 0 to 1; never falls.
    progress: f64,
    /// 0 to 100; never falls.
    progress_percent: f64,
    /// One line for people.
    message: String,
    /// `task_progress`: the step that runs, or had just completed.
    #[schema(nullable = false)]
    step: Option<String>,
    /// `task_completed`: totals over the steps.
    #[schema(nullable = false)]
    result: Option<TaskResult>,
    /// `task_failed`: why.
    #[schema(nullable = false)]
    error: Option<String>,
    /// `task_failed`: `stage`, `step`, `error_code`, `retryable` and what the step adds.
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>, nullable = false)]
    error_details: Option<Value>,
    /// `source_type`, `webhook_url` (query hidden), `document_id`, `collection_name`, `language` and the caller's own keys; in
    /// `task_progress` also `stage` and `current_step`.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    metadata: Value,
}

/// Totals over the steps; 0, "" or {} where the pipeline has no such step.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI")]
pub struct TaskResult {
    /// Chunks.
    chunks_created: u64,
    /// Vectors stored.
    embeddings_stored: u64,
    /// Facts.
    facts_extracted: u64,
    /// Entities.
    entities_extracted: u64,
    /// Relations.
    relations_extracted: u64,
    /// Collection stored into.
    database_collection: String,
    /// What was stored where.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    storage_summary: Value,
    /// From the first step's start to the end, seconds.
    processing_time_seconds: f64,
    /// The same, under the first guide's name.
    processing_time: f64,
}

/// A webhook of a step event, in the format `dual`. `envelope` leaves out all but `event_type`, `timestamp` and `data`; `flat` and `morag-ui`
/// leave out `event_type` and have the step-specific keys directly in `data`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI")]
pub struct StepWebhook {
    /// Type of the event.
    event_type: String,
    /// When it happened.
    #[schema(format = DateTime)]
    timestamp: String,
    /// The task.
    #[schema(format = Uuid)]
    task_id: String,
    /// The caller's id of the document, or a generated one.
    document_id: String,
    /// Name of the step.
    step: String,
    /// `started`, `completed` or `failed`; of pipelines that allow it also `skipped` or `retrying`.
    status: String,
    /// Overall progress, 0 to 100.
    progress_percent: f64,
    /// `step_failed` and `step_retrying`: why.
    #[schema(nullable = false)]
    error_message: Option<String>,
    /// The same fields again, and the step-specific keys, unnested and under `data.data`.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    data: Value,
}

/// Schemas of the webhook bodies, with their names.
pub fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = Vec::new();
    TaskWebhook::schemas(&mut schemas);
    StepWebhook::schemas(&mut schemas);
    schemas.push((TaskWebhook::name().into_owned(), TaskWebhook::schema()));
    schemas.push((StepWebhook::name().into_owned(), StepWebhook::schema()));
    schemas
}

/// `webhooks` of the OpenAPI document.
pub fn webhooks() -> Paths {
    EVENT_TYPES.into_iter().fold(PathsBuilder::new(), |paths, event| paths.path(event, webhook(event))).build()
}

fn webhook(event: &str) -> PathItem {
    let (schema, what) = match event.starts_with("step_") {
        true => (StepWebhook::name(), "A step"),
        false => (TaskWebhook::name(), "A task"),
    };
    let happened = match event.split_once('_').map(|(_, happened)| happened) {
        Some("progress") => "reached 25, 50 or 75 percent".to_owned(),
        Some("skipped") => "was left out, as the pipeline allows".to_owned(),
        Some("retrying") => "failed and is run again, as the pipeline says".to_owned(),
        Some(happened) => happened.to_owned(),
        None => String::new(),
    };
    let content = Content::new(Some(Ref::from_schema_name(schema)));
    let mut operation = OperationBuilder::new()
        .operation_id(Some(format!("webhook_{event}")))
        .summary(Some(format!("{what} {happened}")))
        .tag("webhooks")
        .request_body(Some(
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build(),
        ))
        .response(
            "2XX",
            ResponseBuilder::new().description("Received. After any other answer the delivery is retried.").build(),
        );
    for (name, description) in HEADERS {
        let header = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(description))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build();
        operation = operation.parameter(header);
    }
    PathItem::new(HttpMethod::Post, operation)
}

/// Headers of a delivery.
const HEADERS: [(&str, &str); 10] = [
    ("X-MoRAG-Event", "Type of the event"),
    ("X-MoRAG-Delivery", "Unique per delivery, the same on its retries"),
    ("X-MoRAG-Sequence", "Number of the delivery within the task and endpoint, from 1"),
    ("X-MoRAG-Attempt", "Number of the attempt, from 1"),
    ("X-MoRAG-Timestamp", "When it was sent, Unix seconds"),
    ("X-MoRAG-Signature", "sha256= and the lower-case hex HMAC-SHA256 of the raw body, where the server has a secret"),
    ("webhook-id", "Standard Webhooks: id of the message"),
    ("webhook-timestamp", "Standard Webhooks: Unix seconds"),
    ("webhook-signature", "Standard Webhooks: v1, and the base64 signature; several while a secret is rotated"),
    ("Authorization", "Bearer and the webhook_auth_token, where one was given"),
];
