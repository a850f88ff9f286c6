//! Programs that the tests start: Redis, OpenSSL for its certificates, Node.js for the clients written for it, a registry of
//! components, minisign that signs them, what makes and mounts a file system in a file, and a library that bends a process's clock.
use std::path::Path;

use anyhow::{Context, Result};

use super::debian;
use crate::shell;

/// What must be in `PATH`, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 8] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("openssl", "openssl"),
    ("node", "nodejs"),
    ("docker-registry", "docker-registry"),
    ("minisign", "minisign"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mount", "mount"),
];
/// The package of libfaketime, which is no program.
const FAKETIME: &str = "faketime";
/// Program and package. Not among the others: others' packages of Node.js bring it with them, and refuse Debian's beside them.
const NPM: &str = "npm";

/// Installs what is missing. Debian starts a server of its own with `redis-server`; the tests leave it alone.
pub fn ensure() -> Result<()> {
    let missing = PROGRAMS.into_iter().filter(|(program, _)| !shell::have(program)).map(|(_, package)| package);
    let missing: Vec<_> = missing.chain((!have_faketime()).then_some(FAKETIME)).collect();
    if missing.is_empty() && shell::have(NPM) {
        println!(
            "programs: Redis, OpenSSL, Node.js, npm, docker-registry, minisign, e2fsprogs, mount and faketime are there"
        );
        return Ok(());
    }
    debian::install(&missing).with_context(|| format!("the tests need {}", missing.join(", ")))?;
    if !shell::have(NPM) {
        debian::install(&[NPM]).context("the tests need npm")?;
    }
    Ok(())
}

/// Whether the library is where Debian puts it, which is where the tests look.
fn have_faketime() -> bool {
    let Ok(folders) = std::fs::read_dir("/usr/lib") else { return false };
    folders.flatten().any(|folder| Path::new(&folder.path()).join("faketime/libfaketime.so.1").is_file())
}
