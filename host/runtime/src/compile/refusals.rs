//! Refusals are stored beside the compiled components: a component whose refusal takes a minute takes it once.
//!
//! A refusal is valid for one component, one engine and the same limits: the name of its file has all three, so a host with
//! another wasmtime or wider limits tries again. It expires after [`AGE_MAX`].
//!
//! A process that compiles holds a [`Turn`]: no other process on the folder compiles the same component meanwhile, and a server
//! that is killed while it compiles leaves a note. After [`INTERRUPTIONS_MAX`] such notes the component is skipped for a while.
//! Otherwise a component that takes longer to compile than the server has to start would prevent every start.

use super::error::CompileError;
use crate::whole_file::write_whole;
use morag_core::Timestamp;
use morag_core::plugin::CompileLimits;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Age at which a refusal expires. A fixed compiler has another version, so this is for causes outside it.
pub(crate) const AGE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Servers that may end while they compile a component before it is skipped.
const INTERRUPTIONS_MAX: u32 = 3;

/// How long it is skipped then.
const INTERRUPTIONS_AGE: Duration = Duration::from_secs(60 * 60);

/// Bytes of a stored refusal: a reason is a line.
const FILE_BYTES_MAX: u64 = 8 << 10;

/// Bytes of a reason that are kept.
const REASON_BYTES_MAX: usize = 2 << 10;

/// Refusals of one component on one engine with one set of limits.
#[derive(Debug, Clone)]
pub(crate) struct Refusals {
    refused: PathBuf,
    begun: PathBuf,
}

/// The right to compile a component. Dropping it without [`Turn::end`], as when the server stops, leaves no note.
#[derive(Debug)]
pub(crate) struct Turn {
    files: Refusals,
    /// The note, locked as long as it is open.
    lock: File,
}

impl Refusals {
    /// In the cache's folder. `engine` stands for what the engine makes of components.
    pub(crate) fn of(folder: &Path, digest: &str, engine: u64, limits: Option<CompileLimits>) -> Self {
        let of_limits = limits.map_or(String::from("0-0"), |limits| {
            format!("{}-{}", limits.memory_bytes_max >> 20, limits.cpu_time_max.as_secs())
        });
        let file = |ending: &str| folder.join(format!("{digest}-{engine:016x}-{of_limits}.{ending}"));
        Self { refused: file("refused"), begun: file("begun") }
    }

    /// The stored refusal, if there is one.
    pub(crate) fn remembered(&self, now: Timestamp) -> Option<CompileError> {
        let mut text = String::new();
        File::open(&self.refused).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        let (reason, at) = read(&text)?;
        (now.since(at) < AGE_MAX).then(|| CompileError::Remembered {
            reason,
            since: at.to_string(),
            path: self.refused.display().to_string(),
        })
    }

    /// Waits until no other process on the folder compiles the same component, and takes the turn. The wait is bounded by the time
    /// that compiling may take.
    ///
    /// # Errors
    /// Where servers ended too often while they compiled it.
    pub(crate) fn begin(&self, now: Timestamp) -> Result<Turn, CompileError> {
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.begun)
        };
        let not_noted = |error: io::Error| CompileError::NotRun(format!("{}: {error}", self.begun.display()));
        let mut file = open().map_err(not_noted)?;
        // A network file system may have no locks: then two processes may compile the same component.
        let _ = file.lock();
        let mut text = String::new();
        // An unreadable note is ignored.
        let _ = (&mut file).take(FILE_BYTES_MAX).read_to_string(&mut text);
        let (times, last) = interruptions(&text, now);
        if times >= INTERRUPTIONS_MAX {
            let path = self.begun.display().to_string();
            return Err(CompileError::Interrupted { times, last: last.to_string(), path });
        }
        let note = json!({"times": times + 1, "at": now.as_millis()}).to_string();
        let written = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(note.as_bytes()));
        written.map_err(not_noted)?;
        Ok(Turn { files: self.clone(), lock: file })
    }
}

impl Turn {
    /// Compiling has ended, with this error where it failed. An error that would occur again is stored.
    pub(crate) fn end(self, error: Option<&CompileError>, now: Timestamp) {
        let Some(error) = error.filter(|error| error.is_final()) else { return };
        let reason = error.to_string();
        let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
        let text = json!({"reason": reason, "at": now.as_millis()}).to_string();
        if let Err(error) = write_whole(&self.files.refused, &[text.as_bytes()]) {
            tracing::warn!(%error, "a refusal of a component could not be stored: the next start compiles it again");
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Emptied first: a process that waits for the lock has the file open already, and must not count this note.
        let _ = self.lock.set_len(0);
        let _ = std::fs::remove_file(&self.files.begun);
    }
}

fn read(text: &str) -> Option<(String, Timestamp)> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some((value["reason"].as_str()?.to_owned(), Timestamp::from_millis(value["at"].as_i64()?)))
}

/// How many servers have ended recently while they compiled it, and when the last of them began.
fn interruptions(text: &str, now: Timestamp) -> (u32, Timestamp) {
    let noted = serde_json::from_str::<Value>(text).ok().and_then(|note| {
        Some((u32::try_from(note["times"].as_u64()?).ok()?, Timestamp::from_millis(note["at"].as_i64()?)))
    });
    match noted {
        Some((times, at)) if now.since(at) < INTERRUPTIONS_AGE => (times, at),
        _ => (0, now),
    }
}

/// The time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn limits(mib: u64) -> Option<CompileLimits> {
        Some(CompileLimits { memory_bytes_max: mib << 20, cpu_time_max: Duration::from_secs(9) })
    }

    #[test]
    fn a_refusal_is_remembered_with_its_reason_for_that_engine_and_those_limits() {
        let folder = tempfile::tempdir().unwrap();
        let of = |engine, limits| Refusals::of(folder.path(), "d1", engine, limits);
        let refusals = of(1, limits(64));
        assert_eq!(refusals.remembered(NOW), None);
        refusals.begin(NOW).unwrap().end(Some(&CompileError::CpuTime(Duration::from_secs(9))), NOW);
        let known = refusals.remembered(NOW).unwrap().to_string();
        assert!(known.contains("more than 9 s of processor time") && known.contains("2023-11-14T"), "{known}");
        assert_eq!(of(2, limits(64)).remembered(NOW), None, "another wasmtime tries again");
        assert_eq!(of(1, limits(65)).remembered(NOW), None, "wider limits too");
        assert_eq!(Refusals::of(folder.path(), "d2", 1, limits(64)).remembered(NOW), None);
        assert_eq!(refusals.remembered(NOW.plus(AGE_MAX)), None, "forgotten in the end");
    }

    #[test]
    fn what_is_not_the_components_fault_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let refusals = Refusals::of(folder.path(), "d", 1, None);
        refusals.begin(NOW).unwrap().end(Some(&CompileError::Killed), NOW);
        refusals.begin(NOW).unwrap().end(None, NOW);
        assert_eq!(refusals.remembered(NOW), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn servers_that_are_killed_in_the_middle_are_counted_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let refusals = Refusals::of(folder.path(), "d", 1, None);
        let killed = || {
            let turn = std::mem::ManuallyDrop::new(refusals.begin(NOW).unwrap());
            // As the system does for a process that ends.
            turn.lock.unlock().unwrap();
        };
        (0..INTERRUPTIONS_MAX).for_each(|_| killed());
        let refused = refusals.begin(NOW).unwrap_err();
        assert!(matches!(refused, CompileError::Interrupted { times: 3, .. }), "{refused}");
        assert!(refused.to_string().contains(".begun"), "{refused}");
        drop(refusals.begin(NOW.plus(INTERRUPTIONS_AGE)).unwrap());
        drop(refusals.begin(NOW).unwrap());
    }

    #[test]
    fn a_server_that_stops_orderly_leaves_no_note() {
        let folder = tempfile::tempdir().unwrap();
        let refusals = Refusals::of(folder.path(), "d", 1, None);
        (0..=INTERRUPTIONS_MAX).for_each(|_| drop(refusals.begin(NOW).unwrap()));
    }

    #[test]
    fn two_on_one_folder_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let refusals = Refusals::of(folder.path(), "d", 1, None);
        let first = refusals.begin(NOW).unwrap();
        let (told, tells) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _second = refusals.begin(NOW).unwrap();
                told.send("second").unwrap();
            });
            assert!(File::open(&refusals.begun).unwrap().try_lock().is_err(), "the first has it");
            told.send("first").unwrap();
            drop(first);
        });
        assert_eq!(tells.try_iter().collect::<Vec<_>>(), ["first", "second"]);
    }

    #[test]
    fn a_damaged_note_counts_for_nothing() {
        for text in ["", "{", r#"{"times": -1, "at": 5}"#, r#"{"reason": 3, "at": "x"}"#] {
            assert_eq!((interruptions(text, NOW).0, read(text)), (0, None), "{text}");
        }
    }
}
