//! The data folder: made, and locked. The embedded store is one process's alone; with Redis the folder holds files only, for
//! every process of the machine.

use anyhow::Context as _;
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

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
    let unusable = || format!("the data folder {} cannot be used: set MORAG_DATA_DIR", data_dir.display());
    make(data_dir).with_context(unusable)?;
    File::create(data_dir.join("lock")).with_context(unusable)
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
}
