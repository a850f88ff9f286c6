//! Compiled components on disk, so that a start takes milliseconds.
//!
//! A compiled component is native code: loading a foreign one is running it. [`trust`] decides which files are used. A file is
//! named by the digest of the component and the engine's compatibility hash, and begins with a seal of its name and content. So is what
//! a converter said of itself: it decides what a later start lets the component do.

mod trust;

use crate::compile::Refusals;
use crate::description::Description;
use crate::interface;
use crate::whole_file::write_whole;
use morag_core::Timestamp;
use morag_core::plugin::CompileLimits;
use std::hash::{Hash, Hasher};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use trust::{Key, SEAL_BYTES, Untrusted};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled components that are kept. A step compiled for one engine is one file; 64 plugins, each in its last version too.
const FILES_MAX: usize = 128;

/// Bytes of compiled components that are kept: a Python component has some 60 MB compiled, thirty of those.
const FOLDER_BYTES_MAX: u64 = 2 << 30;

/// Refused components that are remembered: each is less than 4 KiB, and a folder has far fewer components.
const REFUSED_MAX: usize = 256;

/// Descriptions that are kept, each of at most some 100 KiB and mostly of 2: as many as components of the folder may be refused.
const DESCRIBED_MAX: usize = 256;

/// Age at which a file that another process is writing counts as left over from a process that died.
const LEFT_OVER_AGE: Duration = Duration::from_secs(60 * 60);

/// Age at which a note of a compilation that was begun is ignored.
const BEGUN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Age of a file's time at which a use of the file renews it: files that were used recently are removed last.
const TOUCH_AFTER: Duration = Duration::from_secs(60 * 60);

/// A folder of compiled components.
#[derive(Debug, Clone)]
pub(crate) struct CompileCache {
    folder: PathBuf,
    /// Number of the user that owns the files of this process.
    own: u32,
    key: Arc<OnceLock<Key>>,
}

impl CompileCache {
    /// Opens or makes the folder. Each use decides whether its files can be trusted.
    pub(crate) fn open(folder: &Path) -> std::io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned(), own: tempfile_owner(folder)?, key: Arc::default() })
    }

    /// A component of the cache, compiled by this process or another of the same user. `now`: when it is used.
    pub(crate) fn read(&self, engine: &Engine, digest: &str, now: Timestamp) -> Option<Component> {
        let read = self.trusted().and_then(|key| self.read_component(key, engine, digest, now));
        read.unwrap_or_else(|untrusted| {
            tracing::warn!("the compile cache is not used, and components are compiled anew: {untrusted}");
            None
        })
    }

    fn read_component(
        &self,
        key: &Key,
        engine: &Engine,
        digest: &str,
        now: Timestamp,
    ) -> Result<Option<Component>, Untrusted> {
        let Some(code) = self.read_sealed(key, &name(engine, digest), now)? else { return Ok(None) };
        // SAFETY: the code is what `write` sealed for this component and this engine (its name): no other user has the key.
        #[expect(unsafe_code, reason = "wasmtime cannot check native code; `trust` says why this is ours")]
        let component = unsafe { Component::deserialize(engine, code) };
        Ok(component.inspect_err(|error| tracing::warn!(%error, "a compiled component is not this engine's")).ok())
    }

    /// The content of a file with the seal of its name.
    fn read_sealed(&self, key: &Key, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Untrusted> {
        let path = self.folder.join(name);
        let Some(mut file) = trust::open_file(&path, self.own, false)? else { return Ok(None) };
        let mut bytes = Vec::new();
        // The size of files that we wrote is bounded, and no other file has a seal.
        file.read_to_end(&mut bytes).map_err(|error| Untrusted::Unusable { path: path.clone(), error })?;
        touch(&file, system_time(now));
        match bytes.split_at_checked(SEAL_BYTES) {
            Some((seal, content)) if key.is_seal(seal, name, content) => Ok(Some(bytes.split_off(SEAL_BYTES))),
            _ => {
                let path = path.display();
                tracing::warn!(%path, "a file of the compile cache is damaged, or not of this server: it is made again");
                Ok(None)
            }
        }
    }

    /// What a component said of itself when it was first loaded, by this process or another of the same user. `now`: when it is used.
    pub(crate) fn description(&self, engine: &Engine, digest: &str, now: Timestamp) -> Option<Description> {
        let name = description_name(engine, digest);
        let read = self.trusted().and_then(|key| self.read_sealed(key, &name, now));
        // Compiling finds the same fault, and says it.
        let text = read
            .inspect_err(|untrusted| tracing::debug!("no description out of the compile cache: {untrusted}"))
            .ok()??;
        serde_json::from_slice(&text)
            .inspect_err(|error| tracing::debug!(%error, name, "another form of description"))
            .ok()
    }

    /// Stores what a component said of itself. A failure costs the next start a baseline compilation, so it is only logged.
    pub(crate) fn keep_description(&self, engine: &Engine, digest: &str, description: &Description) {
        let text = match serde_json::to_vec(description) {
            Ok(text) => text,
            Err(error) => return tracing::warn!(%error, digest, "a component's description could not be kept"),
        };
        self.write_sealed(&description_name(engine, digest), &text);
    }

    /// Stores native code of a component. A failure costs the next start a compilation, so it is only logged.
    pub(crate) fn write(&self, engine: &Engine, digest: &str, code: &[u8]) {
        self.write_sealed(&name(engine, digest), code);
    }

    fn write_sealed(&self, name: &str, content: &[u8]) {
        let written = self.trusted().and_then(|key| {
            let path = self.folder.join(name);
            let written = write_whole(&path, &[&key.seal(name, content), content]);
            written.map_err(|error| Untrusted::Unusable { path, error })
        });
        if let Err(error) = written {
            tracing::warn!(%error, "a file of the compile cache could not be kept: the next start makes it again");
        }
    }

    /// The refusals of a component with these limits; none where other users can write to the folder.
    pub(crate) fn refusals(&self, engine: &Engine, digest: &str, limits: Option<CompileLimits>) -> Option<Refusals> {
        self.trusted().ok().map(|_| Refusals::of(&self.folder, digest, compatibility(engine), limits))
    }

    /// The key, where only the server's user can still write to the folder.
    fn trusted(&self) -> Result<&Key, Untrusted> {
        trust::check_folder(&self.folder, self.own)?;
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = Key::of(&self.folder, self.own)?;
        Ok(self.key.get_or_init(|| key))
    }

    /// Removes the files that are beyond the limits and not `used` (by digest of the component), the longest unused first. Ages
    /// are counted up to `now`.
    pub(crate) fn tidy(&self, now: Timestamp, used: impl Fn(&str) -> bool) -> std::io::Result<()> {
        let now = system_time(now);
        let (mut files, mut bytes, mut refused, mut described) = (Vec::new(), 0_u64, Vec::new(), Vec::new());
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another process on this folder may have removed it.
            let Some(meta) = there(entry.metadata())? else { continue };
            let path = entry.path();
            if !meta.is_file() {
                continue;
            }
            let (modified, name) = (meta.modified()?, path.file_name().unwrap_or_default().to_string_lossy());
            let is_older = |than: Duration| now.duration_since(modified).is_ok_and(|age| age > than);
            match (name.strip_suffix(".cwasm").and_then(|name| name.split_once('-')), path.extension()) {
                (Some((digest, _)), _) => {
                    bytes += meta.len();
                    files.push((modified, meta.len(), used(digest), path));
                }
                (None, Some(ending)) if ending == "refused" => refused.push((modified, path)),
                (None, Some(ending)) if ending == "described" => described.push((modified, path)),
                (None, ending) => {
                    let is_note = ending.is_some_and(|ending| ending == "begun");
                    let is_partial = name.contains(".partial-") || name.starts_with("probe-");
                    if is_note && is_older(BEGUN_AGE) || is_partial && is_older(LEFT_OVER_AGE) {
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
            tracing::debug!(path = %path.display(), "an unused compiled component was removed");
            (count, bytes) = (count - 1, bytes - size);
        }
        refused.sort();
        let surplus = refused.len().saturating_sub(REFUSED_MAX);
        let is_old =
            |modified: SystemTime| now.duration_since(modified).is_ok_and(|age| age > crate::compile::REFUSAL_AGE_MAX);
        for (index, (modified, path)) in refused.into_iter().enumerate() {
            if index < surplus || is_old(modified) {
                there(std::fs::remove_file(&path))?;
            }
        }
        described.sort();
        let surplus = described.len().saturating_sub(DESCRIBED_MAX);
        for (_, path) in described.into_iter().take(surplus) {
            there(std::fs::remove_file(&path))?;
        }
        Ok(())
    }
}

/// The result of an operation on a file; none where the file is missing.
fn there<T>(done: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

/// The time that a file gets, or is compared with.
fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}

/// Notes that a file was used. A failure changes only which file is removed first.
fn touch(file: &std::fs::File, now: SystemTime) {
    let old = |modified| now.duration_since(modified).is_ok_and(|age| age > TOUCH_AFTER);
    if file.metadata().and_then(|meta| meta.modified()).is_ok_and(old) {
        let _ = file.set_modified(now);
    }
}

/// The file of a component's code. The last part is the format's version: files of other versions are ignored.
fn name(engine: &Engine, digest: &str) -> String {
    format!("{digest}-{:016x}-2.cwasm", compatibility(engine))
}

/// The file of a component's description. A server of another version may check descriptions in another way, and another engine may
/// run no component: each asks the component again. The number is the format's version.
fn description_name(engine: &Engine, digest: &str) -> String {
    let mut hasher = std::hash::DefaultHasher::new();
    (compatibility(engine), env!("CARGO_PKG_VERSION"), interface::VERSION).hash(&mut hasher);
    format!("{digest}-{:016x}-1.described", hasher.finish())
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
    use morag_core::plugin::{AcceptedFormat, Capability, Descriptor, Input, Output};
    use std::os::unix::fs::PermissionsExt as _;

    /// The smallest component: magic, version 13, layer 1.
    const EMPTY: &[u8] = &[0, b'a', b's', b'm', 0x0d, 0, 1, 0];

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn descriptor(name: &str) -> Descriptor {
        Descriptor {
            name: name.into(),
            version: "1".into(),
            summary: "s".into(),
            inputs: vec![Input { name: "a.json".parse().unwrap(), required: true }],
            outputs: vec![Output {
                name: "b.md".parse().unwrap(),
                media_type: "text/markdown".into(),
                data_key: Some("k".into()),
            }],
            capabilities: vec![Capability::Kv],
            config_schema: serde_json::json!({"type": "object"}),
            formats: Some(vec![AcceptedFormat {
                name: "x".into(),
                media_types: vec!["a/x".into()],
                extensions: vec!["x".into()],
            }]),
        }
    }

    struct Lab {
        folder: tempfile::TempDir,
        engine: Engine,
        cache: CompileCache,
    }

    impl Lab {
        /// A cache in which the component `d` is.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (cache, engine) = (CompileCache::open(&folder.path().join("c")).unwrap(), Engine::default());
            assert!(cache.read(&engine, "d", NOW).is_none());
            cache.write(&engine, "d", &engine.precompile_component(EMPTY).unwrap());
            let lab = Self { folder, engine, cache };
            assert!(lab.is_there("d"));
            lab
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("c")
        }

        fn file(&self, digest: &str) -> PathBuf {
            self.path().join(name(&self.engine, digest))
        }

        /// Whether it is taken, by this process and by a new one.
        fn is_there(&self, digest: &str) -> bool {
            let new = CompileCache::open(&self.path()).unwrap();
            let there = [&self.cache, &new].map(|cache| cache.read(&self.engine, digest, NOW).is_some());
            assert_eq!(there[0], there[1]);
            there[0]
        }

        fn mode(&self, path: &Path, mode: u32) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn changed_bytes_are_not_loaded() {
        let lab = Lab::new();
        let mut bytes = std::fs::read(lab.file("d")).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(lab.file("d"), bytes).unwrap();
        assert!(!lab.is_there("d"));
    }

    #[test]
    fn code_that_carries_a_digest_of_itself_but_no_seal_is_not_loaded() {
        use sha2::{Digest as _, Sha256};
        let lab = Lab::new();
        let code = lab.engine.precompile_component(EMPTY).unwrap();
        // What was enough before.
        std::fs::write(lab.file("d"), [Sha256::digest(&code).as_slice(), &code].concat()).unwrap();
        assert!(!lab.is_there("d"));
    }

    #[test]
    fn a_description_is_used_for_its_own_component_and_only_as_it_was_written() {
        let lab = Lab::new();
        let of = |name: &str| Description { descriptor: descriptor(name), used: [Capability::Kv].into() };
        let read = |digest: &str| CompileCache::open(&lab.path()).unwrap().description(&lab.engine, digest, NOW);
        lab.cache.keep_description(&lab.engine, "d", &of("first"));
        assert_eq!((read("d"), read("e")), (Some(of("first")), None));
        let file = |digest: &str| lab.path().join(description_name(&lab.engine, digest));
        std::fs::copy(file("d"), file("e")).unwrap();
        assert_eq!(read("e"), None, "it has the seal of another component");
        let mut bytes = std::fs::read(file("d")).unwrap();
        let at = bytes.windows(5).position(|part| part == b"first").unwrap();
        bytes[at..at + 5].copy_from_slice(b"other");
        std::fs::write(file("d"), &bytes).unwrap();
        assert_eq!(read("d"), None, "it was changed");
        lab.cache.keep_description(&lab.engine, "d", &of("again"));
        assert_eq!(read("d"), Some(of("again")));
    }

    #[test]
    fn the_code_of_one_component_is_not_loaded_for_another() {
        let lab = Lab::new();
        std::fs::rename(lab.file("d"), lab.file("e")).unwrap();
        assert!(!lab.is_there("e"));
        std::fs::rename(lab.file("e"), lab.file("d")).unwrap();
        assert!(lab.is_there("d"));
    }

    #[test]
    fn a_file_by_a_link_is_not_loaded() {
        let lab = Lab::new();
        let elsewhere = lab.folder.path().join("elsewhere");
        std::fs::rename(lab.file("d"), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, lab.file("d")).unwrap();
        assert!(!lab.is_there("d"));
        std::fs::remove_file(lab.file("d")).unwrap();
        std::fs::hard_link(&elsewhere, lab.file("d")).unwrap();
        assert!(!lab.is_there("d"));
        std::fs::remove_file(&elsewhere).unwrap();
        assert!(lab.is_there("d"));
    }

    #[test]
    fn nothing_is_loaded_of_what_others_can_write_until_they_cannot() {
        let lab = Lab::new();
        for (path, bad, good) in [(lab.path(), 0o770, 0o700), (lab.path(), 0o707, 0o700), (lab.file("d"), 0o620, 0o600)]
        {
            lab.mode(&path, bad);
            assert!(!lab.is_there("d"), "{} {bad:o}", path.display());
            lab.mode(&path, good);
            assert!(lab.is_there("d"), "{} {good:o}", path.display());
        }
        lab.mode(&lab.path(), 0o777);
        lab.cache.write(&lab.engine, "e", b"code");
        assert!(!lab.file("e").exists(), "nor is anything kept there");
        assert!(lab.cache.refusals(&lab.engine, "d", None).is_none());
    }

    #[test]
    fn a_cache_by_a_link_is_not_used() {
        let lab = Lab::new();
        let moved = lab.folder.path().join("moved");
        std::fs::rename(lab.path(), &moved).unwrap();
        std::os::unix::fs::symlink(&moved, lab.path()).unwrap();
        assert!(!lab.is_there("d"));
    }

    /// Who may write to a folder above puts another in place of the cache.
    #[test]
    fn another_folder_in_its_place_has_another_key() {
        let (lab, planted) = (Lab::new(), Lab::new());
        std::fs::rename(lab.path(), lab.folder.path().join("away")).unwrap();
        std::fs::rename(planted.path(), lab.path()).unwrap();
        assert!(lab.cache.read(&lab.engine, "d", NOW).is_none());
    }

    /// Only root can give a file away; elsewhere `trust` holds the rule alone.
    #[test]
    fn what_belongs_to_another_user_is_not_loaded() {
        let lab = Lab::new();
        if std::os::unix::fs::chown(lab.file("d"), Some(12_345), None).is_ok() {
            assert!(!lab.is_there("d"));
            std::os::unix::fs::chown(lab.path(), Some(12_345), None).unwrap();
            assert!(lab.cache.read(&lab.engine, "d", NOW).is_none());
        }
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
        old("d-0.begun".into(), 1);
        let just_now = usize::try_from(NOW.as_seconds()).unwrap();
        old("d-1.begun".into(), just_now);
        old("d-0.partial-2".into(), just_now);
        std::fs::create_dir(path.join("pulled")).unwrap();
        cache.tidy(NOW, |digest| digest == "d0").unwrap();
        let left = |name: &str| path.join(name).exists();
        assert!(left("d0-0.cwasm"), "the oldest of all is used");
        assert!(!left("d1-0.cwasm") && !left("d3-0.cwasm") && left("d4-0.cwasm"));
        assert!(!left("d-0.partial-1") && left("d-0.partial-2") && left("pulled"));
        assert!(!left("d-0.begun") && left("d-1.begun"));
    }

    #[test]
    fn descriptions_are_bounded_in_number() {
        let lab = Lab::new();
        let described = |name: &str, ago: u64| {
            let file = std::fs::File::create(lab.path().join(format!("{name}.described"))).unwrap();
            file.set_modified(system_time(NOW) - Duration::from_secs(ago)).unwrap();
        };
        (0..=DESCRIBED_MAX).for_each(|index| described(&format!("d{index}"), index as u64));
        lab.cache.tidy(NOW, |_| false).unwrap();
        let left = |index: usize| lab.path().join(format!("d{index}.described")).exists();
        assert!(left(0) && left(DESCRIBED_MAX - 1) && !left(DESCRIBED_MAX));
    }

    #[test]
    fn refusals_are_bounded_in_number_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let cache = CompileCache::open(&path).unwrap();
        let now = system_time(NOW);
        let refused = |name: &str, ago: Duration| {
            let file = std::fs::File::create(path.join(format!("{name}.refused"))).unwrap();
            file.set_modified(now - ago).unwrap();
        };
        let left = |name: &str| path.join(format!("{name}.refused")).exists();
        refused("old", crate::compile::REFUSAL_AGE_MAX + Duration::from_secs(60));
        refused("new", Duration::ZERO);
        cache.tidy(NOW, |_| false).unwrap();
        assert!(!left("old") && left("new"));
        (0..REFUSED_MAX).for_each(|index| refused(&format!("r{index}"), Duration::from_secs(1 + index as u64)));
        cache.tidy(NOW, |_| false).unwrap();
        let surplus = format!("r{}", REFUSED_MAX - 1);
        assert!(left("new") && left("r0") && !left(&surplus));
    }

    #[test]
    fn a_file_that_is_used_counts_as_used_now_if_that_is_an_hour_later() {
        let lab = Lab::new();
        let modified = || std::fs::metadata(lab.file("d")).unwrap().modified().unwrap();
        let file = std::fs::File::open(lab.file("d")).unwrap();
        for (ago, touched) in [(TOUCH_AFTER, false), (TOUCH_AFTER + Duration::from_secs(1), true)] {
            let before = system_time(NOW) - ago;
            file.set_modified(before).unwrap();
            assert!(lab.cache.read(&lab.engine, "d", NOW).is_some());
            assert_eq!(modified(), if touched { system_time(NOW) } else { before });
        }
    }

    #[test]
    fn a_file_that_is_gone_is_removed_already() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(there(std::fs::remove_file(folder.path().join("gone"))).unwrap(), None);
        assert!(there(std::fs::remove_file(folder.path())).is_err(), "a folder is no file");
    }
}
