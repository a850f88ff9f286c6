//! Putting a backup into an empty data folder.

use super::copy::{copy, flush_all, free, make_folder, write_durably};
use super::manifest::{Files, LISTING, Manifest, each_file, verify};
use super::{FILES, KNOWLEDGE_DB, RESTORING, Report, TASKS_DB, refuse_half_restored, refuse_redis};
use crate::wire::bucket::{LEAVE, TAKE_OVER};
use crate::wire::{data_dir, secrets};
use anyhow::{Context as _, bail, ensure};
use morag_adapters::store::sqlite::Versions;
use morag_engine::config::Config;
use std::path::Path;

/// Names that may be in a data folder that is taken for empty: its lock, and what every disk of its own has.
const IN_EMPTY: [&str; 2] = ["lock", "lost+found"];

/// Copies a backup into the data folder of the settings, which must be empty. Everything is verified before anything is written.
/// `takes_over`: files are in a bucket, which is the restored store's from its start on.
///
/// # Errors
/// Where the settings name Redis, the backup is damaged, was interrupted or is of a later version, the data folder is not empty or in
/// use, or something cannot be read or written. The data folder is as it was then.
pub fn restore(config: &Config, backup: &Path, takes_over: bool) -> anyhow::Result<Report> {
    refuse_redis(config, "restore")?;
    let manifest = Manifest::read(backup)?;
    check_versions(&manifest)?;
    let mut report = Report::default();
    check_files_place(config, &manifest, &mut report)?;
    ensure!(!takes_over || config.s3.is_some(), "--take-over-bucket is for files in a bucket: set MORAG_BLOBS_URL");
    if config.s3.is_some() && !takes_over {
        report.notes.push(format!(
            "its server starts on no bucket: where that of MORAG_BLOBS_URL is to be its own, for good, restore with --take-over-bucket, or \
             make a file {TAKE_OVER} in {}",
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
    // Whose the bucket is to be: where it is left to others, one that does not say so is not taken either.
    let of_bucket = config.s3.as_ref().map(|_| if takes_over { TAKE_OVER } else { LEAVE });
    if let Err(error) = put(data, backup, &manifest, of_bucket) {
        let removed = clear(data);
        return Err(error).context(match removed {
            Ok(()) => "nothing was restored",
            Err(_) => "half of the backup was restored: delete what is in the data folder before you try again",
        });
    }
    if manifest.key.is_none() && config.secrets_key.is_none() {
        report.notes.push(
            "the backup has no key: where its server had MORAG_SECRETS_KEY, set it, or endpoints' credentials cannot be read".into(),
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
            "{name} in the backup is of version {}, written by MoRAG {}; this program (MoRAG {}) knows versions up to {known}: restore it \
             with that version or a later one",
            found.version,
            manifest.morag,
            morag_engine::VERSION
        );
    }
    let is_known = |name: &str| name == TASKS_DB || name == KNOWLEDGE_DB;
    ensure!(
        manifest.databases.iter().all(|database| is_known(&database.name)),
        "the backup has databases that are not known"
    );
    Ok(())
}

fn check_files_place(config: &Config, manifest: &Manifest, report: &mut Report) -> anyhow::Result<()> {
    match (&manifest.files, &config.s3) {
        (Files::Bucket { url }, None) => bail!(
            "the files of this backup are in {url}, which is not part of it: set MORAG_BLOBS_URL to where they are"
        ),
        (Files::Here { .. }, Some(s3)) => bail!(
            "this backup holds files for a data folder, and MORAG_BLOBS_URL is {}: restore it without MORAG_BLOBS_URL",
            s3.url
        ),
        (Files::Bucket { url }, Some(s3)) if *url != s3.url => report.notes.push(format!(
            "the files were in {url}, and MORAG_BLOBS_URL is {}: they must be there, under the same names",
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
                "the data folder {} is not empty, it has {}: a backup is restored into an empty one only; move what is there away, or \
                 name another folder by --data-dir or MORAG_DATA_DIR",
                data.display(),
                name.to_string_lossy()
            );
        }
    }
    Ok(())
}

/// Reads all of the backup once, before anything is written.
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
    let free =
        free(data).with_context(|| format!("the disk of {} cannot be asked for its free space", data.display()))?;
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    ensure!(
        needed <= free,
        "the backup needs {} MiB, and {} MiB are free for {}: make room, or name another data folder",
        mib(needed),
        mib(free),
        data.display()
    );
    Ok(())
}

/// Copies everything, and takes the marker away once all of it is on the disk. `of_bucket`: a further marker, which stays.
fn put(data: &Path, backup: &Path, manifest: &Manifest, of_bucket: Option<&str>) -> anyhow::Result<()> {
    let place = |from: &Path, to: &Path, said: &super::copy::Digest| {
        let copied = copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
        ensure!(copied == *said, "{} changed while it was copied", from.display());
        Ok(())
    };
    if let Files::Here { .. } = &manifest.files {
        let (from, to) = (backup.join(FILES), data.join(FILES));
        make_folder(&to).with_context(|| format!("{} cannot be made", to.display()))?;
        each_file(backup, |entry| {
            let (from, to) = (entry.below(&from)?, entry.below(&to)?);
            if let Some(folder) = to.parent() {
                make_folder(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
            }
            place(&from, &to, &entry.digest)
        })?;
    }
    if let Some(key) = &manifest.key {
        place(&backup.join(secrets::FILE), &data.join(secrets::FILE), key)?;
    }
    for database in &manifest.databases {
        place(&backup.join(&database.name), &data.join(&database.name), &database.digest)?;
    }
    if let Some(name) = of_bucket {
        write_durably(data, name, b"").context("the data folder cannot be written to")?;
    }
    flush_all(data).context("what was restored cannot be flushed to the disk")?;
    std::fs::remove_file(data.join(RESTORING)).context("the restore's marker cannot be removed")?;
    flush_all(data).context("what was restored cannot be flushed to the disk")
}

/// Takes back what was written; the marker last.
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
