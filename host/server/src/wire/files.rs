//! Where files are kept.

use super::backup::FILES;
use crate::config::Config;
use crate::disk::DiskReserve;
use anyhow::Context as _;
use morag_adapters::blobs::{ObjectBlobs, S3Settings};
use morag_adapters::disk::FolderDisk;
use morag_core::ports::Disk;
use std::sync::Arc;

/// The room on the disks that the process writes to: of the embedded store, and of files in a folder.
pub(super) fn disk(config: &Config) -> DiskReserve {
    let store = config.redis.is_none().then(|| config.data_dir.clone());
    // A file system of its own may be mounted there.
    let files = (config.s3.is_none() && config.roles.use_files()).then(|| config.data_dir.join(FILES));
    let folders: Vec<_> = store.into_iter().chain(files).collect();
    let disk = (!folders.is_empty()).then(|| Arc::new(FolderDisk::new(folders)) as Arc<dyn Disk>);
    DiskReserve::new(disk, config.disk_free_min)
}

/// Opens the bucket, or the folder in the data folder.
pub(super) fn open(config: &Config) -> anyhow::Result<ObjectBlobs> {
    let Some(s3) = &config.s3 else { return Ok(ObjectBlobs::local(config.data_dir.join(FILES))?) };
    let settings = S3Settings {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        access_key_id: s3.access_key_id.clone(),
        secret_access_key: s3.secret_access_key.clone(),
    };
    ObjectBlobs::s3(&s3.url, settings).context("MORAG_BLOBS_URL cannot be used")
}
