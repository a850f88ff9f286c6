//! Whose a bucket is, with the embedded store.
//!
//! A store deletes files of tasks that it does not know. In a folder the lock says that no other process has them; a bucket has none, and a
//! store that was restored for a trial does not know what the real one has accepted since. So the bucket holds the id of its store.
//! The data folder has the same id, which no backup holds: a restored store has another one.

use super::backup::write_durably;
use crate::config::Config;
use anyhow::{Context as _, bail};
use morag_core::ports::{BlobError, BlobPath, Blobs};
use std::fs::File;
use std::io::ErrorKind;

/// Has the store's id, in the data folder.
const ID: &str = "bucket-owner";

/// Is in the data folder where the store is to take the bucket from whichever has it.
pub(super) const TAKE_OVER: &str = "take-over-bucket";

/// Bytes of an id that are read: more than one has.
const ID_BYTES_MAX: u64 = 100;

/// Makes the bucket of the settings, if they name one, this store's own.
///
/// # Errors
/// Where it is another store's, and is not to be taken over; where it or the data folder cannot be read or written.
pub(super) async fn own(config: &Config, blobs: &dyn Blobs) -> anyhow::Result<()> {
    let Some(s3) = &config.s3 else { return Ok(()) };
    let data = &config.data_dir;
    let unusable = || format!("the data folder {} cannot be used", data.display());
    let mine = match std::fs::read_to_string(data.join(ID)) {
        Ok(id) => Some(id),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(unusable),
    };
    let unreachable = || format!("{} cannot be used", s3.url);
    let owner = owner(blobs).await.with_context(unreachable)?;
    let takes_over = data.join(TAKE_OVER).try_exists().with_context(unusable)?;
    if owner.is_some() && owner != mine && !takes_over {
        bail!(
            "{} has the files of another store, which this one would delete: set MORAG_BLOBS_URL to a copy, or to another prefix. If this \
             store takes the place of that one, for good, run `morag restore --take-over-bucket`, or make a file {TAKE_OVER} in {}, \
             and start again",
            s3.url,
            data.display()
        );
    }
    let id = match mine {
        Some(id) => id,
        None => {
            let id = uuid::Uuid::new_v4().to_string();
            write_durably(data, ID, id.as_bytes()).with_context(unusable)?;
            id
        }
    };
    if owner.as_ref() != Some(&id) {
        let write = async {
            let mut file = blobs.create(&BlobPath::owner()).await?;
            file.write(id.into_bytes().into()).await?;
            file.finish().await
        };
        write.await.with_context(unreachable)?;
    }
    if takes_over {
        tracing::warn!("{} is this store's from now on", s3.url);
        let remove = || {
            std::fs::remove_file(data.join(TAKE_OVER))?;
            File::open(data)?.sync_all()
        };
        remove().with_context(unusable)?;
    }
    Ok(())
}

/// The id in the bucket, if it has one.
async fn owner(blobs: &dyn Blobs) -> Result<Option<String>, BlobError> {
    let path = BlobPath::owner();
    let size = match blobs.stat(&path).await {
        Ok(meta) => meta.size,
        Err(BlobError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = blobs.read(&path, 0..size.min(ID_BYTES_MAX)).await?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::Memory;
    use crate::config::Sources;
    use std::path::Path;

    async fn start(data: &Path, bucket: &Memory) -> Result<(), String> {
        let settings = [("MORAG_DATA_DIR", data.to_str().unwrap()), ("MORAG_BLOBS_URL", "s3://documents")];
        let environment = settings.map(|(name, value)| (name.into(), value.into())).into();
        let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
        own(&config, bucket).await.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn a_bucket_has_one_store_until_another_is_told_to_take_it_over() {
        let (real, trial) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bucket = Memory::default();
        for _ in 0..2 {
            assert_eq!(start(real.path(), &bucket).await, Ok(()));
        }
        let said = start(trial.path(), &bucket).await.unwrap_err();
        for part in ["s3://documents has the files of another store", "MORAG_BLOBS_URL", "--take-over-bucket"] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
        assert_eq!(start(real.path(), &bucket).await, Ok(()), "what is refused changes nothing");
        std::fs::write(trial.path().join(TAKE_OVER), "").unwrap();
        for _ in 0..2 {
            assert_eq!(start(trial.path(), &bucket).await, Ok(()));
        }
        assert!(!trial.path().join(TAKE_OVER).exists(), "it counts once");
        assert!(start(real.path(), &bucket).await.is_err());
    }
}
