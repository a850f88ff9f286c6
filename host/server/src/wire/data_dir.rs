//! The data folder: made, and locked where one process alone may use it.

use anyhow::Context as _;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Makes the folder, for its owner alone.
pub(super) fn make(data_dir: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.with_context(|| unusable(data_dir))
}

/// Makes the folder this process's own, until the lock is dropped: two processes on one embedded store would not wake each
/// other, and each would take the other's leases for those of the dead.
pub(super) fn lock(data_dir: &Path) -> anyhow::Result<File> {
    make(data_dir)?;
    let file = File::create(data_dir.join("lock")).with_context(|| unusable(data_dir))?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!("another server uses the data folder {}: stop it, or set MORAG_DATA_DIR", data_dir.display())
    })?;
    Ok(file)
}

fn unusable(data_dir: &Path) -> String {
    format!("the data folder {} cannot be used: set MORAG_DATA_DIR", data_dir.display())
}
