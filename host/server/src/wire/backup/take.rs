//! Takes a backup.

use super::copy::{Digest, copy, digest, flush_all, link_or_copy, make_folder};
use super::manifest::{Database, Entry, FORMAT, Files, LISTING, MANIFEST, Manifest};
use super::{FILES, KNOWLEDGE_DB, Report, TASKS_DB, refuse_half_restored, refuse_redis};
use crate::wire::secrets;
use anyhow::{Context as _, bail};
use morag_adapters::SystemClock;
use morag_adapters::store::sqlite::{Since, Snapshot, SnapshotTask};
use morag_core::pipeline::stored_files;
use morag_core::ports::{BlobPath, Clock as _, StoreError};
use morag_core::task::{ArtifactName, TaskId};
use morag_engine::config::Config;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Attempts at a consistent backup. One fails if a task overwrites its files meanwhile, which only a rerun does, so a second
/// failure is rare. On the last attempt a file that differs from the database is reported as damaged even if its task has changed
/// meanwhile, because damage on the disk cannot be distinguished from such a change.
const ATTEMPTS_MAX: usize = 3;

/// Missing or damaged files to report by name. Further ones are only counted.
const DAMAGED_NAMED_MAX: usize = 100;

/// Copies the data folder to `target`, which must be empty or not exist. A server may be running on the data folder. Files that
/// cannot be read are left out and listed in [`Report::damaged`].
///
/// # Errors
/// The settings name Redis, `target` is not empty or is inside the data folder, a database cannot be read, or a file cannot be
/// written. Everything written is then removed.
pub fn backup(config: &Config, target: &Path) -> anyhow::Result<Report> {
    refuse_redis(config, "backup")?;
    refuse_half_restored(&config.data_dir)?;
    prepare(config, target)?;
    let mut attempts = 1;
    let taken = loop {
        match attempt(config, target, attempts >= ATTEMPTS_MAX) {
            Ok(report) => break Ok(report),
            Err(AttemptError::Changed) => attempts += 1,
            Err(AttemptError::Failed(error)) => break Err(error),
        }
        clear(target).context("cannot remove the files of the previous attempt")?;
    };
    if taken.is_err() {
        // Leftovers are harmless: without a manifest they are not a backup.
        let _ = clear(target);
    }
    taken
}

/// Why an attempt failed.
enum AttemptError {
    /// Files of a task are newer than the database. Not returned by the last attempt.
    Changed,
    /// Any other error; a further attempt would not help.
    Failed(anyhow::Error),
}

impl From<StoreError> for AttemptError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<anyhow::Error> for AttemptError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

fn prepare(config: &Config, target: &Path) -> anyhow::Result<()> {
    let shown = target.display();
    if !config.data_dir.join(TASKS_DB).is_file() {
        bail!(
            "the data folder {} has no {TASKS_DB}: set MORAG_DATA_DIR to the server's data folder",
            config.data_dir.display()
        );
    }
    make_folder(target).with_context(|| format!("cannot create {shown}: choose another folder"))?;
    let whole = |path: &Path| path.canonicalize().with_context(|| format!("{} cannot be opened", path.display()));
    if whole(target)?.starts_with(whole(&config.data_dir)?) {
        bail!("{shown} is inside the data folder: choose a folder outside it, if possible on another disk");
    }
    if let Some(name) = first_entry(target)? {
        let is_ours = [TASKS_DB, KNOWLEDGE_DB, FILES, LISTING, secrets::FILE].contains(&name.as_str());
        match is_ours && !target.join(MANIFEST).exists() {
            true => bail!(
                "{shown} is not empty: it contains {name}, perhaps from an interrupted backup. Delete its contents, or choose a \
                 new folder"
            ),
            false => bail!("{shown} is not empty: it contains {name}. Choose a new or empty folder"),
        }
    }
    Ok(())
}

/// The name of any entry of a folder, except `lost+found`, which every ext file system has.
pub(super) fn first_entry(folder: &Path) -> anyhow::Result<Option<String>> {
    let unreadable = || format!("{} cannot be read", folder.display());
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let name = entry.with_context(unreadable)?.file_name().to_string_lossy().into_owned();
        if name != "lost+found" {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Removes everything from a folder that was empty before, except `lost+found`.
pub(super) fn clear(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match (entry.file_name() == "lost+found", entry.file_type()?.is_dir()) {
            (true, _) => {}
            (false, true) => std::fs::remove_dir_all(entry.path())?,
            (false, false) => std::fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

fn attempt(config: &Config, target: &Path, is_last: bool) -> Result<Report, AttemptError> {
    let data = &config.data_dir;
    let snapshot = Snapshot::take(&data.join(TASKS_DB), &data.join(KNOWLEDGE_DB))?;
    let taken_at = SystemClock.now().to_string();
    snapshot.copy_to(&target.join(TASKS_DB), &target.join(KNOWLEDGE_DB))?;
    let key = copy_key(data, target)?;

    let mut report = Report::default();
    let mut copied = Copied::new(data, target, is_last)?;
    let tasks = match &config.s3 {
        // Nothing is copied; the tasks are only counted.
        Some(_) => snapshot.each_task(|id, task| {
            copied.note_unreadable(id, &task);
            Ok::<_, AttemptError>(())
        })?,
        None => snapshot.each_task(|id, task| copied.task(&snapshot, id, task))?,
    };
    let linked = copied.linked;
    let files = match &config.s3 {
        Some(s3) => {
            report.notes.push(format!(
                "files are not included: they stay in {}, which needs its own backup or versioning",
                s3.url
            ));
            std::fs::remove_file(target.join(LISTING)).context("cannot remove the empty list of files")?;
            copied.report_damaged(&mut report);
            Files::Bucket { url: s3.url.clone() }
        }
        None => copied.finish(&mut report)?,
    };
    if config.secrets_key.is_some() {
        let note = "MORAG_SECRETS_KEY is not included: keep a copy, because it encrypts the endpoints' credentials";
        report.notes.push(note.into());
    }

    let versions = snapshot.versions();
    let database = |name: &str, version| {
        let digest = digest(&target.join(name)).with_context(|| format!("the copied {name} cannot be read"))?;
        Ok::<_, anyhow::Error>(Database { name: name.to_owned(), version, digest })
    };
    let databases = vec![database(TASKS_DB, versions.tasks)?, database(KNOWLEDGE_DB, versions.knowledge)?];
    // Its read transactions keep the databases' write-ahead logs growing.
    drop(snapshot);
    flush_all(target).context("cannot flush the backup to disk")?;
    if linked > 0 {
        report.notes.push(format!(
            "the files are hard links on the same disk as the data folder: copy {} to another disk or machine",
            target.display()
        ));
    }
    let shown = match &files {
        Files::Here { count, bytes, .. } => format!("{count} files of {} MiB", bytes.div_ceil(1024 * 1024)),
        Files::Bucket { .. } => "no files".to_owned(),
    };
    report.done = format!("{}: {tasks} tasks and {shown}, as of {taken_at}", target.display());
    let manifest =
        Manifest { format: FORMAT, morag: morag_engine::VERSION.to_owned(), taken_at, databases, key, files, tasks };
    manifest.write(target)?;
    // Flush the directory entry of the folder itself.
    let above = target.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
    if let Some(above) = above {
        File::open(&above).and_then(|folder| folder.sync_all()).context("cannot flush the parent folder to disk")?;
    }
    Ok(report)
}

fn copy_key(data: &Path, target: &Path) -> anyhow::Result<Option<Digest>> {
    match copy(&data.join(secrets::FILE), &target.join(secrets::FILE)) {
        Ok(digest) => Ok(Some(digest)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be copied", secrets::FILE)),
    }
}

/// A file that differs from the database.
struct Damaged {
    task: TaskId,
    has_ended: bool,
    /// The line for the report.
    text: String,
}

/// Progress of copying the files.
struct Copied<'a> {
    from: std::path::PathBuf,
    target: &'a Path,
    listing: BufWriter<File>,
    count: u64,
    bytes: u64,
    /// How many of `count` are hard links.
    linked: u64,
    /// Ended tasks whose files are gone, which is normal.
    without_files: u64,
    damaged: Vec<Damaged>,
    damaged_unnamed: u64,
    /// Whether this is the last attempt.
    is_last: bool,
}

/// The result of copying a folder of a task.
#[derive(Default)]
struct Folder {
    copied: Vec<Entry>,
    /// Files that cannot be read, with the error.
    unread: Vec<(ArtifactName, std::io::Error)>,
    /// Why the folder cannot be listed.
    list_error: Option<std::io::Error>,
}

impl<'a> Copied<'a> {
    fn new(data: &Path, target: &'a Path, is_last: bool) -> anyhow::Result<Self> {
        let listing = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target.join(LISTING));
        let listing = BufWriter::new(listing.with_context(|| format!("{LISTING} cannot be written"))?);
        let from = data.join(FILES);
        let (count, bytes, linked, without_files, damaged, damaged_unnamed) = (0, 0, 0, 0, Vec::new(), 0);
        Ok(Self { from, target, listing, count, bytes, linked, without_files, damaged, damaged_unnamed, is_last })
    }

    /// Copies the files of a task and compares them with its event log, if that can be read.
    fn task(
        &mut self,
        snapshot: &Snapshot,
        task: TaskId,
        found: Result<&SnapshotTask, StoreError>,
    ) -> Result<(), AttemptError> {
        self.note_unreadable(task, &found);
        let (expected, events) = found.map_or_else(
            |_| (BTreeMap::new(), &[][..]),
            |found| (stored_files(&found.record, &found.events), &found.events[..]),
        );
        let has_ended = events.last().is_some_and(|event| event.kind.ends_task());
        let files = BlobPath::files(task);
        let folder = self.folder(files.as_str())?;
        self.note_unread(task, has_ended, files.as_str(), &folder);
        let mut mismatches: Vec<String> = Vec::new();
        let mut seen: BTreeSet<_> = folder.unread.iter().map(|(name, _)| name.clone()).collect();
        for entry in &folder.copied {
            let Ok(name) = entry.path.rsplit('/').next().unwrap_or_default().parse::<ArtifactName>() else { continue };
            if let Some(file) = expected.get(&name)
                && (file.size, &file.sha256) != (entry.digest.size, &entry.digest.sha256)
            {
                mismatches.push(format!(
                    "{}: {} instead of {} bytes with SHA-256 {}",
                    entry.path, entry.digest, file.size, file.sha256
                ));
            }
            seen.insert(name);
        }
        // If the folder cannot be listed, that error is reported instead of missing files.
        if folder.list_error.is_none() {
            let missing = expected.keys().filter(|name| !seen.contains(*name));
            mismatches.extend(missing.map(|name| format!("{}/{name}: missing", files.as_str())));
        }
        if !mismatches.is_empty() {
            match snapshot.since(task, events.len())? {
                Since::Gone if has_ended => self.without_files += 1,
                // The files have expired, or a caller deleted them.
                Since::Same if has_ended && seen.is_empty() => self.without_files += 1,
                Since::Same => mismatches.into_iter().for_each(|text| self.note(Damaged { task, has_ended, text })),
                // A task that was running in the snapshot may have ended and been deleted since.
                Since::MovedOn | Since::Gone if !self.is_last => return Err(AttemptError::Changed),
                Since::MovedOn | Since::Gone => {
                    for mismatch in mismatches {
                        let text = format!("{mismatch}; the task changed during the backup");
                        self.note(Damaged { task, has_ended: false, text });
                    }
                }
            }
        }
        let below = format!("{}/logs", BlobPath::task(task).as_str());
        let logs = self.folder(&below)?;
        self.note_unread(task, has_ended, &below, &logs);
        for entry in folder.copied.iter().chain(&logs.copied) {
            serde_json::to_writer(&mut self.listing, entry).context("cannot write the list of files")?;
            self.listing.write_all(b"\n").context("cannot write the list of files")?;
            (self.count, self.bytes) = (self.count + 1, self.bytes + entry.digest.size);
        }
        Ok(())
    }

    /// Notes a task whose record cannot be read.
    fn note_unreadable(&mut self, task: TaskId, found: &Result<&SnapshotTask, StoreError>) {
        if let Err(error) = found {
            let text = format!("the record of task {task} cannot be read: {error}");
            self.note(Damaged { task, has_ended: false, text });
        }
    }

    /// Notes the files of a folder that cannot be read.
    fn note_unread(&mut self, task: TaskId, has_ended: bool, below: &str, folder: &Folder) {
        if let Some(error) = &folder.list_error {
            self.note(Damaged { task, has_ended, text: format!("{below}: its files cannot be listed: {error}") });
        }
        for (name, error) in &folder.unread {
            self.note(Damaged { task, has_ended, text: format!("{below}/{name}: cannot be read: {error}") });
        }
    }

    fn note(&mut self, damaged: Damaged) {
        match self.damaged.len() < DAMAGED_NAMED_MAX {
            true => self.damaged.push(damaged),
            false => self.damaged_unnamed += 1,
        }
    }

    /// Copies the finished files of a folder, in the order of their names. Leaves out files that are deleted meanwhile and those
    /// that cannot be read.
    ///
    /// # Errors
    /// A file cannot be written.
    fn folder(&mut self, below: &str) -> anyhow::Result<Folder> {
        let from = self.from.join(below);
        let mut folder = Folder::default();
        let names = match names(&from) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(folder),
            Err(error) => return Ok(Folder { list_error: Some(error), ..folder }),
        };
        let to = self.target.join(FILES).join(below);
        if !names.is_empty() {
            make_folder(&to).with_context(|| format!("cannot create {}", to.display()))?;
        }
        for name in names {
            let (from, to) = (from.join(name.as_str()), to.join(name.as_str()));
            let error = match link_or_copy(&from, &to) {
                Ok((digest, is_linked)) => {
                    self.linked += u64::from(is_linked);
                    folder.copied.push(Entry { path: format!("{below}/{name}"), digest });
                    continue;
                }
                Err(error) => error,
            };
            let unread = match error.kind() {
                ErrorKind::NotFound => error,
                _ => match digest(&from) {
                    // It can be read, so writing the copy failed.
                    Ok(_) => return Err(error).with_context(|| format!("{} cannot be copied", from.display())),
                    Err(unread) => unread,
                },
            };
            // Remove the link or the partial copy.
            match std::fs::remove_file(&to) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("{} cannot be removed", to.display()));
                }
                _ if unread.kind() == ErrorKind::NotFound => {}
                _ => folder.unread.push((name, unread)),
            }
        }
        Ok(folder)
    }

    /// Completes the list and reports missing and damaged files.
    fn finish(mut self, report: &mut Report) -> anyhow::Result<Files> {
        self.listing.flush().context("cannot write the list of files")?;
        let listing = digest(&self.target.join(LISTING)).context("cannot read the list of files")?;
        // Files that were being deleted during the copy are gone by now, and are not damaged.
        let from = &self.from;
        let is_there = |task| from.join(BlobPath::files(task).as_str()).exists();
        self.damaged.retain(|damaged| !damaged.has_ended || is_there(damaged.task));
        self.report_damaged(report);
        if self.without_files > 0 {
            report.notes.push(format!(
                "{} ended tasks have no files any more: they expired, or a caller deleted them",
                self.without_files
            ));
        }
        Ok(Files::Here { count: self.count, bytes: self.bytes, listing })
    }

    fn report_damaged(&mut self, report: &mut Report) {
        report.damaged = self.damaged.drain(..).map(|damaged| damaged.text).collect();
        if self.damaged_unnamed > 0 {
            report.damaged.push(format!("and {} more", self.damaged_unnamed));
        }
    }
}

/// The names of the finished files of a folder.
fn names(folder: &Path) -> std::io::Result<BTreeSet<ArtifactName>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        // Partly written files have names that are not valid artifact names.
        names.extend(entry?.file_name().to_str().and_then(|name| name.parse::<ArtifactName>().ok()));
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
