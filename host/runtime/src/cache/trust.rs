//! Whether a file of the cache may be run.
//!
//! Each file has a seal: HMAC-SHA256 of its name and content, with a key of the cache. Without the key it is impossible to write a
//! file that is used, or to give one component's code the name of another's. The key is a file that only the server's user can read.
//! It cannot be replaced: it is used only if it belongs to that user, is no link and has no second name. So folders above the cache
//! need no check: a user who may write there can replace the cache's folder, but not with one that has the key. The cache's folder is
//! nevertheless checked at each use, and ignored where others may write: such permissions are a mistake, and others could fill or
//! empty it.

use crate::whole_file::write_partial;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes of a seal, and of a key.
pub(super) const SEAL_BYTES: usize = 32;

/// Name of the key's file.
const KEY_FILE: &str = "key";

/// Version of the seal's format: a file of another version has another seal.
const DOMAIN: &[u8] = b"morag compiled component 1\0";

/// Why the cache's files are not used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untrusted {
    /// Other users can write there, or it is of another kind.
    #[error("{path} {what}")]
    Kept {
        /// Which folder or file.
        path: PathBuf,
        /// The fault, and what to do.
        what: &'static str,
    },
    /// It cannot be read.
    #[error("{path} cannot be used: {error}")]
    Unusable {
        /// Which folder or file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Facts of a folder or file.
#[derive(Debug, Clone, Copy)]
struct Facts {
    is_folder: bool,
    is_file: bool,
    owner: u32,
    mode: u32,
    links: u64,
}

impl From<&Metadata> for Facts {
    fn from(meta: &Metadata) -> Self {
        Self {
            is_folder: meta.is_dir(),
            is_file: meta.is_file(),
            owner: meta.uid(),
            mode: meta.mode() & 0o7777,
            links: meta.nlink(),
        }
    }
}

fn judge_folder(facts: Facts, own: u32) -> Result<(), &'static str> {
    match facts {
        Facts { is_folder: false, .. } => {
            Err("is a link or no folder: set MORAG_COMPILE_CACHE_DIR to a folder of the server's user alone")
        }
        Facts { owner, .. } if owner != own => Err(
            "belongs to another user: give it to the server's user (chown), or set MORAG_COMPILE_CACHE_DIR to another",
        ),
        Facts { mode, .. } if mode & 0o022 != 0 => {
            Err("can be written by others: take that from them (chmod go-w), and remove what is in it")
        }
        _ => Ok(()),
    }
}

/// A file of the server. `secret`: other users may not read it.
fn judge_file(facts: Facts, own: u32, secret: bool) -> Result<(), &'static str> {
    let others = if secret { 0o077 } else { 0o022 };
    match facts {
        Facts { is_file: false, .. } => Err("is a link or no file: remove it"),
        Facts { owner, .. } if owner != own => Err("belongs to another user: remove it"),
        Facts { mode, .. } if mode & others != 0 => Err("is open to others: remove it"),
        Facts { links, .. } if links != 1 => Err("has another name besides: remove it"),
        _ => Ok(()),
    }
}

/// Checks a folder whose files must belong to the user of this number.
pub(super) fn check_folder(folder: &Path, own: u32) -> Result<(), Untrusted> {
    let meta = std::fs::symlink_metadata(folder).map_err(|error| Untrusted::Unusable { path: folder.into(), error })?;
    judge_folder(Facts::from(&meta), own).map_err(|what| Untrusted::Kept { path: folder.into(), what })
}

/// Opens a file to read it; none where it does not exist. The open file is checked, not its name, which may by then be another's.
pub(super) fn open_file(path: &Path, own: u32, secret: bool) -> Result<Option<File>, Untrusted> {
    // Links are not followed, and a pipe is not waited for.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
    let unusable = |error| Untrusted::Unusable { path: path.into(), error };
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(Untrusted::Kept { path: path.into(), what: "is a link: remove it" });
        }
        Err(error) => return Err(unusable(error)),
    };
    let meta = file.metadata().map_err(unusable)?;
    judge_file(Facts::from(&meta), own, secret).map_err(|what| Untrusted::Kept { path: path.into(), what })?;
    Ok(Some(file))
}

/// The key of the seals.
#[derive(Clone)]
pub(super) struct Key([u8; SEAL_BYTES]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Key {
    /// The key of a folder, made where there is none. If two processes make one at once, both use the first.
    pub(super) fn of(folder: &Path, own: u32) -> Result<Self, Untrusted> {
        let path = folder.join(KEY_FILE);
        if let Some(key) = Self::read(&path, own)? {
            return Ok(key);
        }
        let unusable = |error: io::Error| Untrusted::Unusable { path: path.clone(), error };
        let mut new = [0; SEAL_BYTES];
        // Random, both: a number of version 4 has 122 bits of the system's.
        for (part, id) in new.chunks_exact_mut(16).zip([uuid::Uuid::new_v4(), uuid::Uuid::new_v4()]) {
            part.copy_from_slice(id.as_bytes());
        }
        let partial = write_partial(&path, &[&new]).map_err(unusable)?;
        let here = rustix::fs::CWD;
        let named = rustix::fs::renameat_with(here, &partial, here, &path, rustix::fs::RenameFlags::NOREPLACE);
        if let Err(error) = named {
            let _ = std::fs::remove_file(&partial);
            if error != rustix::io::Errno::EXIST {
                return Err(unusable(error.into()));
            }
        }
        let missing = || unusable(io::ErrorKind::NotFound.into());
        Self::read(&path, own)?.ok_or_else(missing)
    }

    fn read(path: &Path, own: u32) -> Result<Option<Self>, Untrusted> {
        let Some(file) = open_file(path, own, true)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(SEAL_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| Untrusted::Unusable { path: path.into(), error })?;
        match bytes.try_into() {
            Ok(key) => Ok(Some(Self(key))),
            Err(_) => Err(Untrusted::Kept { path: path.into(), what: "is no key: remove it" }),
        }
    }

    fn mac(&self, name: &str, code: &[u8]) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("a key of any length");
        for part in [DOMAIN, name.as_bytes(), b"\0", code] {
            mac.update(part);
        }
        mac
    }

    /// The seal of a file.
    pub(super) fn seal(&self, name: &str, code: &[u8]) -> [u8; SEAL_BYTES] {
        self.mac(name, code).finalize().into_bytes().into()
    }

    /// Whether this is the seal of a file.
    pub(super) fn is_seal(&self, seal: &[u8], name: &str, code: &[u8]) -> bool {
        self.mac(name, code).verify_slice(seal).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const FOLDER: Facts = Facts { is_folder: true, is_file: false, owner: 7, mode: 0o700, links: 2 };
    const FILE: Facts = Facts { is_folder: false, is_file: true, owner: 7, mode: 0o600, links: 1 };

    #[test]
    fn only_the_users_own_folders_and_files_are_trusted() {
        assert_eq!(judge_folder(FOLDER, 7), Ok(()));
        assert_eq!(judge_folder(Facts { mode: 0o755, ..FOLDER }, 7), Ok(()));
        let bad = [
            Facts { is_folder: false, ..FOLDER },
            Facts { owner: 8, ..FOLDER },
            // Nor root's: its files would not be ours.
            Facts { owner: 0, ..FOLDER },
            Facts { mode: 0o720, ..FOLDER },
            Facts { mode: 0o702, ..FOLDER },
            // A sticky one too: others could put files there.
            Facts { mode: 0o1777, ..FOLDER },
        ];
        assert!(bad.into_iter().all(|facts| judge_folder(facts, 7).is_err()));
        assert_eq!((judge_file(FILE, 7, false), judge_file(FILE, 7, true)), (Ok(()), Ok(())));
        assert_eq!(judge_file(Facts { mode: 0o644, ..FILE }, 7, false), Ok(()));
        let bad = [
            Facts { is_file: false, ..FILE },
            Facts { owner: 8, ..FILE },
            Facts { mode: 0o620, ..FILE },
            Facts { mode: 0o602, ..FILE },
            Facts { links: 2, ..FILE },
        ];
        assert!(bad.into_iter().all(|facts| judge_file(facts, 7, false).is_err()));
        assert!(judge_file(Facts { mode: 0o640, ..FILE }, 7, true).is_err(), "a key that others can read is none");
    }

    #[test]
    fn a_key_is_made_once_and_its_seal_is_of_a_name_and_a_content() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(folder.path()).unwrap().uid();
        let key = Key::of(folder.path(), own).unwrap();
        let seal = key.seal("a", b"code");
        assert!(Key::of(folder.path(), own).unwrap().is_seal(&seal, "a", b"code"), "it is kept");
        assert!(!key.is_seal(&seal, "b", b"code") && !key.is_seal(&seal, "a", b"Code") && !key.is_seal(&[], "a", b""));
        let other = tempfile::tempdir().unwrap();
        assert!(!Key::of(other.path(), own).unwrap().is_seal(&seal, "a", b"code"));
        let file = folder.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{key:?}").contains(char::is_numeric));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(Key::of(folder.path(), own).unwrap_err().to_string().contains("open to others"));
    }

    #[test]
    fn a_key_by_a_link_or_of_another_length_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::fs::metadata(folder.path()).unwrap().uid();
        let planted = folder.path().join("planted");
        std::fs::write(&planted, [0; SEAL_BYTES]).unwrap();
        std::fs::set_permissions(&planted, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&planted, folder.path().join(KEY_FILE)).unwrap();
        assert!(Key::of(folder.path(), own).unwrap_err().to_string().contains("is a link"));
        std::fs::remove_file(folder.path().join(KEY_FILE)).unwrap();
        std::fs::hard_link(&planted, folder.path().join(KEY_FILE)).unwrap();
        assert!(Key::of(folder.path(), own).unwrap_err().to_string().contains("another name"));
        std::fs::remove_file(&planted).unwrap();
        std::fs::write(folder.path().join(KEY_FILE), b"short").unwrap();
        assert!(Key::of(folder.path(), own).unwrap_err().to_string().contains("is no key"));
    }
}
