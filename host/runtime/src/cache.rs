//! Compiled components on disk, so that a start takes milliseconds.
//!
//! A compiled component is native code: loading a foreign one is running it. So the folder is the host's alone (owner
//! only, checked at every open), files are named by the digest of the component and the engine's compatibility hash,
//! and each begins with a SHA-256 of what follows.

use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

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

    fn read(&self, engine: &Engine, path: &Path) -> Option<Component> {
        let bytes = std::fs::read(path).ok()?;
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
