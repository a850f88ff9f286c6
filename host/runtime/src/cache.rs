//! Compiled components on disk, so that a start takes milliseconds.
//!
//! A compiled component is native code: loading a foreign one is running it. So the folder is the host's alone (owner
//! only, checked when the cache is opened, at the server's start), files are named by the digest of the component and the engine's compatibility hash,
//! and each begins with a SHA-256 of what follows.

use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled components that are kept. A step compiled for one engine is one file; 64 plugins, each in its last version too.
const FILES_MAX: usize = 128;

/// Bytes of compiled components that are kept: a Python component has some 60 MB compiled, thirty of those.
const FOLDER_BYTES_MAX: u64 = 2 << 30;

/// A file that another process has been writing for so long is of one that died.
const LEFT_OVER_AGE: Duration = Duration::from_secs(60 * 60);

/// How old a file's time may become before it is set anew when the file is used: what was used lately goes last.
const TOUCH_AFTER: Duration = Duration::from_secs(60 * 60);

/// A folder of compiled components.
#[derive(Debug, Clone)]
pub(crate) struct CompileCache {
    folder: PathBuf,
}

impl CompileCache {
    /// Opens or makes the folder. Refused where somebody else can write to it.
    pub(crate) fn open(folder: &Path) -> std::io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let meta = std::fs::symlink_metadata(folder)?;
        // The files of a process belong to its effective user: what a new file gets is what the folder must have.
        let own = tempfile_owner(folder)?;
        if !meta.is_dir() || meta.uid() != own || meta.permissions().mode() & 0o022 != 0 {
            let text = format!("{} can be written by others: give it to the server's user alone", folder.display());
            return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, text));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Loads a component, compiling it when it is not there. Says whether it was.
    pub(crate) fn load(&self, engine: &Engine, wasm: &[u8], digest: &str) -> wasmtime::Result<(Component, bool)> {
        let path = self.folder.join(format!("{digest}-{:016x}.cwasm", compatibility(engine)));
        if let Some(component) = self.read(engine, &path) {
            return Ok((component, true));
        }
        let component = Component::new(engine, wasm)?;
        if let Err(error) = self.write(&path, &component.serialize()?) {
            tracing::warn!(%error, "a compiled component could not be kept: the next start compiles it again");
        }
        Ok((component, false))
    }

    /// Removes what is beyond the limits and not `used`, the longest unused first. Told by digest of the component.
    pub(crate) fn tidy(&self, used: impl Fn(&str) -> bool) -> std::io::Result<()> {
        let now = SystemTime::now();
        let (mut files, mut bytes) = (Vec::new(), 0_u64);
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process on this folder may have removed it.
            let Some(meta) = there(entry.metadata())? else { continue };
            let path = entry.path();
            if !meta.is_file() {
                continue;
            }
            let (modified, name) = (meta.modified()?, path.file_name().unwrap_or_default().to_string_lossy());
            match name.strip_suffix(".cwasm").and_then(|name| name.split_once('-')) {
                Some((digest, _)) => {
                    bytes += meta.len();
                    files.push((modified, meta.len(), used(digest), path));
                }
                None => {
                    let left_over = name.contains(".partial-") || name.starts_with("probe-");
                    if left_over && now.duration_since(modified).is_ok_and(|age| age > LEFT_OVER_AGE) {
                        there(std::fs::remove_file(&path))?;
                    }
                }
            }
        }
        files.sort();
        let mut count = files.len();
        for (_, size, _, path) in files.into_iter().filter(|(_, _, is_used, _)| !is_used) {
            if count <= FILES_MAX && bytes <= FOLDER_BYTES_MAX {
                break;
            }
            there(std::fs::remove_file(&path))?;
            tracing::debug!(path = %path.display(), "a compiled component that nobody uses was removed");
            (count, bytes) = (count - 1, bytes - size);
        }
        Ok(())
    }

    fn read(&self, engine: &Engine, path: &Path) -> Option<Component> {
        let bytes = std::fs::read(path).ok()?;
        touch(path);
        let (digest, code) = bytes.split_at_checked(32)?;
        if Sha256::digest(code).as_slice() != digest {
            tracing::warn!(path = %path.display(), "a compiled component is damaged: compiling it again");
            return None;
        }
        // SAFETY: the folder is the host's alone (checked by `open`), the file is one that `write` made for this
        // component and this engine (its name), and it is whole (its digest).
        #[expect(unsafe_code, reason = "wasmtime cannot check native code; the module's doc says why this is ours")]
        let component = unsafe { Component::deserialize(engine, code) };
        component.inspect_err(|error| tracing::warn!(%error, "a compiled component is not this engine's")).ok()
    }

    fn write(&self, path: &Path, code: &[u8]) -> std::io::Result<()> {
        // A name of its own and a rename: another process never reads half a file.
        let partial = path.with_extension(format!("partial-{}", uuid::Uuid::new_v4()));
        let written = (|| {
            let mut file = std::fs::File::create_new(&partial)?;
            file.write_all(&Sha256::digest(code))?;
            file.write_all(code)?;
            std::fs::rename(&partial, path)
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        written
    }
}

/// What was done to a file; none where it is gone.
fn there<T>(done: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

/// Notes that a file was used. That this fails changes only what is removed first.
fn touch(path: &Path) {
    let Ok(file) = std::fs::File::open(path) else { return };
    let now = SystemTime::now();
    let old = |modified| now.duration_since(modified).is_ok_and(|age| age > TOUCH_AFTER);
    if file.metadata().and_then(|meta| meta.modified()).is_ok_and(old) {
        let _ = file.set_modified(now);
    }
}

fn compatibility(engine: &Engine) -> u64 {
    // Not `DefaultHasher`'s documented use, but the hash is only a file name on this machine: a change of it between
    // Rust versions costs one compilation.
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn tempfile_owner(folder: &Path) -> std::io::Result<u32> {
    let probe = folder.join(format!("probe-{}", uuid::Uuid::new_v4()));
    let owner = std::fs::File::create_new(&probe)?.metadata()?.uid();
    std::fs::remove_file(&probe)?;
    Ok(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"(component)";

    fn engine() -> Engine {
        Engine::default()
    }

    #[test]
    fn the_second_load_comes_from_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, engine) = (CompileCache::open(&folder.path().join("c")).unwrap(), engine());
        let wasm = wat(EMPTY);
        assert!(!cache.load(&engine, &wasm, "d").unwrap().1);
        assert!(cache.load(&engine, &wasm, "d").unwrap().1);
    }

    #[test]
    fn a_damaged_file_is_compiled_again() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, engine) = (CompileCache::open(&folder.path().join("c")).unwrap(), engine());
        let wasm = wat(EMPTY);
        cache.load(&engine, &wasm, "d").unwrap();
        let file = std::fs::read_dir(folder.path().join("c")).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        assert!(!cache.load(&engine, &wasm, "d").unwrap().1);
    }

    #[test]
    fn the_longest_unused_files_go_and_those_in_use_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let cache = CompileCache::open(&path).unwrap();
        let old = |name: String, seconds: usize| {
            let file = std::fs::File::create(path.join(name)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds as u64)).unwrap();
        };
        (0..FILES_MAX + 3).for_each(|age| old(format!("d{age}-0.cwasm"), age));
        old("d-0.partial-1".into(), 1);
        std::fs::write(path.join("d-0.partial-2"), "being written").unwrap();
        std::fs::create_dir(path.join("pulled")).unwrap();
        cache.tidy(|digest| digest == "d0").unwrap();
        let left = |name: &str| path.join(name).exists();
        assert!(left("d0-0.cwasm"), "the oldest of all is used");
        assert!(!left("d1-0.cwasm") && !left("d3-0.cwasm") && left("d4-0.cwasm"));
        assert!(!left("d-0.partial-1") && left("d-0.partial-2") && left("pulled"));
    }

    #[test]
    fn a_file_that_is_gone_is_removed_already() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(there(std::fs::remove_file(folder.path().join("gone"))).unwrap(), None);
        assert!(there(std::fs::remove_file(folder.path())).is_err(), "a folder is no file");
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(CompileCache::open(folder.path()).unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    }

    /// The smallest component: magic, version 13, layer 1.
    fn wat(_: &[u8]) -> Vec<u8> {
        vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0]
    }
}
