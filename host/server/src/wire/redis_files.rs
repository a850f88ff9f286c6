//! Ownership of the files in a data folder, with Redis.
//!
//! The file [`STORE`] in the folder contains the id of the store in Redis ([`RedisStore::identity`]). Another Redis, another key
//! prefix, or a Redis that was emptied are other stores: they do not know the tasks of these files and would delete them. The
//! address in the file is informative only, because one Redis may have several.
//!
//! A folder without the file, or with one from before ids existed, goes to the first store that starts on it. To give the files
//! to another store, an operator deletes [`STORE`].

use super::backup::write_durably;
use async_trait::async_trait;
use morag_adapters::store::redis::RedisStore;
use morag_core::ports::{Disowned, Ownership, StoreError};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Marker file in a data folder whose files belong to tasks in Redis: one line with the store's id and one with its address.
const STORE: &str = "store";

/// Prefix of the line with the id. Files from before ids existed contain an address only.
const ID: &str = "id ";

/// Most bytes of [`STORE`] to read: the id comes first, and the beginning of an address is enough to recognise it.
const STORE_BYTES_MAX: u64 = 1024;

/// A store with a unique id.
#[async_trait]
pub(super) trait Identified: Send + Sync {
    /// The store's id, if it has one.
    async fn identity(&self) -> Result<Option<String>, StoreError>;
    /// The store's id; creates one if needed.
    async fn identify(&self) -> Result<String, StoreError>;
}

#[async_trait]
impl Identified for RedisStore {
    async fn identity(&self) -> Result<Option<String>, StoreError> {
        RedisStore::identity(self).await
    }

    async fn identify(&self) -> Result<String, StoreError> {
        RedisStore::identify(self).await
    }
}

/// Contents of [`STORE`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// Id of the store; `None` in a file from before ids existed.
    id: Option<String>,
    /// Address of the store at the time of writing, for messages.
    pub(super) address: String,
}

impl Marker {
    fn parse(text: &str) -> Self {
        let (id, address) = match text.strip_prefix(ID) {
            Some(rest) => rest.split_once('\n').unwrap_or((rest, "")),
            None => ("", text),
        };
        let id = Some(id.trim()).filter(|id| !id.is_empty());
        Self { id: id.map(str::to_owned), address: morag_core::shown(address.trim()).to_string() }
    }
}

/// Reads the marker of a folder, if it has one.
pub(super) fn marker(data_dir: &Path) -> std::io::Result<Option<Marker>> {
    let file = match File::open(data_dir.join(STORE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(STORE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(Some(Marker::parse(&String::from_utf8_lossy(&bytes))))
}

/// Writes the marker of a folder. Returns once it is durable.
fn mark(data_dir: &Path, id: &str, address: &str) -> std::io::Result<()> {
    // A unique temporary name: several processes may start at the same time.
    let name = format!("{STORE}-{}", uuid::Uuid::new_v4().simple());
    let written = write_durably(data_dir, &name, format!("{ID}{id}\n{address}\n").as_bytes())
        .and_then(|()| std::fs::rename(data_dir.join(&name), data_dir.join(STORE)))
        .and_then(|()| File::open(data_dir)?.sync_all());
    if written.is_err() {
        // Without this, every attempt on a full disk would leave files behind.
        let _ = std::fs::remove_file(data_dir.join(&name));
        let _ = std::fs::remove_file(data_dir.join(format!("{name}.part")));
    }
    written
}

/// Ownership of the files in a data folder, for tasks in Redis.
pub(super) struct RedisFiles {
    data_dir: PathBuf,
    /// Address of the store, without a password.
    address: String,
    store: Arc<dyn Identified>,
    /// The store's id; set once folder and store agree on it.
    id: OnceLock<String>,
}

impl RedisFiles {
    /// `address` must not contain a password. Does no I/O.
    pub(super) fn new(data_dir: PathBuf, address: String, store: Arc<dyn Identified>) -> Self {
        Self { data_dir, address, store, id: OnceLock::new() }
    }

    async fn marker(&self) -> Result<Option<Marker>, Disowned> {
        let folder = self.data_dir.clone();
        // Blocking: the folder may be on a network file system.
        let read = tokio::task::spawn_blocking(move || marker(&folder)).await;
        let read = read.unwrap_or_else(|ended| Err(std::io::Error::other(ended)));
        read.map_err(|error| Disowned::Unclear(format!("{} cannot be read: {error}", self.shown_marker())))
    }

    fn shown_marker(&self) -> String {
        self.data_dir.join(STORE).display().to_string()
    }

    /// The error if another store owns the files. `has_id`: whether this store has an id.
    fn another(&self, of: &Marker, has_id: bool) -> Disowned {
        let (folder, why) = (
            self.data_dir.display(),
            match has_id {
                true => "is another store",
                false => "is new, or was emptied",
            },
        );
        Disowned::Another(format!(
            "the files in {folder} belong to tasks in Redis ({}), but the store at REDIS_URL and REDIS_KEY_PREFIX ({}) {why}: it \
             does not know these tasks and would delete their files. Correct the settings, or use another MORAG_DATA_DIR. To give \
             the files to this store, delete {}, and start again",
            of.address,
            self.address,
            self.shown_marker()
        ))
    }

    /// Claims files without an owner for this store.
    async fn claim_unowned(&self) -> Result<(), Disowned> {
        let id = match self.store.identify().await {
            Ok(id) => id,
            // Nothing says that the files belong to another store, and deleting files must go on to free space.
            Err(error @ StoreError::Full(_)) => {
                tracing::warn!(%error, file = %self.shown_marker(), "cannot record the store as owner of the files, will retry");
                return Ok(());
            }
            Err(error) => return Err(Disowned::Unclear(error.to_string())),
        };
        match mark(&self.data_dir, &id, &self.address) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                tracing::warn!(%error, file = %self.shown_marker(), "cannot record the store as owner of the files, will retry");
                return Ok(());
            }
            Err(error) => {
                let folder = self.data_dir.display();
                return Err(Disowned::Unclear(format!("the data folder {folder} cannot be written to: {error}")));
            }
        }
        // A process of another store may have written its marker meanwhile. If it does so later, the next check finds it.
        match self.marker().await? {
            Some(found) if found.id.as_ref() != Some(&id) => Err(self.another(&found, true)),
            _ => {
                let _ = self.id.set(id);
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Ownership for RedisFiles {
    async fn claim(&self) -> Result<(), Disowned> {
        let marker = self.marker().await?;
        let own = self.store.identity().await.map_err(|error| Disowned::Unclear(error.to_string()))?;
        match marker {
            Some(marker) if marker.id.is_some() => {
                if marker.id != own {
                    return Err(self.another(&marker, own.is_some()));
                }
                let _ = self.id.set(own.unwrap_or_default());
                Ok(())
            }
            // The id was there before: an operator gives the files to another store, or an older version overwrote the marker.
            _ if self.id.get().is_some() => Err(Disowned::Another(format!(
                "{} no longer names this store as owner of the files, so nothing is deleted. If it is the owner, restart this server",
                self.shown_marker()
            ))),
            _ => self.claim_unowned().await,
        }
    }

    async fn confirm(&self) -> Result<(), Disowned> {
        self.claim().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A store with its id; the flag says that it is full.
    #[derive(Default)]
    struct Fake(Mutex<Option<String>>, bool);

    impl Fake {
        fn empty(&self) {
            *self.0.lock().unwrap() = None;
        }
    }

    #[async_trait]
    impl Identified for Fake {
        async fn identity(&self) -> Result<Option<String>, StoreError> {
            Ok(self.0.lock().unwrap().clone())
        }

        async fn identify(&self) -> Result<String, StoreError> {
            match self.1 {
                true => Err(StoreError::Full("no room".into())),
                false => {
                    let new = || uuid::Uuid::new_v4().simple().to_string();
                    Ok(self.0.lock().unwrap().get_or_insert_with(new).clone())
                }
            }
        }
    }

    fn files(folder: &Path, store: &Arc<Fake>, address: &str) -> RedisFiles {
        RedisFiles::new(folder.to_owned(), address.into(), store.clone())
    }

    async fn start(folder: &Path, store: &Arc<Fake>, address: &str) -> Result<(), String> {
        files(folder, store, address).claim().await.map_err(|disowned| disowned.to_string())
    }

    #[tokio::test]
    async fn a_folder_is_one_store_s_whatever_its_address() {
        let (folder, production, staging) = (tempfile::tempdir().unwrap(), Arc::default(), Arc::default());
        assert_eq!(start(folder.path(), &production, "redis://cache:6379/0").await, Ok(()));
        assert_eq!(start(folder.path(), &production, "redis://10.0.0.1:6379/0").await, Ok(()), "another name");
        for store in [&staging, &Arc::new(Fake(Some("other".to_owned()).into(), false))] {
            let said = start(folder.path(), store, "redis://cache:6379/0, prefix staging:").await.unwrap_err();
            let marker = folder.path().join(STORE).display().to_string();
            for part in ["(redis://cache:6379/0)", "prefix staging:", "REDIS_KEY_PREFIX", "MORAG_DATA_DIR", &marker] {
                assert!(said.contains(part), "{part} is not in: {said}");
            }
        }
        assert_eq!(*staging.0.lock().unwrap(), None, "what is refused changes nothing");
        assert_eq!(start(folder.path(), &production, "redis://cache:6379/0").await, Ok(()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left in the folder");
    }

    #[tokio::test]
    async fn a_store_that_was_emptied_is_another_until_the_file_is_deleted() {
        let (folder, store) = (tempfile::tempdir().unwrap(), Arc::new(Fake::default()));
        let running = files(folder.path(), &store, "redis://cache:6379/0");
        assert_eq!((running.claim().await, running.confirm().await), (Ok(()), Ok(())));
        store.empty();
        let Err(Disowned::Another(said)) = running.confirm().await else { panic!("it deletes files") };
        assert!(said.contains("is new, or was emptied"), "{said}");
        assert!(start(folder.path(), &store, "redis://cache:6379/0").await.is_err());
        std::fs::remove_file(folder.path().join(STORE)).unwrap();
        let Err(Disowned::Another(said)) = running.confirm().await else { panic!("it takes what is given away") };
        assert!(said.contains("restart this server"), "{said}");
        assert_eq!(start(folder.path(), &store, "redis://cache:6379/0").await, Ok(()));
        assert_eq!(running.confirm().await, Ok(()), "folder and store agree");
    }

    #[tokio::test]
    async fn a_folder_of_before_there_were_ids_takes_the_store_s() {
        let (folder, store) = (tempfile::tempdir().unwrap(), Arc::new(Fake::default()));
        for old in ["redis://cache:6379/0\n", "", "id \n"] {
            std::fs::write(folder.path().join(STORE), old).unwrap();
            assert_eq!(start(folder.path(), &store, "redis://cache:6379/0").await, Ok(()));
            let marker = marker(folder.path()).unwrap().unwrap();
            assert_eq!(marker, Marker { id: store.0.lock().unwrap().clone(), address: "redis://cache:6379/0".into() });
            assert!(start(folder.path(), &Arc::default(), "redis://cache:6379/0").await.is_err());
        }
    }

    #[tokio::test]
    async fn an_address_of_any_length_hides_no_id() {
        let (folder, store) = (tempfile::tempdir().unwrap(), Arc::new(Fake::default()));
        let address = format!("redis+cluster://{}", "node:7000,".repeat(10_000));
        for _ in 0..2 {
            assert_eq!(start(folder.path(), &store, &address).await, Ok(()));
        }
        assert!(start(folder.path(), &Arc::default(), &address).await.is_err());
    }

    #[tokio::test]
    async fn a_full_redis_prevents_no_start() {
        let folder = tempfile::tempdir().unwrap();
        let full = files(folder.path(), &Arc::new(Fake(Mutex::default(), true)), "redis://cache:6379/0");
        assert_eq!((full.claim().await, full.confirm().await), (Ok(()), Ok(())));
        assert_eq!(marker(folder.path()).unwrap(), None);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_to_is_said_to_be_so() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none");
        let said = start(&missing, &Arc::default(), "redis://cache:6379/0").await.unwrap_err();
        assert!(said.contains(&format!("the data folder {} cannot be written to", missing.display())), "{said}");
    }
}
