//! A disk image for simulating a power loss.
//!
//! An ext4 file system on a loop device over a file. Data that programs have written but not flushed is only in the page cache of
//! that file system, not in the file. A copy of the file is therefore the disk as it would be after losing power at that moment.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Size of the disk. The file is sparse.
const BYTES: u64 = 512 << 20;

/// Interval of automatic journal commits in seconds, longer than any test. The default of five seconds would sometimes write what a
/// program has not flushed.
const COMMIT: &str = "loop,commit=3600";

const NEEDS: &str = "this test makes a disk in a file: it needs root, loop devices (a container: --privileged, or CAP_SYS_ADMIN and \
                     /dev/loop*), and mkfs.ext4 and mount (Debian's e2fsprogs and mount, which `cargo xtask test` installs)";

/// A mounted disk image. Unmounted and removed when dropped.
#[derive(Debug)]
pub struct Image {
    folder: TempDir,
}

impl Image {
    /// Creates an empty disk.
    pub fn new() -> Self {
        let this = Self::unmounted();
        let file = std::fs::File::create(this.file()).expect("a file for the disk");
        file.set_len(BYTES).expect("a sparse file");
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(this.file()));
        this.mount();
        this
    }

    /// The disk as after a power loss now. Nothing must write to it meanwhile.
    pub fn without_power(&self) -> Self {
        let this = Self::unmounted();
        run(Command::new("cp").arg("--sparse=always").arg(self.file()).arg(this.file()));
        // Mounting recovers the journal, as the machine's next start would.
        this.mount();
        this
    }

    /// The mount point.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn unmounted() -> Self {
        let this = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir(this.path()).expect("a folder to mount to");
        this
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn mount(&self) {
        run(Command::new("mount").args(["-o", COMMIT]).arg(self.file()).arg(self.path()));
    }
}

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        unmount(&self.path());
    }
}

fn unmount(path: &Path) {
    // Lazily, because a process may still be ending.
    let _ = Command::new("umount").arg("--lazy").arg(path).status();
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {NEEDS}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed ({}): {}; {NEEDS}", output.status, said.trim());
}
