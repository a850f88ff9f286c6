//! A batch in a form: `items`, `batch_urls`, `batch_files` and `batch_metadata_N`.

use super::field_value::ITEMS_MAX;
use super::fields::Fields;
use super::items::Item;
use super::upload::{StoredFile, Upload};
use super::{batch, digest};
use crate::ApiError;
use crate::error::FieldError;
use serde_json::json;

/// The digest of the request and the items of a form, URLs before files. Fields that are not the batch's are defaults of each item.
///
/// # Errors
/// 422 without items, with too many, or with fields that are invalid.
pub fn items(mut fields: Fields, files: Vec<(StoredFile, Upload)>) -> Result<(String, Vec<Item>), ApiError> {
    let contents: Vec<_> = files.iter().map(|(file, _)| json!([file.file_name, file.sha256])).collect();
    let digest = digest::without_file(&fields, &json!(contents));
    let (given, urls) = (fields.take("items"), urls(&mut fields));
    let metadata: Vec<_> = (0..ITEMS_MAX).map(|index| fields.take(&format!("batch_metadata_{index}"))).collect();
    // The field of a single document: items have URLs of their own, or are files.
    fields.take("url");
    fields.check_names();
    if !fields.is_sound() {
        return Err(ApiError::invalid(fields.into_errors()));
    }
    let count = urls.len() + files.len();
    let mut items = match given {
        None if count == 0 => return Err(ApiError::invalid(vec![FieldError::missing("items")])),
        None => Vec::new(),
        given => batch::items(given, &fields)?,
    };
    if items.len() + count > ITEMS_MAX {
        let msg = format!("a batch has at most {ITEMS_MAX} items, and this one has {}", items.len() + count);
        return Err(ApiError::invalid(vec![FieldError::body("items", msg)]));
    }
    items.extend(urls.into_iter().map(|url| {
        let mut own = Fields::default();
        own.put("url", url.into());
        own.default_to(&fields);
        Item::Url(own)
    }));
    items.extend(files.into_iter().map(|file| {
        let mut own = Fields::default();
        own.default_to(&fields);
        Item::File(own, Box::new(file))
    }));
    for (item, metadata) in items.iter_mut().zip(metadata) {
        if let (Item::Url(fields) | Item::File(fields, ..), Some(metadata)) = (item, metadata) {
            fields.put("metadata", metadata);
        }
    }
    Ok((digest, items))
}

/// The URLs of `batch_urls`: a JSON array or its text, else one a line. Commas do not separate: a URL can contain one.
fn urls(fields: &mut Fields) -> Vec<String> {
    let Some(given) = fields.take("batch_urls") else { return Vec::new() };
    let list = match given.as_str() {
        Some(text) if !text.trim_start().starts_with('[') => {
            Some(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
        }
        _ => given.read(),
    };
    list.unwrap_or_else(|| {
        fields.refuse("batch_urls", "batch_urls must be a JSON array of URLs, or one URL a line");
        Vec::new()
    })
}
