//! Opens the file storage: a bucket, or a folder in the data folder.

use super::backup::FILES;
use super::bucket::BucketFiles;
use super::redis_files::RedisFiles;
use super::stores;
use anyhow::Context as _;
use morag_adapters::blobs::{ObjectBlobs, S3Settings};
use morag_adapters::disk::FolderDisk;
use morag_adapters::store::redis::RedisStore;
use morag_core::ports::{Blobs, Disk, Ownership, Sole};
use morag_engine::config::Config;
use std::sync::Arc;

/// Free space on the disks that the process writes to: those of the embedded store and of files in a folder.
pub(super) fn disk(config: &Config) -> Option<Arc<dyn Disk>> {
    let store = config.redis.is_none().then(|| config.data_dir.clone());
    // Another file system may be mounted there.
    let files = in_folder(config).then(|| config.data_dir.join(FILES));
    let folders: Vec<_> = store.into_iter().chain(files).collect();
    (!folders.is_empty()).then(|| Arc::new(FolderDisk::new(folders)) as Arc<dyn Disk>)
}

/// Opens the configured bucket or the folder in the data folder.
pub(super) fn open(config: &Config) -> anyhow::Result<ObjectBlobs> {
    let Some(s3) = &config.s3 else { return Ok(ObjectBlobs::local(config.data_dir.join(FILES))?) };
    let settings = S3Settings {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        access_key_id: s3.access_key_id.clone(),
        secret_access_key: s3.secret_access_key.clone(),
    };
    ObjectBlobs::s3(&s3.url, settings).context("invalid MORAG_BLOBS_URL")
}

/// Whether this process stores files in the data folder.
pub(super) fn in_folder(config: &Config) -> bool {
    config.s3.is_none() && config.roles.use_files()
}

/// The check that the files belong to this store. `store` is the Redis store, if it is used.
pub(super) fn ownership(
    config: &Config,
    blobs: &Arc<dyn Blobs>,
    store: Option<Arc<RedisStore>>,
) -> anyhow::Result<Arc<dyn Ownership>> {
    let (Some(store), Some(redis)) = (store, &config.redis) else {
        return Ok(match BucketFiles::of(config, blobs) {
            Some(bucket) => Arc::new(bucket),
            None => Arc::new(Sole),
        });
    };
    if !in_folder(config) {
        return Ok(Arc::new(Sole));
    }
    let mut address = stores::url(redis)?.to_string();
    if !redis.key_prefix.is_empty() {
        address = format!("{address}, prefix {}", redis.key_prefix);
    }
    Ok(Arc::new(RedisFiles::new(config.data_dir.clone(), address, store)))
}
