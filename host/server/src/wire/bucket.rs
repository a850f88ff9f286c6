//! Ownership of a bucket, with the embedded store.
//!
//! A store deletes files whose tasks it does not know. A folder is protected by its lock, but a bucket has no lock, and a store
//! that was restored for a trial does not know the tasks that the original has accepted since. So the bucket contains the id of
//! its store. The data folder contains the same id, which backups leave out, so a restored store gets a new one. A bucket
//! without an owner goes to the first store that starts on it, except to a restored one: the original may have used the bucket
//! since before buckets had owners.
//!
//! A running server confirms the ownership before it deletes anything, because another store may have taken the bucket over.

use super::backup::write_durably;
use async_trait::async_trait;
use morag_core::ports::{BlobError, BlobPath, Blobs, Disowned, Ownership};
use morag_engine::config::Config;
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// File in the data folder with the store's id.
const ID: &str = "bucket-owner";

/// Marker file in the data folder: the store takes the bucket over from any other owner.
pub(super) const TAKE_OVER: &str = "take-over-bucket";

/// Marker file in the data folder of a restored store: it takes no bucket, not even one without an owner, unless [`TAKE_OVER`]
/// exists too.
pub(super) const LEAVE: &str = "leave-bucket";

/// Most bytes of an id to read: more than an id has.
const ID_BYTES_MAX: u64 = 100;

/// Ownership of the files in the configured bucket, for the embedded store.
pub(super) struct BucketFiles {
    url: String,
    data_dir: PathBuf,
    blobs: Arc<dyn Blobs>,
    /// The store's id; set once the bucket contains it.
    id: OnceLock<String>,
}

impl BucketFiles {
    /// The configured bucket, if there is one. Does no I/O.
    pub(super) fn of(config: &Config, blobs: &Arc<dyn Blobs>) -> Option<Self> {
        let url = config.s3.as_ref()?.url.clone();
        Some(Self { url, data_dir: config.data_dir.clone(), blobs: blobs.clone(), id: OnceLock::new() })
    }

    fn unreachable(&self, error: BlobError) -> Disowned {
        Disowned::Unclear(format!("cannot access {}: {error}", self.url))
    }

    fn unusable(&self, error: Error) -> Disowned {
        Disowned::Unclear(format!("cannot access the data folder {}: {error}", self.data_dir.display()))
    }

    fn has(&self, name: &str) -> Result<bool, Disowned> {
        self.data_dir.join(name).try_exists().map_err(|error| self.unusable(error))
    }

    /// How to start nevertheless.
    fn advice(&self) -> String {
        format!(
            "Set MORAG_BLOBS_URL to a copy that no other store uses. To make this store the owner of the bucket permanently, use \
             `morag restore --take-over-bucket`, or create a file {TAKE_OVER} in {} and start again",
            self.data_dir.display()
        )
    }

    /// This store's id, if the data folder contains one.
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

    /// Removes the markers of the restore.
    fn remove_markers(&self) -> std::io::Result<()> {
        // In this order, so that a process killed in between takes the bucket over again at its next start.
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
            Some(_) if owner != mine => Some("contains the files of another store, which this store would delete"),
            None if leaves => Some(
                "has no recorded owner, and this store was restored without --take-over-bucket: it would delete the files that \
                 the original store has accepted since the backup",
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
            tracing::warn!(bucket = %self.url, "this store has taken the bucket over");
        }
        if takes_over || leaves {
            self.remove_markers().map_err(|error| self.unusable(error))?;
        }
        let _ = self.id.set(id);
        Ok(())
    }

    async fn confirm(&self) -> Result<(), Disowned> {
        match owner(&*self.blobs).await {
            Ok(owner) if owner.is_some() && owner.as_ref() == self.id.get() => Ok(()),
            Ok(_) => Err(Disowned::Another(format!(
                "{} no longer belongs to this store, so nothing is deleted from it: another store has taken it over. Stop this \
                 server, or set MORAG_BLOBS_URL to a copy",
                self.url
            ))),
            Err(error) => Err(self.unreachable(error)),
        }
    }
}

/// The id in the bucket, if it contains one.
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
        for part in ["s3://documents contains the files of another store", "MORAG_BLOBS_URL", "--take-over-bucket"] {
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
        assert!(said.contains("s3://documents no longer belongs to this store"), "{said}");
        bucket.files.lock().unwrap().clear();
        assert!(successor.confirm().await.is_err(), "the bucket was emptied");
    }

    #[tokio::test]
    async fn a_restored_store_takes_no_bucket_that_does_not_say_whose_it_is() {
        let (real, trial) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let bucket = Arc::<MemoryBlobs>::default();
        std::fs::write(trial.path().join(LEAVE), "").unwrap();
        let said = start(trial.path(), &bucket).await.unwrap_err();
        for part in ["s3://documents has no recorded owner", "--take-over-bucket", trial.path().to_str().unwrap()] {
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
