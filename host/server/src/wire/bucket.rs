//! Whose a bucket is, with the embedded store.
//!
//! A store deletes files of tasks that it does not know. In a folder the lock says that no other process has them; a bucket has none, and a
//! store that was restored for a trial does not know what the real one has accepted since. So the bucket holds the id of its store.
//! The data folder has the same id, which no backup holds: a restored store has another one. A bucket without an owner is the first store's
//! that starts on it, but none that was restored: the one that was backed up may have its files there since before buckets had owners.
//!
//! A running server asks before it deletes anything: the bucket may have been given to another store.

use super::backup::write_durably;
use async_trait::async_trait;
use morag_core::ports::{BlobError, BlobPath, Blobs, Disowned, Ownership};
use morag_engine::config::Config;
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Has the store's id, in the data folder.
const ID: &str = "bucket-owner";

/// Is in the data folder where the store is to take the bucket from whichever has it.
pub(super) const TAKE_OVER: &str = "take-over-bucket";

/// Is in the data folder where the store may take no bucket, not even one without an owner, unless [`TAKE_OVER`] is there: it was restored
/// without a word on that.
pub(super) const LEAVE: &str = "leave-bucket";

/// Bytes of an id that are read: more than one has.
const ID_BYTES_MAX: u64 = 100;

/// The files in the bucket of the settings, of an embedded store.
pub(super) struct BucketFiles {
    url: String,
    data_dir: PathBuf,
    blobs: Arc<dyn Blobs>,
    /// Set once the bucket has it.
    id: OnceLock<String>,
}

impl BucketFiles {
    /// The bucket of the settings, if they name one; nothing is read or written yet.
    pub(super) fn of(config: &Config, blobs: &Arc<dyn Blobs>) -> Option<Self> {
        let url = config.s3.as_ref()?.url.clone();
        Some(Self { url, data_dir: config.data_dir.clone(), blobs: blobs.clone(), id: OnceLock::new() })
    }

    fn unreachable(&self, error: BlobError) -> Disowned {
        Disowned::Unclear(format!("{} cannot be used: {error}", self.url))
    }

    fn unusable(&self, error: Error) -> Disowned {
        Disowned::Unclear(format!("the data folder {} cannot be used: {error}", self.data_dir.display()))
    }

    fn has(&self, name: &str) -> Result<bool, Disowned> {
        self.data_dir.join(name).try_exists().map_err(|error| self.unusable(error))
    }

    /// What it takes to start on the bucket all the same.
    fn advice(&self) -> String {
        format!(
            "Let MORAG_BLOBS_URL name a copy that no other store uses. To make the bucket that it names this store's, for good, run \
             `morag restore --take-over-bucket`, or make a file {TAKE_OVER} in {}, and start again",
            self.data_dir.display()
        )
    }

    /// This store's id, if the data folder has one.
    fn id(&self) -> Result<Option<String>, Disowned> {
        match std::fs::read_to_string(self.data_dir.join(ID)) {
            Ok(id) => Ok(Some(id)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(error)),
        }
    }

    async fn write_owner(&self, id: &str) -> Result<(), BlobError> {
        let mut file = self.blobs.create(&BlobPath::owner()).await?;
        file.write(id.to_owned().into_bytes().into()).await?;
        file.finish().await
    }

    /// Takes away what the restore has said.
    fn forget_restore(&self) -> std::io::Result<()> {
        // The order matters to who is killed in between: it is to take the bucket over again.
        for name in [LEAVE, TAKE_OVER] {
            match std::fs::remove_file(self.data_dir.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        File::open(&self.data_dir)?.sync_all()
    }
}

#[async_trait]
impl Ownership for BucketFiles {
    async fn claim(&self) -> Result<(), Disowned> {
        let mine = self.id()?;
        let owner = owner(&*self.blobs).await.map_err(|error| self.unreachable(error))?;
        let (takes_over, leaves) = (self.has(TAKE_OVER)?, self.has(LEAVE)?);
        let refusal = match &owner {
            _ if takes_over => None,
            Some(_) if owner != mine => Some("has the files of another store, which this one would delete"),
            None if leaves => Some(
                "does not say whose its files are, and this store was restored without --take-over-bucket: it would delete what the store that \
                 was backed up has accepted since",
            ),
            _ => None,
        };
        if let Some(refusal) = refusal {
            return Err(Disowned::Another(format!("{} {refusal}. {}", self.url, self.advice())));
        }
        let id = match mine {
            Some(id) => id,
            None => {
                let id = uuid::Uuid::new_v4().to_string();
                write_durably(&self.data_dir, ID, id.as_bytes()).map_err(|error| self.unusable(error))?;
                id
            }
        };
        if owner.as_ref() != Some(&id) {
            self.write_owner(&id).await.map_err(|error| self.unreachable(error))?;
        }
        if takes_over {
            tracing::warn!("{} is this store's from now on", self.url);
        }
        if takes_over || leaves {
            self.forget_restore().map_err(|error| self.unusable(error))?;
        }
        let _ = self.id.set(id);
        Ok(())
    }

    async fn confirm(&self) -> Result<(), Disowned> {
        match owner(&*self.blobs).await {
            Ok(owner) if owner.is_some() && owner.as_ref() == self.id.get() => Ok(()),
            Ok(_) => Err(Disowned::Another(format!(
                "{} is no more this store's: nothing is deleted from it. Another store has taken it over; stop this server, or let \
                 MORAG_BLOBS_URL name a copy",
                self.url
            ))),
            Err(error) => Err(self.unreachable(error)),
        }
    }
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
    use morag_engine::config::Sources;
    use morag_testkit::MemoryBlobs;
    use std::path::Path;

    fn files(data: &Path, bucket: &Arc<MemoryBlobs>) -> BucketFiles {
        let settings = [("MORAG_DATA_DIR", data.to_str().unwrap()), ("MORAG_BLOBS_URL", "s3://documents")];
        let environment = settings.map(|(name, value)| (name.into(), value.into())).into();
        let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
        BucketFiles::of(&config, &(bucket.clone() as Arc<dyn Blobs>)).unwrap()
    }

    async fn start(data: &Path, bucket: &Arc<MemoryBlobs>) -> Result<(), String> {
        files(data, bucket).claim().await.map_err(|disowned| disowned.to_string())
    }

    #[tokio::test]
    async fn a_bucket_has_one_store_until_another_is_told_to_take_it_over() {
        let (real, trial) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bucket = Arc::default();
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

    #[tokio::test]
    async fn a_server_whose_bucket_was_taken_over_is_told_so_while_it_runs() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bucket = Arc::<MemoryBlobs>::default();
        let (running, successor) = (files(old.path(), &bucket), files(new.path(), &bucket));
        assert!(running.confirm().await.is_err(), "it has not claimed it");
        assert_eq!((running.claim().await, running.confirm().await), (Ok(()), Ok(())));
        std::fs::write(new.path().join(TAKE_OVER), "").unwrap();
        assert_eq!((successor.claim().await, successor.confirm().await), (Ok(()), Ok(())));
        let Err(Disowned::Another(said)) = running.confirm().await else { panic!("it deletes the other's files") };
        assert!(said.contains("s3://documents is no more this store's"), "{said}");
        bucket.files.lock().unwrap().clear();
        assert!(successor.confirm().await.is_err(), "somebody has deleted all that is in the bucket");
    }

    #[tokio::test]
    async fn a_restored_store_takes_no_bucket_that_does_not_say_whose_it_is() {
        let (real, trial) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bucket = Arc::<MemoryBlobs>::default();
        std::fs::write(trial.path().join(LEAVE), "").unwrap();
        let said = start(trial.path(), &bucket).await.unwrap_err();
        for part in ["s3://documents does not say whose", "--take-over-bucket", trial.path().to_str().unwrap()] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
        assert_eq!(bucket.paths(), [] as [String; 0], "what is refused changes nothing");
        assert_eq!(start(real.path(), &bucket).await, Ok(()));
        assert!(start(trial.path(), &bucket).await.is_err());
        std::fs::write(trial.path().join(TAKE_OVER), "").unwrap();
        assert_eq!(start(trial.path(), &bucket).await, Ok(()));
        assert!(!trial.path().join(LEAVE).exists() && !trial.path().join(TAKE_OVER).exists(), "they count once");
    }
}
