//! Taking a backup.

use super::copy::{Digest, copy, digest, flush_all, link_or_copy, make_folder};
use super::manifest::{Database, Entry, FORMAT, Files, MANIFEST, Manifest};
use super::{FILES, KNOWLEDGE_DB, LISTING, Report, TASKS_DB, refuse_half_restored, refuse_redis};
use crate::config::Config;
use crate::wire::secrets;
use anyhow::{Context as _, bail};
use morag_adapters::SystemClock;
use morag_adapters::store::sqlite::{Since, Snapshot, SnapshotTask};
use morag_core::pipeline::stored_files;
use morag_core::ports::{BlobPath, Clock as _, StoreError};
use morag_core::task::{ArtifactName, TaskId};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Times it is begun anew because a task wrote over its files meanwhile. Only a task that is run again does, so a second time is
/// rare.
const ATTEMPTS_MAX: usize = 3;

/// Files that are missing or damaged and named. Further ones are counted.
const DAMAGED_NAMED_MAX: usize = 100;

/// Copies the data folder of the settings to a folder that is not there, or empty. A server may be at work on it.
///
/// # Errors
/// Where the settings name Redis, the target is not empty or lies in the data folder, or something cannot be read or written. What
/// was written is removed then.
pub fn backup(config: &Config, target: &Path) -> anyhow::Result<Report> {
    refuse_redis(config, "backup")?;
    refuse_half_restored(&config.data_dir)?;
    prepare(config, target)?;
    let mut attempts = 1;
    let taken = loop {
        match attempt(config, target) {
            Ok(report) => break Ok(report),
            Err(Stop::MovedOn(_)) if attempts < ATTEMPTS_MAX => attempts += 1,
            Err(Stop::MovedOn(task)) => {
                break Err(anyhow::anyhow!(
                    "task {task}, and others before it, wrote over their files while these were copied: {ATTEMPTS_MAX} attempts were \
                     made; take the backup again when fewer tasks are run again"
                ));
            }
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
    /// The files of a task are of a later moment than the database.
    MovedOn(TaskId),
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

fn attempt(config: &Config, target: &Path) -> Result<Report, Stop> {
    let data = &config.data_dir;
    let snapshot = Snapshot::take(&data.join(TASKS_DB), &data.join(KNOWLEDGE_DB))?;
    let taken_at = SystemClock.now().to_string();
    snapshot.copy_to(&target.join(TASKS_DB), &target.join(KNOWLEDGE_DB))?;
    let key = copy_key(data, target)?;

    let mut report = Report::default();
    let mut copied = Copied::new(data, target)?;
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
        Manifest { format: FORMAT, morag: crate::VERSION.to_owned(), taken_at, databases, key, files, tasks };
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
}

impl<'a> Copied<'a> {
    fn new(data: &Path, target: &'a Path) -> anyhow::Result<Self> {
        let listing = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target.join(LISTING));
        let listing = BufWriter::new(listing.with_context(|| format!("{LISTING} cannot be written"))?);
        let from = data.join(FILES);
        let (count, bytes, linked, without_files, damaged, damaged_unnamed) = (0, 0, 0, 0, Vec::new(), 0);
        Ok(Self { from, target, listing, count, bytes, linked, without_files, damaged, damaged_unnamed })
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
        let copied = self.folder(files.as_str())?;
        let mut unlike: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for entry in &copied {
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
        unlike.extend(
            said.keys().filter(|name| !seen.contains(*name)).map(|name| format!("{}/{name}: missing", files.as_str())),
        );
        if !unlike.is_empty() {
            match snapshot.since(task, events.len())? {
                // One that had not ended at the moment of the database has ended since.
                Since::MovedOn => return Err(Stop::MovedOn(task)),
                Since::Gone if !has_ended => return Err(Stop::MovedOn(task)),
                Since::Gone => self.without_files += 1,
                // Gone by their age, or deleted by a caller.
                Since::Same if has_ended && copied.is_empty() => self.without_files += 1,
                Since::Same => unlike.into_iter().for_each(|said| self.note(Damaged { task, has_ended, said })),
            }
        }
        let logs = format!("{}/logs", BlobPath::task(task).as_str());
        let logs = self.folder(&logs)?;
        for entry in copied.iter().chain(&logs) {
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

    fn note(&mut self, damaged: Damaged) {
        match self.damaged.len() < DAMAGED_NAMED_MAX {
            true => self.damaged.push(damaged),
            false => self.damaged_unnamed += 1,
        }
    }

    /// Copies the finished files of a folder, in the order of their names; what goes away meanwhile is left out.
    fn folder(&mut self, below: &str) -> anyhow::Result<Vec<Entry>> {
        let from = self.from.join(below);
        let unreadable = || format!("{} cannot be copied", from.display());
        let mut names = BTreeSet::new();
        match std::fs::read_dir(&from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => {
                for entry in entries.with_context(unreadable)? {
                    // A part of a file that is being written has a name that no file of a task has.
                    let name = entry.with_context(unreadable)?.file_name();
                    names.extend(name.to_str().and_then(|name| name.parse::<ArtifactName>().ok()));
                }
            }
        }
        let to = self.target.join(FILES).join(below);
        if !names.is_empty() {
            make_folder(&to).with_context(|| format!("{} cannot be made", to.display()))?;
        }
        let mut copied = Vec::new();
        for name in names {
            match link_or_copy(&from.join(name.as_str()), &to.join(name.as_str())) {
                Ok((digest, is_linked)) => {
                    self.linked += u64::from(is_linked);
                    copied.push(Entry { path: format!("{below}/{name}"), digest });
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("{}/{name} cannot be copied", from.display())),
            }
        }
        Ok(copied)
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

#[cfg(test)]
mod tests;
