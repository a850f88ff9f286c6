//! Reading a multipart form. The file is stored while it arrives; the other fields are few and small.

use super::field_value::{FIELD_BYTES_MAX, ITEMS_MAX, too_long};
use super::fields::Fields;
use super::file_name;
use super::form_guard::{Guarded, Unbounded};
use super::origin::Origin;
use super::upload::{StoredFile, Upload};
use crate::Api;
use crate::ApiError;
use crate::error::FieldError;
use crate::quota;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use futures::TryStreamExt as _;
use morag_core::shown;
use morag_core::task::reduced_file_name;
use morag_engine::ORPHAN_AGE;
use multer::{Field, Multipart};
use std::collections::BTreeMap;
use std::time::Duration;

/// Most fields: the contract has about two dozen, and a file and its metadata for each item of a batch.
const FIELDS_MAX: usize = 64 + 2 * ITEMS_MAX;

/// Longest name of a field: the contract's longest has some 20 characters.
const NAME_BYTES_MAX: usize = 256;

/// Limit of all fields but files together, bytes: that of a JSON body. They are in memory until the form is complete.
const TEXTS_BYTES_MAX: usize = 4 << 20;

/// How far a field that is too long is read, bytes, so that the error can say its length.
const TOO_LONG_READ_MAX: usize = 1 << 20;

/// Longest boundary: RFC 2046 has 70 characters.
const BOUNDARY_BYTES_MAX: usize = 256;

/// Bytes that a body may have beyond the file: every field at its largest, and the headers of the parts.
pub const SLACK_BYTES: u64 = (FIELD_BYTES_MAX * FIELDS_MAX) as u64 + (1 << 20);

/// A form that was read.
pub struct Form {
    /// The fields but the file.
    pub fields: BTreeMap<String, String>,
    /// The file.
    pub file: Option<StoredFile>,
    /// Owner of the stored file.
    pub upload: Upload,
    /// Files of a batch, one for each task.
    pub batch: Vec<(StoredFile, Upload)>,
}

impl Form {
    /// The fields merged, the file, and the owner of the stored file.
    pub fn into_parts(self) -> (Fields, Option<StoredFile>, Upload) {
        (Fields::merge(self.fields), self.file, self.upload)
    }

    /// The same for a route that takes one file and nothing else.
    pub fn into_file_parts(self) -> (Fields, Option<StoredFile>, Upload) {
        let has_files = !self.batch.is_empty();
        let (mut fields, file, upload) = self.into_parts();
        fields.must_ingest();
        fields.take_none_of(&["url"]);
        if has_files {
            fields.refuse_unknown("batch_files");
        }
        (fields, file, upload)
    }
}

/// Longest time of a form. The janitor deletes files without a task at [`ORPHAN_AGE`]: a form that took as long could lose its
/// file to the janitor of another process while its task is being accepted.
const TIME_MAX: Duration = Duration::from_secs(ORPHAN_AGE.as_secs() / 2);

/// Reads a form. Its files are deleted if this fails, or when the form is dropped.
///
/// # Errors
/// 400 and 422 for a form that cannot be read, 403 and 413 for one that is too large, 408 for a slow one, 503 and 507 of the storage.
pub async fn read(app: &Api, origin: &Origin, request: Request) -> Result<Form, ApiError> {
    let slow = |_| {
        let text = format!("The form took longer than {} seconds", TIME_MAX.as_secs());
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "upload_too_slow", text)
    };
    tokio::time::timeout(TIME_MAX, read_all(app, origin, request)).await.map_err(slow)?
}

async fn read_all(app: &Api, origin: &Origin, request: Request) -> Result<Form, ApiError> {
    app.disk.check().await?;
    let max_bytes = app.config.max_upload_size_bytes;
    let declared =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > max_bytes.saturating_add(SLACK_BYTES)) {
        return Err(ApiError::too_large(max_bytes));
    }
    let (caller, may_be_known) = (&origin.caller, origin.idempotency_key.is_some());
    if !may_be_known {
        // Bytes beyond the slack belong to files.
        let files = declared.unwrap_or(0).saturating_sub(SLACK_BYTES);
        let uploading = app.fair.uploads.of(caller.tenant());
        quota::check_stored_bytes(app, caller, uploading.saturating_add(files)).await?;
    }
    let mut multipart = open(request, max_bytes.saturating_add(SLACK_BYTES))?;
    let mut form =
        Form { fields: BTreeMap::new(), file: None, upload: Upload::new(app, caller, may_be_known), batch: Vec::new() };
    let mut texts = 0;
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error, max_bytes))? {
        let name = name(&field)?;
        match (name.as_str(), field.file_name()) {
            ("file", Some(file_name)) if !file_name.trim().is_empty() => {
                if form.file.is_some() {
                    return Err(refused("file", "give one file: several are a batch"));
                }
                form.file = Some(store(&mut form.upload, field, max_bytes).await?);
            }
            ("batch_files" | "batch_files[]", Some(file_name)) if !file_name.trim().is_empty() => {
                if form.batch.len() == ITEMS_MAX {
                    return Err(refused("batch_files", &format!("a batch has at most {ITEMS_MAX} items")));
                }
                let mut upload = Upload::new(app, caller, may_be_known);
                let file = store(&mut upload, field, max_bytes).await?;
                form.batch.push((file, upload));
            }
            // A file input without a chosen file.
            ("file" | "batch_files" | "batch_files[]", None) => {}
            (_, Some(file_name)) if file_name.trim().is_empty() => {}
            (_, Some(_)) => {
                let near = morag_input::nearest(&name, ["file", "batch_files"].into_iter()).unwrap_or("file");
                let msg = format!("{} is not known here: send a file as {near}", shown(&name));
                return Err(ApiError::invalid(vec![FieldError::unknown(&name, msg)]));
            }
            _ => {
                let value = text(field, &name, max_bytes).await?;
                texts += value.len();
                if texts > TEXTS_BYTES_MAX {
                    let msg = format!("the fields but the file have more than {TEXTS_BYTES_MAX} bytes together");
                    return Err(refused("form", &msg));
                }
                add(&mut form.fields, name, &value);
            }
        }
    }
    Ok(form)
}

/// Lists that may come as several fields of a name, with what stands between the elements in one: OpenAPI writes the lists of a form so.
const LISTS: [(&str, &str); 3] = [("webhook_events", ","), ("page_range", ","), ("batch_urls", "\n")];

/// Adds a field. The last of a name counts, but for lists, of which each is an element.
fn add(fields: &mut BTreeMap<String, String>, name: String, value: &str) {
    let between = LISTS.iter().find(|(list, _)| *list == name).map(|(_, between)| *between);
    match (fields.get_mut(&name), between) {
        (Some(list), Some(between)) => {
            list.push_str(between);
            list.push_str(value);
        }
        _ => {
            fields.insert(name, value.to_owned());
        }
    }
}

/// Stores the file of a part while it is read.
async fn store(upload: &mut Upload, field: Field<'static>, max_bytes: u64) -> Result<StoredFile, ApiError> {
    let file_name = reduced_file_name(field.file_name().unwrap_or_default());
    let media_type = file_name::media_type(field.content_type().map(AsRef::as_ref), &file_name);
    let pieces = field.map_err(|error| broken(&error, max_bytes));
    upload.store(file_name, media_type, pieces, max_bytes).await
}

/// The parser of a form's parts, behind a guard that limits what the parser buffers.
pub fn open(request: Request, bytes_max: u64) -> Result<Multipart<'static>, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = content_type.and_then(|text| multer::parse_boundary(text).ok());
    let boundary = boundary.filter(|boundary| (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()));
    let boundary = boundary.ok_or_else(not_multipart)?;
    let body = Guarded::new(request.into_body().into_data_stream(), &boundary, FIELDS_MAX, bytes_max);
    Ok(Multipart::new(body, boundary))
}

/// The name of a part.
///
/// # Errors
/// 422 for a name that is too long.
pub fn name(field: &Field<'_>) -> Result<String, ApiError> {
    let name = field.name().unwrap_or_default();
    if name.len() > NAME_BYTES_MAX {
        let (shown, bytes) = (shown(name), name.len());
        let msg = format!("the field {shown} has a name of {bytes} bytes: at most {NAME_BYTES_MAX} are taken");
        return Err(refused("form", &msg));
    }
    Ok(name.to_owned())
}

/// The text of a part without a file.
///
/// # Errors
/// 422 for a text that is too long or not UTF-8, and those of [`broken`].
pub async fn text(mut field: Field<'static>, name: &str, max_bytes: u64) -> Result<String, ApiError> {
    let (mut value, mut bytes) = (Vec::new(), 0);
    while let Some(piece) = field.chunk().await.map_err(|error| broken(&error, max_bytes))? {
        bytes += piece.len();
        if bytes <= FIELD_BYTES_MAX {
            value.extend_from_slice(&piece);
        } else if bytes > TOO_LONG_READ_MAX {
            let msg = too_long(name, &format!("more than {TOO_LONG_READ_MAX}"), FIELD_BYTES_MAX);
            return Err(refused(name, &msg));
        }
    }
    if bytes > FIELD_BYTES_MAX {
        return Err(refused(name, &too_long(name, &bytes.to_string(), FIELD_BYTES_MAX)));
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

/// The error of a body that ends early, is not a valid form, or is too large.
pub fn broken(error: &multer::Error, max_bytes: u64) -> ApiError {
    let cause = match error {
        multer::Error::StreamReadFailed(cause) => cause.downcast_ref::<Unbounded>(),
        _ => None,
    };
    match cause {
        Some(Unbounded::Whole) => ApiError::too_large(max_bytes),
        Some(parts @ Unbounded::Parts(_)) => refused("form", &parts.to_string()),
        Some(unbounded) => ApiError::bad_request("invalid_multipart", unbounded.to_string()),
        None => {
            let text = "The form cannot be read: it ends early or is not valid multipart/form-data";
            ApiError::bad_request("invalid_multipart", text).with_log(shown(&error.to_string()))
        }
    }
}
