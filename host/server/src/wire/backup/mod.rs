//! Copying a data folder while its server works, and putting such a copy into an empty one.
//!
//! A backup is a folder:
//!
//! | name | what |
//! |---|---|
//! | `morag.db`, `knowledge.db` | both databases, of one moment ([`Snapshot`](morag_adapters::store::sqlite::Snapshot)) |
//! | `secrets.key` | the key, where the data folder has one |
//! | `files/` | the files of the tasks in the copied database, hard links where both are on one file system |
//! | `files.jsonl` | each of them with size and SHA-256, a line each |
//! | `manifest.json` | all of the above with digests. Written last: without it a folder is no backup |
//!
//! The command works on the data folder, not through the server: so it needs no key, and a server that hangs or does not start can
//! be backed up too. SQLite lets another process read while the server writes.
//!
//! Restoring verifies everything first, then copies with a marker ([`RESTORING`]) in the folder, on which no server starts.

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

/// The databases of a data folder.
pub(super) const TASKS_DB: &str = "morag.db";
/// That of the knowledge.
pub(super) const KNOWLEDGE_DB: &str = "knowledge.db";
/// Folder of the files.
pub(super) const FILES: &str = "files";
/// Is in a data folder while it is being restored.
const RESTORING: &str = "restoring";

/// Refuses a folder in which a restore has begun and not ended.
pub(super) fn refuse_half_restored(data_dir: &Path) -> anyhow::Result<()> {
    let marker = data_dir.join(RESTORING);
    if marker.try_exists().with_context(|| format!("{} cannot be looked for", marker.display()))? {
        bail!(
            "the data folder {} holds half of a backup: a restore was interrupted; delete what is in it and run `morag restore` again",
            data_dir.display()
        );
    }
    Ok(())
}

/// Refuses a folder that is a backup: a server that works in it changes it, and a changed backup is not restored.
pub(super) fn refuse_backup(data_dir: &Path) -> anyhow::Result<()> {
    let manifest = data_dir.join(manifest::MANIFEST);
    if manifest.try_exists().with_context(|| format!("{} cannot be looked for", manifest.display()))? {
        let shown = data_dir.display();
        bail!("{shown} is a backup: restore it into another folder (`morag restore {shown} --data-dir DIR`)");
    }
    Ok(())
}

/// What the command has to say beside that it is done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One line: what was done.
    pub done: String,
    /// What the operator must know: what is not in the backup, what has to be set.
    pub notes: Vec<String>,
    /// Files that were missing or damaged in the data folder already, a line each.
    pub damaged: Vec<String>,
}

fn refuse_redis(config: &Config, verb: &str) -> anyhow::Result<()> {
    if config.redis.is_some() {
        bail!(
            "REDIS_URL is set: tasks, events and knowledge are in Redis, and `morag {verb}` is for the embedded store. {} Redis by its own \
             means, and the bucket or the files folder by theirs: docs/operations.md says how",
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
