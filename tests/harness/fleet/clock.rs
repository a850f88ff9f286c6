//! A clock of one process that can jump, by libfaketime.

use std::path::{Path, PathBuf};

/// The wall clock of one process. Its monotonic clock goes on as it is, as it does where an administrator sets the time.
#[derive(Debug, Clone)]
pub struct ProcessClock {
    file: PathBuf,
}

impl ProcessClock {
    /// A clock that goes right; its file is in a folder that the process can read.
    pub fn new(folder: &Path) -> Self {
        let this = Self { file: folder.join(format!("clock-{}", uuid::Uuid::new_v4())) };
        this.jump(0);
        this
    }

    /// Sets it so many seconds before (negative) or after the right time. The process sees it at once.
    pub fn jump(&self, seconds: i64) {
        // By another file, so that it is never seen half written.
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
            // Looked up at every call: a jump is seen at once.
            set("FAKETIME_NO_CACHE", "1".into()),
            set("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            // Times of files are the system's.
            set("NO_FAKE_STAT", "1".into()),
        ]
    }
}

/// Where Debian's package `faketime` puts the library.
pub fn libfaketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    paths
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no libfaketime: `cargo xtask test` installs it on Debian"))
}
