//! Creates and locks the data folder. The embedded store belongs to one process; with Redis the folder contains only files and
//! is shared by all processes of the machine.
//!
//! A store deletes files whose tasks it does not know, so the folder records the owner of its files ([`redis_files`]). A server
//! without `REDIS_URL` does not start on files of tasks in Redis, and one with it does not start on an embedded store.

use super::backup::TASKS_DB;
use super::redis_files;
use anyhow::{Context as _, bail};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Fails if the folder's files belong to tasks in Redis. The caller must hold the folder's lock.
pub(super) fn refuse_files_of_redis(data_dir: &Path) -> anyhow::Result<()> {
    let marker = redis_files::marker(data_dir);
    let Some(marker) = marker.with_context(|| format!("the data folder {} cannot be read", data_dir.display()))? else {
        return Ok(());
    };
    let shown = data_dir.display();
    bail!(
        "the files in {shown} belong to tasks in Redis ({}), but REDIS_URL is not set: set it, or use another MORAG_DATA_DIR. If \
         those tasks are no longer needed, delete {shown}",
        marker.address
    )
}

/// Fails if the folder contains an embedded store, whose tasks a server on Redis does not know.
pub(super) fn refuse_files_of_embedded(data_dir: &Path) -> anyhow::Result<()> {
    let shown = data_dir.display();
    let database = data_dir.join(TASKS_DB);
    if database.try_exists().with_context(|| format!("cannot check for {}", database.display()))? {
        bail!(
            "the files in {shown} belong to tasks of an embedded store ({TASKS_DB}), but REDIS_URL is set: use another \
             MORAG_DATA_DIR, or unset REDIS_URL"
        );
    }
    Ok(())
}

/// Locks the folder exclusively until the returned file is dropped. Two processes on one embedded store would not wake each
/// other, and each would treat the other's leases as abandoned.
pub(super) fn own(data_dir: &Path) -> anyhow::Result<File> {
    let file = open(data_dir)?;
    file.try_lock().map_err(|_| in_use(data_dir))?;
    Ok(file)
}

/// Locks the folder for shared use until the returned file is dropped. Fails if a process holds it exclusively: with the
/// embedded store, that process deletes all files whose tasks its store does not know.
pub(super) fn share(data_dir: &Path) -> anyhow::Result<File> {
    let file = open(data_dir)?;
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(data_dir)),
        // Network file systems may not support locks, and sharing does not depend on them.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "cannot lock the data folder: make sure that no server without REDIS_URL uses it");
        }
    }
    Ok(file)
}

fn open(data_dir: &Path) -> anyhow::Result<File> {
    create(data_dir).and_then(|()| File::create(data_dir.join("lock"))).map_err(|error| unusable(data_dir, error))
}

fn unusable(data_dir: &Path, error: std::io::Error) -> anyhow::Error {
    let what = match error.kind() {
        ErrorKind::PermissionDenied => "change its owner to the user that runs the server, or set MORAG_DATA_DIR",
        _ => "set MORAG_DATA_DIR",
    };
    let text = format!("cannot use the data folder {}: {what}", data_dir.display());
    anyhow::Error::new(error).context(text)
}

/// Creates the folder if needed, and flushes its directory entry to disk, on which the durability of its contents depends.
fn create(data_dir: &Path) -> std::io::Result<()> {
    let absolute = std::path::absolute(data_dir)?;
    let new: Vec<&Path> = absolute.ancestors().take_while(|folder| !folder.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(&absolute)?;
    new.into_iter().filter_map(Path::parent).try_for_each(|folder| File::open(folder)?.sync_all())
}

fn in_use(data_dir: &Path) -> anyhow::Error {
    let shown = data_dir.display();
    anyhow::anyhow!("another server uses the data folder {shown}: stop it, or set MORAG_DATA_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_process_s_or_shared_by_many() {
        let folder = tempfile::tempdir().unwrap();
        let shared = [share(folder.path()).unwrap(), share(folder.path()).unwrap()];
        assert!(own(folder.path()).unwrap_err().to_string().contains("another server uses"));
        drop(shared);
        let owned = own(folder.path()).unwrap();
        assert!(share(folder.path()).is_err() && own(folder.path()).is_err());
        drop(owned);
        assert!(share(folder.path()).is_ok());
    }

    #[test]
    fn files_of_tasks_in_redis_are_not_an_embedded_store_s() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_files_of_redis(folder.path()).is_ok() && refuse_files_of_embedded(folder.path()).is_ok());
        let marker = folder.path().join("store");
        for content in ["redis://10.0.0.1:6379/0\n", "id 4f1c\nredis://10.0.0.1:6379/0\n"] {
            std::fs::write(&marker, content).unwrap();
            let refused = refuse_files_of_redis(folder.path()).unwrap_err().to_string();
            for part in [folder.path().to_str().unwrap(), "(redis://10.0.0.1:6379/0)", "REDIS_URL is not set"] {
                assert!(refused.contains(part), "{part} is not in: {refused}");
            }
        }
        std::fs::write(&marker, [0xff; 2000]).unwrap();
        assert!(refuse_files_of_redis(folder.path()).is_err(), "an unreadable marker counts too");
        std::fs::remove_file(marker).unwrap();
        std::fs::write(folder.path().join(TASKS_DB), "").unwrap();
        let refused = refuse_files_of_embedded(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("embedded store (morag.db)"), "{refused}");
        assert!(refuse_files_of_redis(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_of_another_user_is_distinguished_from_an_invalid_path() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let refused = format!("{:#}", own(&folder.path().join("file/data")).unwrap_err());
        assert!(
            refused.contains("cannot use the data folder") && refused.contains(": set MORAG_DATA_DIR"),
            "{refused}"
        );
        // Not tested with a real folder: the tests may run as root, who can write everywhere.
        let refused = format!("{:#}", unusable(folder.path(), ErrorKind::PermissionDenied.into()));
        assert!(refused.contains("change its owner to the user that runs the server"), "{refused}");
        assert!(refused.ends_with("permission denied"), "{refused}");
    }
}
