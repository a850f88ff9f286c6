//! Detects which component files changed between directory scans; files that are still being written are deferred.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Metadata of a file, compared instead of its content. Equal stamps stand for equal content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Size, bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i128,
    /// Inode number; a file that replaced another by rename has a new one.
    pub inode: u64,
}

/// Stamps of a component file, and of its signature file if one is required.
pub type Seen = (Stamp, Option<Stamp>);

/// Files that changed since they were last reported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// New files, and files with other content.
    pub changed: BTreeSet<PathBuf>,
    /// Removed files.
    pub gone: BTreeSet<PathBuf>,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }
}

/// State between scans: the last scan, and the reported files.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    last: BTreeMap<PathBuf, Seen>,
    taken: BTreeMap<PathBuf, Seen>,
}

impl Watch {
    /// Starts with files that are already loaded.
    pub fn new(taken: BTreeMap<PathBuf, Seen>) -> Self {
        Self { last: taken.clone(), taken }
    }

    /// Whether a file was reported and not reported as gone since.
    pub fn holds(&self, path: &Path) -> bool {
        self.taken.contains_key(path)
    }

    /// Compares a scan with the last one. A change is reported once, when two scans in a row saw the same stamps. `at_once`
    /// reports it immediately, for callers that know all files to be complete.
    pub fn look(&mut self, seen: BTreeMap<PathBuf, Seen>, at_once: bool) -> Changes {
        let mut changes = Changes::default();
        for (path, now) in &seen {
            let settled = at_once || self.last.get(path) == Some(now);
            if settled && self.taken.get(path) != Some(now) {
                self.taken.insert(path.clone(), now.clone());
                changes.changed.insert(path.clone());
            }
        }
        // Gone in two scans: a program that rewrites a file may delete it first.
        let gone: Vec<_> = self.taken.keys().filter(|path| !seen.contains_key(*path)).cloned().collect();
        for path in gone {
            if at_once || !self.last.contains_key(&path) {
                self.taken.remove(&path);
                changes.gone.insert(path);
            }
        }
        self.last = seen;
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(files: &[(&str, u64)]) -> BTreeMap<PathBuf, Seen> {
        let stamp = |size| (Stamp { size, modified_ns: 0, inode: 1 }, None);
        files.iter().map(|(path, size)| (PathBuf::from(path), stamp(*size))).collect()
    }

    fn changed(paths: &[&str]) -> Changes {
        Changes { changed: paths.iter().map(PathBuf::from).collect(), gone: BTreeSet::new() }
    }

    #[test]
    fn a_file_that_is_being_written_is_waited_for() {
        let mut watch = Watch::new(seen(&[("a", 1)]));
        assert!(watch.look(seen(&[("a", 1)]), false).is_empty());
        assert!(watch.look(seen(&[("a", 2)]), false).is_empty());
        assert!(watch.look(seen(&[("a", 3)]), false).is_empty(), "it still grows");
        assert_eq!(watch.look(seen(&[("a", 3)]), false), changed(&["a"]));
        assert!(watch.look(seen(&[("a", 3)]), false).is_empty(), "once");
    }

    #[test]
    fn a_changing_file_holds_up_no_other() {
        let mut watch = Watch::new(seen(&[("a", 1), ("b", 1)]));
        assert!(watch.look(seen(&[("a", 2), ("b", 2)]), false).is_empty());
        assert_eq!(watch.look(seen(&[("a", 3), ("b", 2)]), false), changed(&["b"]));
    }

    #[test]
    fn a_file_written_back_as_it_was_is_no_change() {
        let mut watch = Watch::new(seen(&[("a", 1)]));
        assert!(watch.look(seen(&[("a", 2)]), false).is_empty());
        assert!(watch.look(seen(&[("a", 1)]), false).is_empty());
        assert!(watch.look(seen(&[("a", 1)]), false).is_empty());
    }

    #[test]
    fn a_file_is_gone_when_it_stays_away() {
        let mut watch = Watch::new(seen(&[("a", 1)]));
        assert!(watch.look(seen(&[]), false).is_empty());
        assert!(watch.holds(Path::new("a")), "it may be rewritten");
        let gone = Changes { gone: [PathBuf::from("a")].into(), ..Changes::default() };
        assert_eq!(watch.look(seen(&[]), false), gone);
        assert!(!watch.holds(Path::new("a")));
        assert!(watch.look(seen(&[]), false).is_empty(), "once");
    }

    #[test]
    fn who_says_that_all_is_in_place_is_believed() {
        let mut watch = Watch::new(seen(&[("a", 1), ("b", 1)]));
        let changes = watch.look(seen(&[("a", 2)]), true);
        assert_eq!((changes.changed.len(), changes.gone.len()), (1, 1));
        assert!(watch.look(seen(&[("a", 2)]), true).is_empty());
    }

    #[test]
    fn a_new_signature_is_a_change() {
        let mut watch = Watch::new(seen(&[("a", 1)]));
        let mut signed = seen(&[("a", 1)]);
        signed.get_mut(&PathBuf::from("a")).unwrap().1 = Some(Stamp { size: 9, modified_ns: 0, inode: 2 });
        assert_eq!(watch.look(signed, true), changed(&["a"]));
    }
}
