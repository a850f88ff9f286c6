//! Restores a backup into an empty data folder.

use super::copy::{copy, flush_all, free, make_folder, write_durably};
use super::manifest::{Files, LISTING, Manifest, each_file, verify};
use super::{FILES, KNOWLEDGE_DB, RESTORING, Report, TASKS_DB, refuse_half_restored, refuse_redis};
use crate::wire::bucket::{LEAVE, TAKE_OVER};
use crate::wire::{data_dir, secrets};
use anyhow::{Context as _, bail, ensure};
use morag_adapters::store::sqlite::Versions;
use morag_engine::config::Config;
use std::path::Path;

/// Names that an empty data folder may contain: its lock, and the folder that every ext file system has.
const IN_EMPTY: [&str; 2] = ["lock", "lost+found"];

/// Copies a backup into the configured data folder, which must be empty. Verifies everything before writing anything. With
/// `takes_over`, the restored store becomes the owner of the bucket when its server starts.
///
/// # Errors
/// The settings name Redis; the backup is damaged, incomplete or from a later version; the data folder is in use or not empty; or
/// a file cannot be read or written. The data folder is then as before.
pub fn restore(config: &Config, backup: &Path, takes_over: bool) -> anyhow::Result<Report> {
    refuse_redis(config, "restore")?;
    let manifest = Manifest::read(backup)?;
    check_versions(&manifest)?;
    let mut report = Report::default();
    check_files_location(config, &manifest, &mut report)?;
    ensure!(!takes_over || config.s3.is_some(), "--take-over-bucket is for files in a bucket: set MORAG_BLOBS_URL");
    if config.s3.is_some() && !takes_over {
        report.notes.push(format!(
            "the restored server will not start on the bucket in MORAG_BLOBS_URL: to make it the owner of the bucket permanently, \
             restore with --take-over-bucket, or create a file {TAKE_OVER} in {}",
            config.data_dir.display()
        ));
    }
    let data = &config.data_dir;
    let _lock = data_dir::own(data)?;
    refuse_half_restored(data)?;
    refuse_if_used(data)?;
    verify_all(backup, &manifest)?;
    refuse_without_room(data, &manifest)?;

    write_durably(data, RESTORING, b"a restore is under way, or was interrupted\n")
        .with_context(|| format!("the data folder {} cannot be written to", data.display()))?;
    // Without --take-over-bucket, the restored store must not claim a bucket without an owner either.
    let bucket_marker = config.s3.as_ref().map(|_| if takes_over { TAKE_OVER } else { LEAVE });
    if let Err(error) = copy_all(data, backup, &manifest, bucket_marker) {
        let removed = clear(data);
        return Err(error).context(match removed {
            Ok(()) => "nothing was restored",
            Err(_) => {
                "the backup was only partly restored: delete the contents of the data folder before you try again"
            }
        });
    }
    if manifest.key.is_none() && config.secrets_key.is_none() {
        report.notes.push(
            "the backup contains no key: if its server used MORAG_SECRETS_KEY, set it, or endpoints' credentials cannot be read"
                .into(),
        );
    }
    report.done = format!("{}: {} tasks, as of {}", data.display(), manifest.tasks, manifest.taken_at);
    Ok(report)
}

fn check_versions(manifest: &Manifest) -> anyhow::Result<()> {
    let known = Versions::known();
    for (name, known) in [(TASKS_DB, known.tasks), (KNOWLEDGE_DB, known.knowledge)] {
        let found = manifest.databases.iter().find(|database| database.name == name);
        let found = found.with_context(|| format!("the backup has no {name}"))?;
        ensure!(
            found.version <= known,
            "{name} in the backup is of version {}, written by MoRAG {}; this program (MoRAG {}) supports versions up to {known}: restore it \
             with that version or a later one",
            found.version,
            manifest.morag,
            morag_engine::VERSION
        );
    }
    let is_known = |name: &str| name == TASKS_DB || name == KNOWLEDGE_DB;
    ensure!(
        manifest.databases.iter().all(|database| is_known(&database.name)),
        "the backup contains unknown databases"
    );
    Ok(())
}

fn check_files_location(config: &Config, manifest: &Manifest, report: &mut Report) -> anyhow::Result<()> {
    match (&manifest.files, &config.s3) {
        (Files::Bucket { url }, None) => bail!(
            "the files of this backup are in {url}, which the backup does not include: set MORAG_BLOBS_URL to their bucket"
        ),
        (Files::Here { .. }, Some(s3)) => bail!(
            "this backup contains files for a data folder, but MORAG_BLOBS_URL is {}: restore it without MORAG_BLOBS_URL",
            s3.url
        ),
        (Files::Bucket { url }, Some(s3)) if *url != s3.url => report.notes.push(format!(
            "the files were in {url}, but MORAG_BLOBS_URL is {}: they must exist there under the same names",
            s3.url
        )),
        _ => {}
    }
    Ok(())
}

fn refuse_if_used(data: &Path) -> anyhow::Result<()> {
    let unreadable = || format!("the data folder {} cannot be read", data.display());
    for entry in std::fs::read_dir(data).with_context(unreadable)? {
        let name = entry.with_context(unreadable)?.file_name();
        if !IN_EMPTY.iter().any(|allowed| name == *allowed) {
            bail!(
                "the data folder {} is not empty: it contains {}. Move its contents away, or choose another folder with --data-dir \
                 or MORAG_DATA_DIR",
                data.display(),
                name.to_string_lossy()
            );
        }
    }
    Ok(())
}

/// Verifies the digests of all files in the backup.
fn verify_all(backup: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    for database in &manifest.databases {
        verify(&backup.join(&database.name), &database.digest)?;
    }
    if let Some(key) = &manifest.key {
        verify(&backup.join(secrets::FILE), key)?;
    }
    if let Files::Here { count, listing, .. } = &manifest.files {
        verify(&backup.join(LISTING), listing)?;
        let folder = backup.join(FILES);
        let listed = each_file(backup, |entry| verify(&entry.below(&folder)?, &entry.digest))?;
        ensure!(listed == *count, "{LISTING} names {listed} files, not {count}: the backup is damaged, use another");
    }
    Ok(())
}

fn refuse_without_room(data: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    let files = match &manifest.files {
        Files::Here { bytes, .. } => *bytes,
        Files::Bucket { .. } => 0,
    };
    let needed = manifest.databases.iter().fold(files, |sum, database| sum.saturating_add(database.digest.size));
    let free = free(data).with_context(|| format!("cannot read the free space of the disk of {}", data.display()))?;
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    ensure!(
        needed <= free,
        "the backup needs {} MiB, but only {} MiB are free for {}: free some space, or choose another data folder",
        mib(needed),
        mib(free),
        data.display()
    );
    Ok(())
}

/// Copies everything, and removes the marker [`RESTORING`] once all of it is durable. `bucket_marker` is a marker that stays.
fn copy_all(data: &Path, backup: &Path, manifest: &Manifest, bucket_marker: Option<&str>) -> anyhow::Result<()> {
    let copy_verified = |from: &Path, to: &Path, expected: &super::copy::Digest| {
        let copied = copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
        ensure!(copied == *expected, "{} changed while it was copied", from.display());
        Ok(())
    };
    if let Files::Here { .. } = &manifest.files {
        let (from, to) = (backup.join(FILES), data.join(FILES));
        make_folder(&to).with_context(|| format!("cannot create {}", to.display()))?;
        each_file(backup, |entry| {
            let (from, to) = (entry.below(&from)?, entry.below(&to)?);
            if let Some(folder) = to.parent() {
                make_folder(folder).with_context(|| format!("cannot create {}", folder.display()))?;
            }
            copy_verified(&from, &to, &entry.digest)
        })?;
    }
    if let Some(key) = &manifest.key {
        copy_verified(&backup.join(secrets::FILE), &data.join(secrets::FILE), key)?;
    }
    for database in &manifest.databases {
        copy_verified(&backup.join(&database.name), &data.join(&database.name), &database.digest)?;
    }
    if let Some(name) = bucket_marker {
        write_durably(data, name, b"").context("the data folder cannot be written to")?;
    }
    flush_all(data).context("cannot flush the data folder to disk")?;
    std::fs::remove_file(data.join(RESTORING)).context("cannot remove the marker of the restore")?;
    flush_all(data).context("cannot flush the data folder to disk")
}

/// Removes everything that was written, the marker last.
fn clear(data: &Path) -> std::io::Result<()> {
    for name in [TASKS_DB, KNOWLEDGE_DB, secrets::FILE, TAKE_OVER, LEAVE] {
        match std::fs::remove_file(data.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match std::fs::remove_dir_all(data.join(FILES)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    flush_all(data)?;
    std::fs::remove_file(data.join(RESTORING))
}
