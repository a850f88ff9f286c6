//! What the fuzz targets (`fuzz/`) call of this crate that nobody else may: it is there with `--cfg fuzzing` alone.

pub use crate::api::submit::batch::items as items_of_json;
pub use crate::api::submit::fields::Fields;
pub use crate::api::submit::form_batch::items as items_of_form;
pub use crate::api::submit::form_guard::{Guarded, Unbounded};
pub use crate::api::submit::given::GivenObject;
pub use crate::api::submit::items::Item;
pub use crate::api::submit::wish::Wish;
pub use crate::endpoints::{draft, headers};
pub use crate::sse::SseParser;

use crate::api::ApiError;
use crate::api::submit::form;
use crate::config::{Config, ConfigError, Sources};
use std::collections::BTreeMap;

/// Reads a form as a submission's is read, but keeps no file: the fields, and how many bytes the files have.
pub async fn read_form(
    request: axum::extract::Request,
    bytes_max: u64,
) -> Result<(BTreeMap<String, String>, u64), ApiError> {
    let mut parts = form::open(request, bytes_max)?;
    let (mut fields, mut bytes) = (BTreeMap::new(), 0);
    while let Some(mut part) = parts.next_field().await.map_err(|error| form::broken(&error, bytes_max))? {
        let name = form::name(&part)?;
        if part.file_name().is_none() {
            let text = form::text(part, &name, bytes_max).await?;
            fields.insert(name, text);
            continue;
        }
        while let Some(piece) = part.chunk().await.map_err(|error| form::broken(&error, bytes_max))? {
            bytes += piece.len() as u64;
        }
    }
    Ok((fields, bytes))
}

/// Reads a `morag.toml` of this text, beside an environment.
pub fn config(text: &str, environment: BTreeMap<String, String>) -> Result<Config, ConfigError> {
    Config::of(&Sources { environment, ..Sources::default() }, Some(text))
}
