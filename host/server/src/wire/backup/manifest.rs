//! The manifest of a backup and the list of its files.

use super::copy::{Digest, digest, write_durably};
use anyhow::{Context as _, bail, ensure};
use morag_core::task::{ArtifactName, TaskId};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Name of the manifest file.
pub(super) const MANIFEST: &str = "manifest.json";

/// Name of the list of files.
pub(super) const LISTING: &str = "files.jsonl";

/// The backup format that this version writes; it reads all earlier ones. A new field that older versions may ignore does not
/// raise it.
pub(super) const FORMAT: u32 = 1;

/// Most bytes of a manifest to read: one has a few hundred.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// Longest line of the list of files in bytes: a path has at most 130, a digest 64.
const LINE_BYTES_MAX: u64 = 1024;

/// The contents of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The format of the backup itself.
    pub(super) format: u32,
    /// The MoRAG version that wrote it.
    pub(super) morag: String,
    /// When the databases were copied, RFC 3339.
    pub(super) taken_at: String,
    /// The databases.
    pub(super) databases: Vec<Database>,
    /// The key file, if the data folder had one.
    pub(super) key: Option<Digest>,
    /// The files.
    pub(super) files: Files,
    /// Tasks in the database.
    pub(super) tasks: u64,
}

/// A copied database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Database {
    /// File name in the backup.
    pub(super) name: String,
    /// Schema version.
    pub(super) version: i64,
    /// Size and SHA-256.
    #[serde(flatten)]
    pub(super) digest: Digest,
}

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kept")]
pub(super) enum Files {
    /// In the backup.
    Here {
        /// Number of files.
        count: u64,
        /// Total size in bytes.
        bytes: u64,
        /// Size and SHA-256 of their list.
        listing: Digest,
    },
    /// In a bucket, which the backup does not include.
    Bucket {
        /// URL of the bucket.
        url: String,
    },
}

/// A line of the list of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Path below the folder of files.
    pub(super) path: String,
    /// Size and SHA-256.
    #[serde(flatten)]
    pub(super) digest: Digest,
}

impl Entry {
    /// The file's path below `folder`. Accepts only paths that the server itself creates, so that a manipulated list cannot
    /// lead outside the folder.
    pub(super) fn below(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let parts: Vec<_> = self.path.split('/').collect();
        let is_ours = match parts[..] {
            ["tasks", task, "files" | "logs", name] => {
                task.parse::<TaskId>().is_ok_and(|id| id.to_string() == task) && name.parse::<ArtifactName>().is_ok()
            }
            _ => false,
        };
        ensure!(is_ours, "{:?} in {LISTING} is not the path of a task's file: the list was changed", self.path);
        Ok(folder.join(&self.path))
    }
}

impl Manifest {
    /// Writes the manifest. Must be the last write of a backup.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        write_durably(folder, MANIFEST, &text).with_context(|| format!("{MANIFEST} cannot be written"))
    }

    /// Reads the manifest of a backup.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let (path, shown) = (folder.join(MANIFEST), folder.display());
        let file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "{shown} has no {MANIFEST}: it is not a backup, or the backup was interrupted; make a new one with `morag backup`"
            ),
            file => file.with_context(|| format!("{} cannot be read", path.display()))?,
        };
        let mut text = String::new();
        let read = file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text);
        read.with_context(|| format!("{} cannot be read", path.display()))?;
        let invalid = || format!("{} is not a manifest of `morag backup`", path.display());
        // The format is checked first, because the other fields of a later one may differ.
        let format = serde_json::from_str::<FormatOnly>(&text).with_context(invalid)?;
        if format.format > FORMAT {
            bail!(
                "{shown} is a backup of format {}, written by MoRAG {}; this program (MoRAG {}) supports formats up to {FORMAT}: restore it \
                 with that version or a later one",
                format.format,
                format.morag,
                morag_engine::VERSION
            );
        }
        serde_json::from_str(&text).with_context(invalid)
    }
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
    morag: String,
}

/// Calls `visit` for each entry in the list of files and returns their number. The caller must have verified the list's digest.
pub(super) fn each_file(folder: &Path, mut visit: impl FnMut(Entry) -> anyhow::Result<()>) -> anyhow::Result<u64> {
    let path = folder.join(LISTING);
    let unreadable = || format!("{} cannot be read", path.display());
    let mut lines = BufReader::new(File::open(&path).with_context(unreadable)?);
    let mut count = 0;
    loop {
        let mut line = String::new();
        if lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).with_context(unreadable)? == 0 {
            return Ok(count);
        }
        visit(serde_json::from_str(&line).with_context(unreadable)?)?;
        count += 1;
    }
}

/// Fails if a file of a backup does not have the `expected` digest.
pub(super) fn verify(path: &Path, expected: &Digest) -> anyhow::Result<()> {
    let advice = "the backup is damaged, use another";
    let found = digest(path).with_context(|| format!("{} cannot be read: {advice}", path.display()))?;
    ensure!(
        found == *expected,
        "{} does not match {MANIFEST}: {found} instead of {expected}; {advice}",
        path.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let digest = Digest { size: 3, sha256: "ab".repeat(32) };
        let database = |name: &str, version| Database { name: name.into(), version, digest: digest.clone() };
        Manifest {
            format: FORMAT,
            morag: "0.1.0".into(),
            taken_at: "2026-01-31T10:00:00.000Z".into(),
            databases: vec![database("morag.db", 5), database("knowledge.db", 1)],
            key: Some(digest.clone()),
            files: Files::Here { count: 2, bytes: 6, listing: digest.clone() },
            tasks: 1,
        }
    }

    /// Backups are stored for years, so every later version must read what this one writes.
    #[test]
    fn a_manifest_is_written_so_and_read_again_with_fields_of_later_versions() {
        let digest = "ab".repeat(32);
        let mut golden = serde_json::json!({
            "format": 1, "morag": "0.1.0", "taken_at": "2026-01-31T10:00:00.000Z",
            "databases": [
                {"name": "morag.db", "version": 5, "size": 3, "sha256": digest},
                {"name": "knowledge.db", "version": 1, "size": 3, "sha256": digest}
            ],
            "key": {"size": 3, "sha256": digest},
            "files": {"kept": "here", "count": 2, "bytes": 6, "listing": {"size": 3, "sha256": digest}},
            "tasks": 1
        });
        assert_eq!(serde_json::to_value(manifest()).unwrap(), golden);
        golden["added_later"] = serde_json::json!({"a": 1});
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST), golden.to_string()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest());
    }

    #[test]
    fn a_newer_format_is_refused_by_name_whatever_else_it_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST), r#"{"format": 9, "morag": "7.0.0", "parts": []}"#).unwrap();
        let text = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(text.contains("format 9, written by MoRAG 7.0.0") && text.contains("up to 1"), "{text}");
    }

    #[test]
    fn only_paths_of_task_files_are_accepted() {
        let entry = |path: &str| Entry { path: path.into(), digest: Digest { size: 0, sha256: String::new() } };
        let task = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let good = format!("tasks/{task}/files/markdown.md");
        assert_eq!(entry(&good).below(Path::new("/data")).unwrap(), Path::new("/data").join(&good));
        assert!(entry(&format!("tasks/{task}/logs/chunking.jsonl")).below(Path::new("/data")).is_ok());
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "tasks/x/files/a",
            &format!("tasks/{task}/files/../../x"),
            &format!("tasks/{task}/files/.."),
            &format!("tasks/{task}/staged/a"),
            &format!("tasks/{}/files/a", task.to_uppercase()),
            &format!("tasks/{task}/files/a/b"),
        ] {
            assert!(entry(bad).below(Path::new("/data")).is_err(), "{bad:?}");
        }
    }
}
