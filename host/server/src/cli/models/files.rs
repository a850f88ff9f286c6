//! The files of a model that have arrived in a folder, and how long they may take to arrive.

use morag_ocr::KnownModel;
use std::path::Path;
use std::time::Duration;

/// Time to download a model: 60 MB over a slow line.
pub(super) const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(600);

/// The files of a model in a folder, checked.
pub(super) fn in_folder(model: &KnownModel, folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    Ok(model.files().iter().map(|file| file.read(folder)).collect::<Result<_, _>>()?)
}
