//! Durable and verified copies of files.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Result, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Size of the copy buffer.
const PIECE_BYTES: usize = 256 * 1024;

/// Size and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    /// Size in bytes.
    pub(super) size: u64,
    /// SHA-256, lower-case hexadecimal.
    pub(super) sha256: String,
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes with SHA-256 {}", self.size, self.sha256)
    }
}

/// Computes the digest of a file.
pub(super) fn digest(path: &Path) -> Result<Digest> {
    pass(&mut File::open(path)?, |_| Ok(()))
}

/// Copies a file to a new file with mode 0600 and returns its digest. Does not flush.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Digest> {
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    pass(&mut File::open(from)?, |piece| target.write_all(piece))
}

/// Creates a hard link to a file, or a copy if linking is impossible. Files of tasks are written once and replaced as a whole,
/// so the contents of a link do not change. Returns the digest as read through the new path, and whether it is a link.
pub(super) fn link_or_copy(from: &Path, to: &Path) -> Result<(Digest, bool)> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok((digest(to)?, true)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        // Another file system, one without hard links, or a file of another user.
        Err(_) => Ok((copy(from, to)?, false)),
    }
}

fn pass(from: &mut impl Read, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<Digest> {
    let (mut hash, mut size, mut piece) = (Sha256::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(Digest { size, sha256: hex::encode(hash.finalize()) }),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        take(&piece[..read])?;
        hash.update(&piece[..read]);
        size += read as u64;
    }
}

/// Creates a folder and its missing parents with mode 0700.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Flushes the whole file system of a folder: files, directory entries and links. Flushing each file would take milliseconds
/// for every file.
pub(super) fn flush_all(folder: &Path) -> Result<()> {
    let folder = File::open(folder)?;
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::syncfs(&folder)?);
    #[cfg(not(target_os = "linux"))]
    {
        rustix::fs::sync();
        folder.sync_all()
    }
}

/// Writes a file atomically. Returns once it is durable.
pub(in crate::wire) fn write_durably(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let part = folder.join(format!("{name}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// Bytes available to this process on the disk of a folder.
pub(super) fn free(folder: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    #[test]
    fn a_link_is_the_same_file_and_a_copy_another_with_the_same_content() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a"), "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let expected = Digest { size: 3, sha256: abc.into() };
        assert_eq!(link_or_copy(&at("a"), &at("link")).unwrap(), (expected.clone(), true));
        assert_eq!(copy(&at("a"), &at("copy")).unwrap(), expected);
        let node = |name: &str| std::fs::metadata(at(name)).unwrap().ino();
        assert!(node("a") == node("link") && node("a") != node("copy"));
        assert_eq!(std::fs::metadata(at("copy")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(link_or_copy(&at("none"), &at("x")).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(copy(&at("a"), &at("copy")).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}
