//! Reading a multipart form: the file goes to the storage as it comes, the other fields are few and small.

use super::items::ITEMS_MAX;
use super::upload::{StoredFile, Upload};
use crate::App;
use crate::api::ApiError;
use crate::api::error::FieldError;
use crate::engine::ORPHAN_AGE;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{StatusCode, header};
use std::collections::BTreeMap;
use std::time::Duration;

/// Largest value of a field that is not the file: room for long metadata, too little to hurt.
const FIELD_BYTES_MAX: usize = 64 * 1024;

/// Most fields: the contract names about two dozen, and for each item of a batch a file and its metadata.
const FIELDS_MAX: usize = 64 + 2 * ITEMS_MAX;

/// What a body may have beyond the file: every field at its largest, and the parts' own headers.
pub const SLACK_BYTES: u64 = (FIELD_BYTES_MAX * FIELDS_MAX) as u64 + (1 << 20);

/// A form, read.
pub struct Form {
    /// The fields but the file.
    pub fields: BTreeMap<String, String>,
    /// The file.
    pub file: Option<StoredFile>,
    /// Owns what was stored.
    pub upload: Upload,
    /// Files of a batch, each for a task of its own.
    pub batch: Vec<(StoredFile, Upload)>,
}

/// Longest time a form may take. Files that no task owns are taken for left behind at [`ORPHAN_AGE`]: a form that took as
/// long could lose its file to the janitor of another process just while its task is being accepted.
const TIME_MAX: Duration = Duration::from_secs(ORPHAN_AGE.as_secs() / 2);

/// Reads a form. The storage is emptied again when it fails, or when the form is dropped.
pub async fn read(app: &App, request: Request) -> Result<Form, ApiError> {
    let slow = |_| {
        let text = format!("The form took longer than {} seconds", TIME_MAX.as_secs());
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "upload_too_slow", text)
    };
    tokio::time::timeout(TIME_MAX, read_all(app, request)).await.map_err(slow)?
}

async fn read_all(app: &App, request: Request) -> Result<Form, ApiError> {
    app.disk.check().await?;
    let max_bytes = app.config.max_upload_size_bytes;
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > max_bytes.saturating_add(SLACK_BYTES)) {
        return Err(ApiError::too_large(max_bytes));
    }
    let mut multipart = Multipart::from_request(request, &()).await.map_err(|_| not_multipart())?;
    let mut form = Form { fields: BTreeMap::new(), file: None, upload: Upload::new(app), batch: Vec::new() };
    let mut count = 0;
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error, max_bytes))? {
        count += 1;
        if count > FIELDS_MAX {
            return Err(refused("form", &format!("the form has more than {FIELDS_MAX} fields")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        match (name.as_str(), field.file_name()) {
            ("file", Some(file_name)) if !file_name.trim().is_empty() => {
                if form.file.is_some() {
                    return Err(refused("file", "give one file: several are a batch"));
                }
                form.file = Some(form.upload.store(field, max_bytes).await?);
            }
            ("batch_files" | "batch_files[]", Some(file_name)) if !file_name.trim().is_empty() => {
                if form.batch.len() == ITEMS_MAX {
                    return Err(refused("batch_files", &format!("a batch has at most {ITEMS_MAX} items")));
                }
                let mut upload = Upload::new(app);
                let file = upload.store(field, max_bytes).await?;
                form.batch.push((file, upload));
            }
            // A file input in which nothing was chosen; and files that nobody asked for.
            ("file", _) | (_, Some(_)) => {}
            _ => {
                let value = text(field, &name, max_bytes).await?;
                form.fields.insert(name, value);
            }
        }
    }
    Ok(form)
}

async fn text(mut field: Field<'_>, name: &str, max_bytes: u64) -> Result<String, ApiError> {
    let mut value = Vec::new();
    while let Some(bytes) = field.chunk().await.map_err(|error| broken(&error, max_bytes))? {
        if value.len() + bytes.len() > FIELD_BYTES_MAX {
            return Err(refused(name, &format!("{name} is longer than {FIELD_BYTES_MAX} bytes")));
        }
        value.extend_from_slice(&bytes);
    }
    String::from_utf8(value).map_err(|_| refused(name, &format!("{name} must be UTF-8 text")))
}

fn refused(name: &str, msg: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::body(name, msg)])
}

fn not_multipart() -> ApiError {
    let msg = "the body must be a form: send Content-Type multipart/form-data with a boundary";
    ApiError::invalid(vec![FieldError { loc: vec!["body".into()], msg: msg.into(), kind: "value_error".into() }])
}

/// The body ended early, is no valid form, or is too large.
pub fn broken(error: &MultipartError, max_bytes: u64) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(max_bytes),
        _ => {
            let text = "The form cannot be read: it ends early or is not valid multipart/form-data";
            ApiError::bad_request("invalid_multipart", text).with_log(error.body_text())
        }
    }
}
