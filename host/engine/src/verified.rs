//! Files that this process has compared with the log, and found as they were written.

use morag_core::ports::BlobPath;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Files that are remembered as verified; between one and two times as many. Some 200 bytes each. What is forgotten is hashed
/// once more.
const REMEMBERED_MAX: usize = 8192;

/// Files whose content this process has hashed and found right, as they were then: by path, the etag (in a folder: inode, size
/// and time of the last write) and the digest.
#[derive(Debug, Default)]
pub struct Verified(Mutex<Generations>);

/// When the younger is full it becomes the older, and what is in neither is forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<BlobPath, Seen>,
    old: HashMap<BlobPath, Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    etag: String,
    sha256: String,
}

impl Verified {
    /// Whether the file had this digest when it had this etag.
    pub fn is(&self, path: &BlobPath, etag: &str, sha256: &str) -> bool {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = generations.young.get(path).or_else(|| generations.old.get(path));
        seen.is_some_and(|seen| seen.etag == etag && seen.sha256 == sha256)
    }

    /// Remembers that it has.
    pub fn note(&self, path: BlobPath, etag: String, sha256: String) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= REMEMBERED_MAX {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(path, Seen { etag, sha256 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::task::TaskId;

    fn path(name: &str) -> BlobPath {
        BlobPath::file(TaskId::from(uuid::Uuid::nil()), &name.parse().unwrap())
    }

    #[test]
    fn a_file_is_verified_as_it_was() {
        let verified = Verified::default();
        verified.note(path("a"), "e1".into(), "s1".into());
        assert!(verified.is(&path("a"), "e1", "s1"));
        assert!(!verified.is(&path("a"), "e2", "s1") && !verified.is(&path("a"), "e1", "s2"));
        assert!(!verified.is(&path("b"), "e1", "s1"));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_latest_stays() {
        let verified = Verified::default();
        let name = |n: usize| path(&format!("f{n}"));
        for n in 0..REMEMBERED_MAX * 3 {
            verified.note(name(n), "e".into(), "s".into());
        }
        let kept = (0..REMEMBERED_MAX * 3).filter(|n| verified.is(&name(*n), "e", "s")).count();
        assert!((REMEMBERED_MAX..=REMEMBERED_MAX * 2).contains(&kept), "{kept}");
        assert!(verified.is(&name(REMEMBERED_MAX * 2), "e", "s"));
    }
}
