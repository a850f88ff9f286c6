//! Backs up a data folder while its server runs, and restores a backup into an empty folder.
//!
//! A backup is a folder:
//!
//! | name | contents |
//! |---|---|
//! | `morag.db`, `knowledge.db` | both databases as of one moment ([`Snapshot`](morag_adapters::store::sqlite::Snapshot)) |
//! | `secrets.key` | the key, if the data folder has one |
//! | `files/` | the files of the tasks in the copied database; hard links if both folders are on one file system |
//! | `files.jsonl` | one line for each file, with size and SHA-256 |
//! | `manifest.json` | all of the above with digests. Written last: a folder without it is not a backup |
//!
//! The command works on the data folder, not through the server, so it needs no API key and can back up a server that hangs or
//! does not start. SQLite lets another process read while the server writes.
//!
//! A restore verifies everything first, then copies with a marker ([`RESTORING`]) in the folder. No server starts while the
//! marker exists.

mod copy;
mod manifest;
mod restore;
mod take;

pub(super) use copy::write_durably;
pub use restore::restore;
pub use take::backup;

use anyhow::{Context as _, bail};
use morag_engine::config::Config;
use std::path::Path;

/// Database of tasks in a data folder.
pub(super) const TASKS_DB: &str = "morag.db";
/// Database of the knowledge (vectors and graph) in a data folder.
pub(super) const KNOWLEDGE_DB: &str = "knowledge.db";
/// Folder of the files in a data folder.
pub(super) const FILES: &str = "files";
/// Marker file in a data folder that is being restored.
const RESTORING: &str = "restoring";

/// Fails if a restore into the folder was started and not finished.
pub(super) fn refuse_half_restored(data_dir: &Path) -> anyhow::Result<()> {
    let marker = data_dir.join(RESTORING);
    if marker.try_exists().with_context(|| format!("cannot check for {}", marker.display()))? {
        bail!(
            "the data folder {} is incomplete: a restore was interrupted; delete its contents and run `morag restore` again",
            data_dir.display()
        );
    }
    Ok(())
}

/// Fails if the folder is a backup: a server would change it, and a changed backup cannot be restored.
pub(super) fn refuse_backup(data_dir: &Path) -> anyhow::Result<()> {
    let manifest = data_dir.join(manifest::MANIFEST);
    if manifest.try_exists().with_context(|| format!("cannot check for {}", manifest.display()))? {
        let shown = data_dir.display();
        bail!("{shown} is a backup: restore it into another folder (`morag restore {shown} --data-dir DIR`)");
    }
    Ok(())
}

/// The result of a backup or restore.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One line: what was done.
    pub done: String,
    /// Notes for the operator, such as what the backup does not include.
    pub notes: Vec<String>,
    /// One line for each file that was already missing or damaged in the data folder.
    pub damaged: Vec<String>,
}

fn refuse_redis(config: &Config, verb: &str) -> anyhow::Result<()> {
    if config.redis.is_some() {
        bail!(
            "REDIS_URL is set, but `morag {verb}` is for the embedded store only. {} Redis and the bucket or files folder with \
             their own tools: see docs/operations.md",
            if verb == "backup" { "Back up" } else { "Restore" }
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_no_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refuse_backup(folder.path()).is_ok() && refuse_backup(&folder.path().join("none")).is_ok());
        std::fs::write(folder.path().join("manifest.json"), "{}").unwrap();
        let refused = refuse_backup(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("is a backup: restore it into another folder"), "{refused}");
    }
}
