//! The data folder: made, and locked. The embedded store is one process's alone; with Redis the folder holds files only, for
//! every process of the machine.
//!
//! Files whose tasks a store does not know are deleted, so whose files a folder has is written in it ([`redis_files`]): a server without
//! `REDIS_URL` does not start on files of tasks in Redis, and one with it not on those of the embedded store.

use super::backup::TASKS_DB;
use super::redis_files;
use anyhow::{Context as _, bail};
use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Refuses a folder whose files belong to tasks in Redis. To be called with the folder's lock.
pub(super) fn refuse_files_of_redis(data_dir: &Path) -> anyhow::Result<()> {
    let marker = redis_files::marker(data_dir);
    let Some(marker) = marker.with_context(|| format!("the data folder {} cannot be read", data_dir.display()))? else {
        return Ok(());
    };
    let shown = data_dir.display();
    bail!(
        "the files in {shown} belong to tasks in Redis ({}), and REDIS_URL is not set: set it, or use another MORAG_DATA_DIR. Where \
         those tasks are of no use any more, delete {shown}",
        marker.address
    )
}

/// Refuses a folder with an embedded store to a server on Redis, which does not know its tasks.
pub(super) fn refuse_files_of_embedded(data_dir: &Path) -> anyhow::Result<()> {
    let shown = data_dir.display();
    let database = data_dir.join(TASKS_DB);
    if database.try_exists().with_context(|| format!("{} cannot be looked for", database.display()))? {
        bail!(
            "the files in {shown} belong to tasks of an embedded store ({TASKS_DB}), and REDIS_URL is set: use another MORAG_DATA_DIR, or \
             unset REDIS_URL"
        );
    }
    Ok(())
}

/// Makes the folder this process's own, until the lock is dropped: two processes on one embedded store would not wake each
/// other, and each would take the other's leases for those of the dead.
pub(super) fn own(data_dir: &Path) -> anyhow::Result<File> {
    let file = open(data_dir)?;
    file.try_lock().map_err(|_| in_use(data_dir))?;
    Ok(file)
}

/// Shares the folder with others that share it, until the lock is dropped. Refused where a process owns it: at its start it
/// clears all files of tasks that its own store does not know.
pub(super) fn share(data_dir: &Path) -> anyhow::Result<File> {
    let file = open(data_dir)?;
    match file.try_lock_shared() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(data_dir)),
        // A network's folder may have no locks, and sharing needs none by itself.
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "the data folder has no locks: see to it that no server without REDIS_URL uses it");
        }
    }
    Ok(file)
}

fn open(data_dir: &Path) -> anyhow::Result<File> {
    make(data_dir).and_then(|()| File::create(data_dir.join("lock"))).map_err(|error| unusable(data_dir, error))
}

fn unusable(data_dir: &Path, error: std::io::Error) -> anyhow::Error {
    let what = match error.kind() {
        ErrorKind::PermissionDenied => "it must belong to the user that runs the server, or set MORAG_DATA_DIR",
        _ => "set MORAG_DATA_DIR",
    };
    let text = format!("the data folder {} cannot be used: {what}", data_dir.display());
    anyhow::Error::new(error).context(text)
}

/// Makes the folder where there is none, and sees to it that its name survives a loss of power: all that is in it depends on it.
fn make(data_dir: &Path) -> std::io::Result<()> {
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
        assert!(refuse_files_of_redis(folder.path()).is_err(), "that it is there decides");
        std::fs::remove_file(marker).unwrap();
        std::fs::write(folder.path().join(TASKS_DB), "").unwrap();
        let refused = refuse_files_of_embedded(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("embedded store (morag.db)"), "{refused}");
        assert!(refuse_files_of_redis(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_of_another_user_is_told_from_one_that_cannot_be() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let refused = format!("{:#}", own(&folder.path().join("file/data")).unwrap_err());
        assert!(refused.contains("cannot be used: set MORAG_DATA_DIR"), "{refused}");
        // Not tried out: root may write everywhere.
        let refused = format!("{:#}", unusable(folder.path(), ErrorKind::PermissionDenied.into()));
        assert!(refused.contains("must belong to the user that runs the server"), "{refused}");
        assert!(refused.ends_with("permission denied"), "{refused}");
    }
}
