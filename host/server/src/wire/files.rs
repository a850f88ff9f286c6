//! Where files are kept.

use crate::config::Config;
use anyhow::Context as _;
use morag_adapters::blobs::{ObjectBlobs, S3Settings};

/// Opens the bucket, or the folder in the data folder.
pub(super) fn open(config: &Config) -> anyhow::Result<ObjectBlobs> {
    let Some(s3) = &config.s3 else { return Ok(ObjectBlobs::local(config.data_dir.join(super::backup::FILES))?) };
    let settings = S3Settings {
        endpoint: s3.endpoint.clone(),
        region: s3.region.clone(),
        access_key_id: s3.access_key_id.clone(),
        secret_access_key: s3.secret_access_key.clone(),
    };
    ObjectBlobs::s3(&s3.url, settings).context("MORAG_BLOBS_URL cannot be used")
}
