//! Programs that the tests start: Redis, OpenSSL for its certificates, Node.js and Go for their clients, a browser for the pages, a
//! component registry, minisign, tools to create and mount a file system in a file, Tesseract, a program that speaks, fonts, and a library
//! that changes a process's clock.
use std::path::Path;

use anyhow::{Context, Result};

use super::debian;
use crate::shell;

/// Required programs in `PATH`, and their Debian packages.
const PROGRAMS: [(&str, &str); 12] = [
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("openssl", "openssl"),
    ("node", "nodejs"),
    ("go", "golang-go"),
    ("chromium", "chromium"),
    ("docker-registry", "docker-registry"),
    ("minisign", "minisign"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mount", "mount"),
    ("tesseract", "tesseract-ocr"),
    ("espeak-ng", "espeak-ng"),
];
/// Fonts of pages that are drawn and read again, a language of Tesseract, and their packages.
const FILES: [(&str, &str); 3] = [
    ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core"),
    ("/usr/share/tesseract-ocr/5/tessdata/rus.traineddata", "tesseract-ocr-rus"),
    ("/usr/share/fonts/opentype/ipafont-gothic/ipag.ttf", "fonts-ipafont-gothic"),
];
/// Package of libfaketime, which is a library.
const FAKETIME: &str = "faketime";
/// Program and package. Separate, because third-party Node.js packages include npm and conflict with Debian's.
const NPM: &str = "npm";

/// Installs missing programs. Debian's `redis-server` package also starts a server, which the tests do not use.
pub fn ensure() -> Result<()> {
    let missing = PROGRAMS.into_iter().filter(|(program, _)| !shell::have(program)).map(|(_, package)| package);
    let files = FILES.into_iter().filter(|(file, _)| !Path::new(file).is_file()).map(|(_, package)| package);
    let missing: Vec<_> = missing.chain(files).chain((!have_faketime()).then_some(FAKETIME)).collect();
    if missing.is_empty() && shell::have(NPM) {
        println!(
            "programs: Redis, OpenSSL, Node.js, Go, npm, Chromium, docker-registry, minisign, e2fsprogs, mount, Tesseract, espeak-ng, fonts and faketime are installed"
        );
        return Ok(());
    }
    debian::install(&missing).with_context(|| format!("the tests need {}", missing.join(", ")))?;
    if !shell::have(NPM) {
        debian::install(&[NPM]).context("the tests need npm")?;
    }
    Ok(())
}

/// Whether the library is in Debian's location, where the tests expect it.
fn have_faketime() -> bool {
    let Ok(folders) = std::fs::read_dir("/usr/lib") else { return false };
    folders.flatten().any(|folder| Path::new(&folder.path()).join("faketime/libfaketime.so.1").is_file())
}
