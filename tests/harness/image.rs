//! A disk in a file: what a loss of power would leave of it can be looked at.
//!
//! An ext4 file system lies on a loop device over the file. What programs have written and not flushed is in the page cache of that
//! file system and has not reached the device, so it is not in the file. A copy of the file is the disk as it would be found
//! after the power went at that moment.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Room on the disk. The file is sparse: it takes what is written.
const BYTES: u64 = 512 << 20;

/// Seconds between two flushes of the journal that nobody has asked for: more than any test takes. The default of five would
/// write to the disk by chance what a program has not flushed.
const COMMIT: &str = "loop,commit=3600";

const NEEDS: &str = "this test makes a disk in a file: it needs root, loop devices (a container: --privileged, or CAP_SYS_ADMIN and \
                     /dev/loop*), and mkfs.ext4 and mount (Debian's e2fsprogs and mount, which `cargo xtask test` installs)";

/// A mounted disk. Unmounted and removed when dropped.
#[derive(Debug)]
pub struct Image {
    folder: TempDir,
}

impl Image {
    /// An empty disk.
    pub fn new() -> Self {
        let this = Self::unmounted();
        let file = std::fs::File::create(this.file()).expect("a file for the disk");
        file.set_len(BYTES).expect("a sparse file");
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(this.file()));
        this.mount();
        this
    }

    /// The disk as a loss of power would leave it now. Whoever writes to it must stand still meanwhile.
    pub fn without_power(&self) -> Self {
        let this = Self::unmounted();
        run(Command::new("cp").arg("--sparse=always").arg(self.file()).arg(this.file()));
        // What is lost comes with a recovery of the journal, as at the next start of a machine.
        this.mount();
        this
    }

    /// Where it is mounted.
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
    // Lazily: a process that still ends must not keep it.
    let _ = Command::new("umount").arg("--lazy").arg(path).status();
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {NEEDS}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed ({}): {}; {NEEDS}", output.status, said.trim());
}
