//! `morag backup` and `morag restore`.

use crate::wire::{self, BackupReport};
use clap::Args;
use morag_engine::config::{Config, Sources};
use std::path::PathBuf;
use std::process::ExitCode;

/// Examples of `morag backup`.
pub const BACKUP_EXAMPLES: &str = "Examples:\n  \
    morag backup /backups/2026-01-31\n  \
    morag backup /backups/2026-01-31 --data-dir /var/lib/morag\n\n\
    The server may be running. Tasks, knowledge, files and the key are copied as of one point in time. Files are hard links if the\n\
    folder is on the same disk as the data folder: copy the backup to another disk. See docs/operations.md.";

/// Examples of `morag restore`.
pub const RESTORE_EXAMPLES: &str = "Examples:\n  \
    morag restore /backups/2026-01-31\n  \
    morag restore /backups/2026-01-31 --data-dir /var/lib/morag-2\n\n\
    The data folder must be empty, and no server may use it. Deliveries resume from the state in the backup: events delivered after\n\
    it was taken are delivered again.";

/// Options of both commands.
#[derive(Debug, Args)]
pub struct Folders {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Settings file; by default ./morag.toml, if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the server; overrides the settings
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
}

/// `morag restore`.
#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    folders: Folders,
    /// Make the restored store the owner of the bucket in MORAG_BLOBS_URL; the original server can then no longer start on it
    #[arg(long)]
    take_over_bucket: bool,
}

impl Folders {
    fn settings(&self) -> anyhow::Result<Config> {
        let flags = self.data_dir.iter().map(|folder| ("data_dir", "--data-dir", folder.clone())).collect();
        Ok(Config::load(&Sources { flags, ..Sources::of_process(self.config.as_deref()) })?)
    }
}

/// Takes a backup.
pub fn backup(folders: &Folders) -> anyhow::Result<ExitCode> {
    let report = wire::backup(&folders.settings()?, &folders.folder)?;
    Ok(show("backed up to", &report))
}

/// Restores a backup.
pub fn restore(command: &Restore) -> anyhow::Result<ExitCode> {
    let Restore { folders, take_over_bucket } = command;
    let report = wire::restore(&folders.settings()?, &folders.folder, *take_over_bucket)?;
    Ok(show("restored to", &report))
}

/// Prints a report. Damaged files in the data folder do not make the backup incomplete, but the exit code reports them.
fn show(verb: &str, report: &BackupReport) -> ExitCode {
    morag_client::line(format!("{verb} {}", report.done));
    report.notes.iter().for_each(|note| morag_client::line(format!("note: {note}")));
    report.damaged.iter().for_each(|damaged| eprintln!("morag: damaged in the data folder: {damaged}"));
    match report.damaged.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!(
                "morag: the backup is complete; damaged files are copied as they are, and missing files are left out"
            );
            ExitCode::FAILURE
        }
    }
}
