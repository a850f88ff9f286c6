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
    The server may run. Tasks, knowledge, files and the key are copied as they were at one moment. Files are hard links where the\n\
    folder is on the disk of the data folder: copy it to another. docs/operations.md has more.";

/// Examples of `morag restore`.
pub const RESTORE_EXAMPLES: &str = "Examples:\n  \
    morag restore /backups/2026-01-31\n  \
    morag restore /backups/2026-01-31 --data-dir /var/lib/morag-2\n\n\
    The data folder must be empty, and no server may use it. Deliveries go on from where the backup was: what was sent after it is\n\
    sent again.";

/// The folders of both commands.
#[derive(Debug, Args)]
pub struct Folders {
    /// Folder of the backup
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Settings file; without it ./morag.toml is read if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the server, instead of that of the settings
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
}

/// `morag restore`.
#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    folders: Folders,
    /// Let the restored store have the bucket of MORAG_BLOBS_URL, for good: the one that was backed up starts on it no more
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

/// Restores one.
pub fn restore(command: &Restore) -> anyhow::Result<ExitCode> {
    let Restore { folders, take_over_bucket } = command;
    let report = wire::restore(&folders.settings()?, &folders.folder, *take_over_bucket)?;
    Ok(show("restored to", &report))
}

/// A backup of a data folder that was damaged already is whole, and as good as can be had; the exit code says that something is to
/// be looked at.
fn show(verb: &str, report: &BackupReport) -> ExitCode {
    morag_client::line(format!("{verb} {}", report.done));
    report.notes.iter().for_each(|note| morag_client::line(format!("note: {note}")));
    report.damaged.iter().for_each(|damaged| eprintln!("morag: damaged in the data folder: {damaged}"));
    match report.damaged.is_empty() {
        true => ExitCode::SUCCESS,
        false => {
            eprintln!("morag: the backup is whole, and holds these as they are, or not at all where they are missing");
            ExitCode::FAILURE
        }
    }
}
