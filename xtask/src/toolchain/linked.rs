//! The toolchain `morag-wasi`: Debian's compiler with a standard library built here, linked into rustup.
//!
//! It is stored in the user's cache folder instead of `target/`, so that all clones on a machine share it and `cargo clean` keeps
//! it. The folder name contains a hash of its inputs, so a new version of a Debian package or of the recipe creates a new folder;
//! a dangling or wrong link is replaced.
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::target::{LINK, TARGET};
use super::{debian, recipe};
use crate::shell;

/// Compiler flags of every build with it: Debian's wasi-libc of 2022 lacks symbols, which the code must be able to detect.
pub const FLAGS: &str = "--cfg morag_debian_wasi_libc";

/// Debian's compiler, cargo, library source, and wasm C library.
pub const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "wasi-libc"];

/// Written last: a folder without it is incomplete.
const STAMP: &str = "made-of.txt";

/// Whether a complete toolchain exists and is linked. Fast.
pub fn is_ready() -> bool {
    Plan::make().is_ok_and(|plan| plan.is_built() && plan.is_linked())
}

/// Creates what is missing: packages, library, link.
pub fn ensure() -> Result<()> {
    if !shell::have("rustup") {
        bail!("a linked toolchain needs rustup (https://rustup.rs) for its component linker and for the link itself");
    }
    debian::install(&PACKAGES)?;
    let plan = Plan::make()?;
    let _lock = lock(&plan.folder)?;
    if plan.is_built() {
        println!("toolchain: {} is up to date", plan.folder.display());
    } else {
        println!(
            "toolchain: building the standard library of {TARGET} (about a minute) into {}",
            plan.folder.display()
        );
        recipe::build(&plan.folder, &plan.sysroot, &plan.host)?;
        fs::write(plan.folder.join(STAMP), &plan.made_of)?;
    }
    if !plan.is_linked() {
        println!("toolchain: rustup toolchain link {LINK}");
        plan.link()?;
    }
    Ok(())
}

/// Inputs of this machine's toolchain, and its folder.
struct Plan {
    folder: PathBuf,
    made_of: String,
    /// Rustup's toolchain, whose linkers are used.
    sysroot: PathBuf,
    host: String,
}

impl Plan {
    fn make() -> Result<Self> {
        let sysroot = shell::read(&mut shell::unbound("rustc", &["--print", "sysroot"]))?;
        let version = shell::read(&mut shell::unbound("rustc", &["-vV"]))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
        let mut made_of = format!("recipe {}\nlinkers of {sysroot}\n", recipe::VERSION);
        for package in PACKAGES {
            let version = debian::installed_version(package).with_context(|| format!("{package} is not installed"))?;
            made_of.push_str(&format!("{package} {version}\n"));
        }
        let folder = cache_folder()?.join(format!("wasi-toolchain-{:016x}", fnv1a(made_of.as_bytes())));
        Ok(Self { folder, made_of, sysroot: sysroot.into(), host: host.to_owned() })
    }

    /// Whether the folder is complete, made of these inputs, and its links into rustup's toolchain are valid.
    fn is_built(&self) -> bool {
        let stamped = fs::read_to_string(self.folder.join(STAMP)).is_ok_and(|text| text == self.made_of);
        stamped && recipe::linkers(&self.folder, &self.host).iter().all(|path| path.exists())
    }

    fn is_linked(&self) -> bool {
        let asked = shell::read(&mut shell::unbound("rustup", &["which", "--toolchain", LINK, "rustc"]));
        let linked = asked.ok().and_then(|path| fs::canonicalize(path).ok());
        linked.is_some_and(|path| fs::canonicalize(self.folder.join("bin/rustc")).is_ok_and(|ours| ours == path))
    }

    fn link(&self) -> Result<()> {
        // Not every version of rustup replaces a dangling link: uninstall first, ignoring errors.
        shell::output(&mut shell::unbound("rustup", &["toolchain", "uninstall", LINK]))?;
        let folder = self.folder.to_str().context("the path of the cache folder is not UTF-8")?;
        shell::read(&mut shell::unbound("rustup", &["toolchain", "link", LINK, folder]))?;
        if !self.is_linked() {
            bail!("rustup does not list {LINK} after `rustup toolchain link {LINK} {folder}`");
        }
        Ok(())
    }
}

fn cache_folder() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    cache.map(|cache| cache.join("morag")).context("neither XDG_CACHE_HOME nor HOME is set")
}

/// Lock held while the toolchain is built, because two clones may start at the same time.
fn lock(folder: &Path) -> Result<File> {
    let parent = folder.parent().context("the toolchain's folder has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let file = File::create(parent.join("wasi-toolchain.lock"))?;
    file.lock().context("cannot lock the toolchain's folder")?;
    Ok(file)
}

/// FNV-1a, 64 bit. Only names the folder; the stamp inside is compared completely.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_known_hash() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
