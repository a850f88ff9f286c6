//! The error type of the HTTP interface. The public text and the log text are separate fields, so that no text of a store, no
//! path and no secret reaches a caller by accident.

use crate::error_detail::ErrorDetail;
pub use crate::field_error::FieldError;
use crate::field_error::limited;
use crate::words::ErrorType;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use morag_core::JsonObject;
use morag_core::ports::{BlobError, StoreError};
use morag_core::task::TaskId;
use morag_engine::disk::DiskFull;
use morag_input::PROBLEMS_MAX;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// `Retry-After` when something is unavailable or full, seconds: long enough for a restart, short enough for a person who
/// waits.
const RETRY_AFTER_SECONDS: u32 = 5;

/// Longest text of an error, bytes.
const TEXT_BYTES_MAX: usize = 2048;

/// An error response.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Parts>);

/// Boxed, so that the results of handlers stay small.
#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    public: String,
    fields: Vec<FieldError>,
    extra: JsonObject,
    headers: Vec<(HeaderName, HeaderValue)>,
    log: Option<String>,
    is_logged: bool,
}

/// Every error body (`docs/http-api.md#errors`).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// One line for people; for 422 the array of invalid fields.
    #[schema(value_type = ErrorDetail, inline)]
    pub detail: Value,
    /// One line for people.
    pub error: String,
    /// Category of the error: `validation_error`, `authentication_error`, `permission_error`, `not_found`, `conflict`, `too_large`, `rate_limited`,
    /// `unavailable`, `invalid_request` or `internal_error`.
    #[serde(rename = "type")]
    #[schema(value_type = ErrorType)]
    pub kind: String,
    /// Stable and machine readable.
    pub error_code: String,
    /// The same as the header `X-Request-Id`.
    pub request_id: String,
}

impl ApiError {
    /// An error with its status, code and public text.
    pub fn new(status: StatusCode, code: &'static str, public: impl Into<String>) -> Self {
        let (fields, headers) = (Vec::new(), Vec::new());
        Self(Box::new(Parts {
            status,
            code,
            public: limited(public, TEXT_BYTES_MAX),
            fields,
            extra: JsonObject::new(),
            headers,
            log: None,
            is_logged: false,
        }))
    }

    /// 400: the request cannot be read.
    pub fn bad_request(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, public)
    }

    /// 401.
    pub fn unauthorized(public: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::UNAUTHORIZED, "unauthorized", public);
        error.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 404.
    pub fn not_found(public: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", public)
    }

    /// 404 for a task, whether its id is unknown or no id.
    pub fn unknown_task() -> Self {
        Self::new(StatusCode::NOT_FOUND, "task_not_found", "There is no task of this id")
    }

    /// 409.
    pub fn conflict(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, public)
    }

    /// 409 for a document that another task ingested or is ingesting.
    pub fn duplicate_document(holder: TaskId) -> Self {
        let text = format!(
            "The document was ingested by task {holder}: set replace_existing=true to replace it, or choose another document_id"
        );
        Self::conflict("duplicate_document", text).with_extra("task_id", json!(holder))
    }

    /// 413.
    pub fn too_large(max_bytes: u64) -> Self {
        let text = format!("The file is larger than this server takes: at most {max_bytes} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "file_too_large", text)
    }

    /// 422 with the wrong fields, at least one.
    pub fn invalid(mut fields: Vec<FieldError>) -> Self {
        fields.truncate(PROBLEMS_MAX);
        let public = fields.iter().map(|field| field.msg.as_str()).collect::<Vec<_>>().join("; ");
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_error", public);
        error.0.fields = fields;
        error
    }

    /// 429.
    pub fn queue_full() -> Self {
        let text = "Too many tasks are waiting: try again later";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", text).retry_after()
    }

    /// 429 for a caller whose share of the queue is used up.
    pub fn queue_share() -> Self {
        let text = "Your share of the task queue is used up, and the rest is for other callers: try again when some of your tasks have \
                    started";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", text).retry_after()
    }

    /// 503. `log` is only logged.
    pub fn unavailable(log: impl Into<String>) -> Self {
        let text = "The server's storage does not answer: try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text).retry_after().with_log(log)
    }

    /// 507. `log` is only logged.
    pub fn storage_full(log: impl Into<String>) -> Self {
        let text = "The server's storage is full and nothing was changed: try again later, and tell the operator";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", text).retry_after().with_log(log)
    }

    /// 500. `log` is only logged.
    pub fn internal(log: impl Into<String>) -> Self {
        let text = "Internal error: the server's log has the cause under this request_id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", text).with_log(log)
    }

    /// 500: what is stored is damaged. `log` is only logged.
    pub fn data_unreadable(log: impl Into<String>) -> Self {
        let text = "What is stored for this request cannot be read: the server's log has the cause under this request_id. Tell the operator";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "data_unreadable", text).with_log(log)
    }

    /// Adds `Retry-After`.
    #[must_use]
    pub fn retry_after(self) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Adds a text for the log.
    #[must_use]
    pub fn with_log(mut self, log: impl Into<String>) -> Self {
        self.0.log = Some(log.into());
        self
    }

    /// Marks an error whose cause is logged once for all requests that it affects: it is not logged for each of them.
    #[must_use]
    pub fn logged(mut self) -> Self {
        self.0.is_logged = true;
        self
    }

    /// Whether its cause is logged elsewhere.
    pub fn is_logged(&self) -> bool {
        self.0.is_logged
    }

    /// Adds a field to the body.
    #[must_use]
    pub fn with_extra(mut self, key: &str, value: Value) -> Self {
        self.0.extra.insert(key.into(), value);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The error code: stable and machine readable.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The value of `detail`: the wrong fields, else the public text.
    pub fn detail(&self) -> Value {
        match self.0.fields.is_empty() {
            true => json!(self.0.public),
            false => json!(self.0.fields),
        }
    }

    /// Text for the log, where it differs from the public one.
    pub fn log(&self) -> Option<&str> {
        self.0.log.as_deref()
    }

    /// The public text.
    pub fn public(&self) -> &str {
        &self.0.public
    }

    /// An error from a plain answer of the framework, which has only a status and a text.
    pub fn of_status(status: StatusCode, text: &str) -> Self {
        let public = match (text.trim(), status.canonical_reason()) {
            ("", Some(reason)) => reason.to_owned(),
            ("", None) => "The request failed".to_owned(),
            (text, _) => text.to_owned(),
        };
        let code = match status {
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
            StatusCode::UNPROCESSABLE_ENTITY => {
                return Self::invalid(vec![FieldError {
                    loc: vec!["body".into()],
                    msg: public,
                    kind: "value_error".into(),
                }]);
            }
            status if status.is_client_error() => "invalid_request",
            _ => "internal_error",
        };
        Self::new(status, code, public)
    }

    /// The response, with the request's id.
    pub fn render(&self, request_id: &str) -> Response {
        let mut body = JsonObject::new();
        body.insert("detail".into(), self.detail());
        body.insert("error".into(), json!(self.0.public));
        body.insert("type".into(), json!(self.kind()));
        body.insert("error_code".into(), json!(self.0.code));
        body.insert("request_id".into(), json!(request_id));
        body.extend(self.0.extra.clone());
        let mut response = (self.0.status, axum::Json(body)).into_response();
        response.headers_mut().extend(self.0.headers.iter().cloned());
        response
    }

    fn kind(&self) -> &'static str {
        match self.0.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::CONFLICT => "conflict",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNPROCESSABLE_ENTITY => "validation_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limited",
            StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::INSUFFICIENT_STORAGE => "unavailable",
            status if status.is_client_error() => "invalid_request",
            _ => "internal_error",
        }
    }
}

impl IntoResponse for ApiError {
    /// Has only the status and the error: [`super::frame`] renders it, because it has the request's id.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DiskFull> for ApiError {
    fn from(full: DiskFull) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", full.to_string()).retry_after().logged()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error.to_string()),
            StoreError::Full(_) => Self::storage_full(error.to_string()),
            StoreError::Corrupt(_) => Self::data_unreadable(error.to_string()),
        }
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NotFound => Self::new(StatusCode::NOT_FOUND, "file_not_found", "The task has no such file"),
            BlobError::Unavailable(_) => Self::unavailable(error.to_string()),
            BlobError::Full(_) => Self::storage_full(error.to_string()),
        }
    }
}
