//! Taking a backup.

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

/// Attempts: it is begun anew because a task wrote over its files meanwhile. Only a task that is run again does, so a second time is
/// rare. On the last, a file of a task that goes on is damaged where it is not as the database says: one that is damaged on the disk
/// is not told from it.
const ATTEMPTS_MAX: usize = 3;

/// Files that are missing or damaged and named. Further ones are counted.
const DAMAGED_NAMED_MAX: usize = 100;

/// Copies the data folder of the settings to a folder that is not there, or empty. A server may be at work on it. Files that cannot be
/// read are left out and named in [`Report::damaged`].
///
/// # Errors
/// Where the settings name Redis, the target is not empty or lies in the data folder, a database cannot be read, or something cannot be
/// written. What was written is removed then.
pub fn backup(config: &Config, target: &Path) -> anyhow::Result<Report> {
    refuse_redis(config, "backup")?;
    refuse_half_restored(&config.data_dir)?;
    prepare(config, target)?;
    let mut attempts = 1;
    let taken = loop {
        match attempt(config, target, attempts >= ATTEMPTS_MAX) {
            Ok(report) => break Ok(report),
            Err(Stop::MovedOn) => attempts += 1,
            Err(Stop::Failed(error)) => break Err(error),
        }
        clear(target).context("what was copied before cannot be removed")?;
    };
    if taken.is_err() {
        // What is left has no manifest, and is no backup.
        let _ = clear(target);
    }
    taken
}

/// Why an attempt ended.
enum Stop {
    /// The files of a task are of a later moment than the database. Never on the last attempt.
    MovedOn,
    Failed(anyhow::Error),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

fn prepare(config: &Config, target: &Path) -> anyhow::Result<()> {
    let shown = target.display();
    if !config.data_dir.join(TASKS_DB).is_file() {
        bail!("the data folder {} has no {TASKS_DB}: set MORAG_DATA_DIR as for the server", config.data_dir.display());
    }
    make_folder(target).with_context(|| format!("{shown} cannot be made: give another folder"))?;
    let whole = |path: &Path| path.canonicalize().with_context(|| format!("{} cannot be opened", path.display()));
    if whole(target)?.starts_with(whole(&config.data_dir)?) {
        bail!("{shown} lies in the data folder: give a folder outside of it, on another disk if you can");
    }
    if let Some(name) = first_entry(target)? {
        let is_ours = [TASKS_DB, KNOWLEDGE_DB, FILES, LISTING, secrets::FILE].contains(&name.as_str());
        match is_ours && !target.join(MANIFEST).exists() {
            true => bail!(
                "{shown} is not empty, it has {name}, perhaps from an interrupted backup: delete what is in it, or give a folder that is \
                 not there yet"
            ),
            false => bail!("{shown} is not empty, it has {name}: give a folder that is not there yet, or an empty one"),
        }
    }
    Ok(())
}

/// Something that is in a folder, if anything is. A disk of its own has `lost+found`.
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

/// Removes all that was written to a folder that had been empty.
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

fn attempt(config: &Config, target: &Path, is_last: bool) -> Result<Report, Stop> {
    let data = &config.data_dir;
    let snapshot = Snapshot::take(&data.join(TASKS_DB), &data.join(KNOWLEDGE_DB))?;
    let taken_at = SystemClock.now().to_string();
    snapshot.copy_to(&target.join(TASKS_DB), &target.join(KNOWLEDGE_DB))?;
    let key = copy_key(data, target)?;

    let mut report = Report::default();
    let mut copied = Copied::new(data, target, is_last)?;
    let tasks = match &config.s3 {
        // Then nothing is copied, and they are only counted.
        Some(_) => snapshot.each_task(|id, task| {
            copied.note_unreadable(id, &task);
            Ok::<_, Stop>(())
        })?,
        None => snapshot.each_task(|id, task| copied.task(&snapshot, id, task))?,
    };
    let linked = copied.linked;
    let files = match &config.s3 {
        Some(s3) => {
            report.notes.push(format!(
                "the files are not in it: they stay in {}, which needs a backup, or versions, of its own",
                s3.url
            ));
            std::fs::remove_file(target.join(LISTING)).context("the empty list of files cannot be removed")?;
            copied.say_damaged(&mut report);
            Files::Bucket { url: s3.url.clone() }
        }
        None => copied.finish(&mut report)?,
    };
    if config.secrets_key.is_some() {
        report.notes.push("MORAG_SECRETS_KEY is not in it: keep it, endpoints' credentials are sealed with it".into());
    }

    let versions = snapshot.versions();
    let database = |name: &str, version| {
        let digest = digest(&target.join(name)).with_context(|| format!("the copied {name} cannot be read"))?;
        Ok::<_, anyhow::Error>(Database { name: name.to_owned(), version, digest })
    };
    let databases = vec![database(TASKS_DB, versions.tasks)?, database(KNOWLEDGE_DB, versions.knowledge)?];
    // The read transactions hold up the databases' logs.
    drop(snapshot);
    flush_all(target).context("what was copied cannot be flushed to the disk")?;
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
    // The folder's own name.
    let above = target.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
    if let Some(above) = above {
        File::open(&above).and_then(|folder| folder.sync_all()).context("the folder's name cannot be flushed")?;
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

/// A file that is not as the database says.
struct Damaged {
    task: TaskId,
    has_ended: bool,
    said: String,
}

/// The files, as far as they have been copied.
struct Copied<'a> {
    from: std::path::PathBuf,
    target: &'a Path,
    listing: BufWriter<File>,
    count: u64,
    bytes: u64,
    /// Those of them that are hard links.
    linked: u64,
    without_files: u64,
    damaged: Vec<Damaged>,
    damaged_unnamed: u64,
    /// Whether this is the last attempt.
    is_last: bool,
}

/// A folder of a task, as far as it was copied.
#[derive(Default)]
struct Folder {
    copied: Vec<Entry>,
    /// Names of files that cannot be read, with the reason.
    unread: Vec<(ArtifactName, std::io::Error)>,
    /// Why it cannot be looked through.
    closed: Option<std::io::Error>,
}

impl<'a> Copied<'a> {
    fn new(data: &Path, target: &'a Path, is_last: bool) -> anyhow::Result<Self> {
        let listing = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target.join(LISTING));
        let listing = BufWriter::new(listing.with_context(|| format!("{LISTING} cannot be written"))?);
        let from = data.join(FILES);
        let (count, bytes, linked, without_files, damaged, damaged_unnamed) = (0, 0, 0, 0, Vec::new(), 0);
        Ok(Self { from, target, listing, count, bytes, linked, without_files, damaged, damaged_unnamed, is_last })
    }

    /// Copies the files of a task and compares them with what its log says, where that can be read.
    fn task(
        &mut self,
        snapshot: &Snapshot,
        task: TaskId,
        found: Result<&SnapshotTask, StoreError>,
    ) -> Result<(), Stop> {
        self.note_unreadable(task, &found);
        let (said, events) = found.map_or_else(
            |_| (BTreeMap::new(), &[][..]),
            |found| (stored_files(&found.record, &found.events), &found.events[..]),
        );
        let has_ended = events.last().is_some_and(|event| event.kind.ends_task());
        let files = BlobPath::files(task);
        let folder = self.folder(files.as_str())?;
        self.note_unread(task, has_ended, files.as_str(), &folder);
        let mut unlike: Vec<String> = Vec::new();
        let mut seen: BTreeSet<_> = folder.unread.iter().map(|(name, _)| name.clone()).collect();
        for entry in &folder.copied {
            let Ok(name) = entry.path.rsplit('/').next().unwrap_or_default().parse::<ArtifactName>() else { continue };
            if let Some(file) = said.get(&name)
                && (file.size, &file.sha256) != (entry.digest.size, &entry.digest.sha256)
            {
                unlike.push(format!(
                    "{}: {} instead of {} bytes with SHA-256 {}",
                    entry.path, entry.digest, file.size, file.sha256
                ));
            }
            seen.insert(name);
        }
        // Of a folder that cannot be looked through nothing more is said than that.
        if folder.closed.is_none() {
            let missing = said.keys().filter(|name| !seen.contains(*name));
            unlike.extend(missing.map(|name| format!("{}/{name}: missing", files.as_str())));
        }
        if !unlike.is_empty() {
            match snapshot.since(task, events.len())? {
                Since::Gone if has_ended => self.without_files += 1,
                // Gone by their age, or deleted by a caller.
                Since::Same if has_ended && seen.is_empty() => self.without_files += 1,
                Since::Same => unlike.into_iter().for_each(|said| self.note(Damaged { task, has_ended, said })),
                // One that had not ended at the moment of the database may have ended since.
                Since::MovedOn | Since::Gone if !self.is_last => return Err(Stop::MovedOn),
                Since::MovedOn | Since::Gone => {
                    for said in unlike {
                        let said = format!("{said}; the task has gone on while the backup was taken");
                        self.note(Damaged { task, has_ended: false, said });
                    }
                }
            }
        }
        let below = format!("{}/logs", BlobPath::task(task).as_str());
        let logs = self.folder(&below)?;
        self.note_unread(task, has_ended, &below, &logs);
        for entry in folder.copied.iter().chain(&logs.copied) {
            serde_json::to_writer(&mut self.listing, entry).context("the list of files cannot be written")?;
            self.listing.write_all(b"\n").context("the list of files cannot be written")?;
            (self.count, self.bytes) = (self.count + 1, self.bytes + entry.digest.size);
        }
        Ok(())
    }

    /// Notes a task that cannot be read.
    fn note_unreadable(&mut self, task: TaskId, found: &Result<&SnapshotTask, StoreError>) {
        if let Err(error) = found {
            let said = format!("the record of task {task} cannot be read: {error}");
            self.note(Damaged { task, has_ended: false, said });
        }
    }

    /// Notes what of a folder cannot be read.
    fn note_unread(&mut self, task: TaskId, has_ended: bool, below: &str, folder: &Folder) {
        if let Some(error) = &folder.closed {
            self.note(Damaged { task, has_ended, said: format!("{below}: its files cannot be listed: {error}") });
        }
        for (name, error) in &folder.unread {
            self.note(Damaged { task, has_ended, said: format!("{below}/{name}: cannot be read: {error}") });
        }
    }

    fn note(&mut self, damaged: Damaged) {
        match self.damaged.len() < DAMAGED_NAMED_MAX {
            true => self.damaged.push(damaged),
            false => self.damaged_unnamed += 1,
        }
    }

    /// Copies the finished files of a folder, in the order of their names; what goes away meanwhile is left out, and so is what cannot
    /// be read.
    ///
    /// # Errors
    /// Where something cannot be written.
    fn folder(&mut self, below: &str) -> anyhow::Result<Folder> {
        let from = self.from.join(below);
        let mut folder = Folder::default();
        let names = match names(&from) {
            Ok(names) => names,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(folder),
            Err(error) => return Ok(Folder { closed: Some(error), ..folder }),
        };
        let to = self.target.join(FILES).join(below);
        if !names.is_empty() {
            make_folder(&to).with_context(|| format!("{} cannot be made", to.display()))?;
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
                    // It can be read, so it cannot be written.
                    Ok(_) => return Err(error).with_context(|| format!("{} cannot be copied", from.display())),
                    Err(unread) => unread,
                },
            };
            // The link, or as much as was copied.
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

    /// Ends the list, and says what is not as it should be.
    fn finish(mut self, report: &mut Report) -> anyhow::Result<Files> {
        self.listing.flush().context("the list of files cannot be written")?;
        let listing = digest(&self.target.join(LISTING)).context("the list of files cannot be read")?;
        // What was being deleted when it was looked at has gone by now.
        let from = &self.from;
        let is_there = |task| from.join(BlobPath::files(task).as_str()).exists();
        self.damaged.retain(|damaged| !damaged.has_ended || is_there(damaged.task));
        self.say_damaged(report);
        if self.without_files > 0 {
            report.notes.push(format!(
                "{} ended tasks have no files any more, in the data folder neither: their time was over, or a caller deleted them",
                self.without_files
            ));
        }
        Ok(Files::Here { count: self.count, bytes: self.bytes, listing })
    }

    fn say_damaged(&mut self, report: &mut Report) {
        report.damaged = self.damaged.drain(..).map(|damaged| damaged.said).collect();
        if self.damaged_unnamed > 0 {
            report.damaged.push(format!("and {} more", self.damaged_unnamed));
        }
    }
}

/// The names of the finished files of a folder.
fn names(folder: &Path) -> std::io::Result<BTreeSet<ArtifactName>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        // A part of a file that is being written has a name that no file of a task has.
        names.extend(entry?.file_name().to_str().and_then(|name| name.parse::<ArtifactName>().ok()));
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
