//! Snapshots of a project's sources (paths, sizes and times), to detect changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most files in a snapshot. A step project has a few dozen; a folder with more contains something else.
pub const FILES_MAX: usize = 5_000;

/// Names of generated files and folders. `Cargo.lock` is one, because the first build writes it; edits of dependencies change
/// `Cargo.toml` too.
const IGNORED: [&str; 9] =
    ["build", "target", "node_modules", "dist", "out", "venv", "__pycache__", "expected", "Cargo.lock"];

/// The files of a project at one moment, with size and modification time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Snapshot {
    /// Adds a file.
    pub fn note(&mut self, path: PathBuf, size: u64, modified: Option<SystemTime>) {
        self.0.insert(path, (size, modified));
    }

    /// Whether the snapshot has [`FILES_MAX`] files.
    pub fn is_full(&self) -> bool {
        self.0.len() >= FILES_MAX
    }

    /// The first file that was added, changed or removed since an earlier snapshot.
    pub fn changed_since<'a>(&'a self, earlier: &'a Self) -> Option<&'a Path> {
        let changed = self.0.iter().find(|(path, stamp)| earlier.0.get(*path) != Some(stamp));
        let gone = || earlier.0.keys().find(|path| !self.0.contains_key(*path));
        changed.map(|(path, _)| path).or_else(gone).map(PathBuf::as_path)
    }

    /// The first file modified after `time` for which `counts` is true: outputs built at `time` are then out of date.
    pub fn newer_than(&self, time: SystemTime, counts: impl Fn(&Path) -> bool) -> Option<&Path> {
        let newer = self.0.iter().filter(|(_, (_, modified))| modified.is_some_and(|modified| modified > time));
        newer.map(|(path, _)| path.as_path()).find(|path| counts(path))
    }
}

/// Whether a folder or file of that name is generated or hidden.
pub fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || IGNORED.contains(&name) || name.ends_with(".pyc") || name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn snapshot(files: &[(&str, u64, u64)]) -> Snapshot {
        let mut made = Snapshot::default();
        for (path, size, seconds) in files {
            made.note(path.into(), *size, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(*seconds)));
        }
        made
    }

    #[test]
    fn added_removed_and_modified_files_are_changes() {
        let old = snapshot(&[("a", 1, 1), ("b", 1, 1)]);
        assert_eq!(old.changed_since(&old.clone()), None);
        for (new, file) in [
            (&[("a", 1, 1), ("b", 1, 2)][..], "b"),
            (&[("a", 2, 1), ("b", 1, 1)], "a"),
            (&[("a", 1, 1), ("b", 1, 1), ("c", 1, 1)], "c"),
            (&[("b", 1, 1)], "a"),
        ] {
            assert_eq!(snapshot(new).changed_since(&old), Some(Path::new(file)));
        }
    }

    #[test]
    fn newer_files_are_found() {
        let files = snapshot(&[("a", 1, 10), ("b", 1, 20)]);
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(files.newer_than(at(15), |_| true), Some(Path::new("b")));
        assert_eq!(files.newer_than(at(20), |_| true), None);
        assert_eq!(files.newer_than(at(5), |path| path != "a"), Some(Path::new("b")), "the first one does not count");
    }

    #[test]
    fn generated_files_are_not_watched() {
        for name in
            [".morag", ".git", "build", "target", "node_modules", "__pycache__", "x.pyc", "step.py~", "Cargo.lock"]
        {
            assert!(is_ignored(name), "{name}");
        }
        for name in ["src", "step.py", "plugin.toml", "tests", "case.json"] {
            assert!(!is_ignored(name), "{name}");
        }
    }
}
