//! Changes the clock of a process, with libfaketime.

use std::path::{Path, PathBuf};

/// The time of day of one process. Its monotonic clock is unaffected, as when an administrator sets the time.
#[derive(Debug, Clone)]
pub struct ProcessClock {
    file: PathBuf,
}

impl ProcessClock {
    /// A clock with the right time; its file is in a folder that the process can read.
    pub fn new(folder: &Path) -> Self {
        let this = Self { file: folder.join(format!("clock-{}", uuid::Uuid::new_v4())) };
        this.jump(0);
        this
    }

    /// Sets the difference from the right time, in seconds. Takes effect immediately.
    pub fn jump(&self, seconds: i64) {
        // Replaced by rename, so that it is never read half written.
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("a clock file");
        std::fs::rename(&new, &self.file).expect("a clock file");
    }

    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.display().to_string();
        let set = |name: &str, value: String| (name.to_owned(), value);
        vec![
            set("LD_PRELOAD", text(&libfaketime())),
            set("FAKETIME_TIMESTAMP_FILE", text(&self.file)),
            // Read the file at every call, so that changes take effect immediately.
            set("FAKETIME_NO_CACHE", "1".into()),
            set("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            // Leave file timestamps unchanged.
            set("NO_FAKE_STAT", "1".into()),
        ]
    }
}

/// Path of the library in Debian's package `faketime`.
pub fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    paths
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no libfaketime: `cargo xtask test` installs it on Debian"))
}
