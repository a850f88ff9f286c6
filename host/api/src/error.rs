//! The one error of the HTTP interface. What callers see and what the log says are apart: no text of a store, a path or a
//! secret can reach a caller by accident.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use morag_core::ports::{BlobError, StoreError};
use morag_core::task::TaskId;
use morag_core::{JsonObject, cut, shown};
use morag_engine::disk::DiskFull;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Seconds after which a caller should try again when something is away or full: long enough for a restart, short enough
/// for a person who waits.
const RETRY_AFTER_SECONDS: u32 = 5;

/// Wrong fields that one answer names: as many as the contract has, and who has mended these learns of the next.
pub const FIELDS_SHOWN_MAX: usize = 32;

/// Longest text of one wrong field, bytes: what it repeats of the request is cut where it is written (`morag_core::shown`), and
/// this is for what nobody thought of.
const FIELD_TEXT_BYTES_MAX: usize = 1024;

/// Longest text of an error, bytes; likewise.
const TEXT_BYTES_MAX: usize = 2048;

fn said(text: impl Into<String>, bytes_max: usize) -> String {
    let text = text.into();
    if text.len() <= bytes_max { text } else { cut(&text, bytes_max).into_owned() }
}

/// One wrong field of a request, as FastAPI writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where: `body`, `query` or `header`, then the name.
    pub loc: Vec<String>,
    /// What is wrong and what is allowed.
    pub msg: String,
    /// `missing` or `value_error`.
    #[serde(rename = "type")]
    pub kind: String,
}

impl FieldError {
    /// A field of the body that is not as it must be.
    pub fn body(name: &str, msg: impl Into<String>) -> Self {
        Self {
            loc: vec!["body".into(), shown(name).into()],
            msg: said(msg, FIELD_TEXT_BYTES_MAX),
            kind: "value_error".into(),
        }
    }

    /// A parameter of the query that is not as it must be.
    pub fn query(name: &str, msg: impl Into<String>) -> Self {
        Self {
            loc: vec!["query".into(), shown(name).into()],
            msg: said(msg, FIELD_TEXT_BYTES_MAX),
            kind: "value_error".into(),
        }
    }

    /// A field of the body that is not there.
    pub fn missing(name: &str) -> Self {
        let (loc, msg) = (vec!["body".into(), name.into()], format!("{name} is required"));
        Self { loc, msg, kind: "missing".into() }
    }
}

/// An answer other than success.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Parts>);

/// Boxed, so that a result of a handler stays small.
#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    public: String,
    fields: Vec<FieldError>,
    extra: JsonObject,
    headers: Vec<(HeaderName, HeaderValue)>,
    log: Option<String>,
    is_told: bool,
}

/// Every error body (`docs/http-api.md#errors`).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// One line for people; for 422 the array of fields that are wrong.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// One line for people.
    pub error: String,
    /// Group of the error: `validation_error`, `authentication_error`, `permission_error`, `not_found`, `conflict`, `too_large`, `rate_limited`,
    /// `unavailable`, `invalid_request` or `internal_error`.
    #[serde(rename = "type")]
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
            public: said(public, TEXT_BYTES_MAX),
            fields,
            extra: JsonObject::new(),
            headers,
            log: None,
            is_told: false,
        }))
    }

    /// 400: the request cannot be understood.
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

    /// 404 for a task, whatever was given as its id.
    pub fn unknown_task() -> Self {
        Self::new(StatusCode::NOT_FOUND, "task_not_found", "There is no task of this id")
    }

    /// 409.
    pub fn conflict(code: &'static str, public: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, public)
    }

    /// 409 for a document that another task has or is ingesting.
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

    /// 422 with the fields that are wrong; at least one.
    pub fn invalid(mut fields: Vec<FieldError>) -> Self {
        fields.truncate(FIELDS_SHOWN_MAX);
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

    /// 429 for a caller who has as much of the queue as it leaves to the others.
    pub fn queue_share() -> Self {
        let text = "As many of your tasks are waiting as there is room left in the queue, which is for the other callers: try \
                    again when some of yours have begun";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "queue_full", text).retry_after()
    }

    /// 503. The reason is for the log alone.
    pub fn unavailable(log: impl Into<String>) -> Self {
        let text = "The server's storage does not answer: try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", text).retry_after().with_log(log)
    }

    /// 507. The reason is for the log alone.
    pub fn storage_full(log: impl Into<String>) -> Self {
        let text = "The server's storage is full and nothing was changed: try again later, and tell the operator";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full", text).retry_after().with_log(log)
    }

    /// 500. The reason is for the log alone.
    pub fn internal(log: impl Into<String>) -> Self {
        let text = "Something went wrong in the server: its log has the reason under this request_id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", text).with_log(log)
    }

    /// Tells the caller when to try again.
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

    /// The log has its cause already, once for all requests that it refuses: so none of them is an error of its own there.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.0.is_told = true;
        self
    }

    /// Whether the log has its cause already.
    pub fn is_told(&self) -> bool {
        self.0.is_told
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

    /// Stable and machine readable.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What `detail` says: the fields that are wrong, else one line for people.
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

    /// An error as a framework's plain answer says it: only its status and text are known.
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

    /// The answer, with the request's id in it.
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
    /// Only the status and the error itself: [`super::frame`] renders it, for it knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DiskFull> for ApiError {
    fn from(full: DiskFull) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", full.to_string()).retry_after().told()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error.to_string()),
            StoreError::Full(_) => Self::storage_full(error.to_string()),
            StoreError::Corrupt(_) => Self::internal(error.to_string()),
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
