//! Items that only the fuzz targets (`fuzz/`) use: compiled with `--cfg fuzzing`.

pub use crate::submit::batch::items as items_of_json;
pub use crate::submit::field_value::FieldObject;
pub use crate::submit::fields::Fields;
pub use crate::submit::form_batch::items as items_of_form;
pub use crate::submit::form_guard::{Guarded, Unbounded};
pub use crate::submit::items::Item;
pub use crate::submit::spec::TaskSpec;

use crate::ApiError;
use crate::submit::form;
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
