//! Components and compiled code that the server must not run, or that must cost it little.

use crate::Size;
use crate::report::Outcome;
use crate::target::{Target, spawn};
use morag_tests::server::{plugins_dir, serve};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Took 50 s and 2.2 GB to compile.
const FUNCTIONS: u32 = 400_000;

/// File name of the bad component.
const BAD: &str = "bad.wasm";

/// Folder of the compile cache in an attack that plants files there.
const CACHE: &str = "cache";

/// Folder with copies of the planted files.
const PLANTED: &str = "planted";

/// Size of the seal at the start of a cache file.
const SEAL_BYTES: usize = 32;

/// The step whose compiled code is planted without a seal. The steps here are small, because each is compiled again.
const UNSEALED: &str = "ingestion.wasm";

/// The step whose cache file is replaced by another step's sealed code.
const EXCHANGED: &str = "chunking.wasm";

/// That other step.
const OTHER: &str = "graph_extraction.wasm";

/// Adds a component with very many empty functions to the plugins folder.
pub fn with_many_functions(folder: &Path, command: &mut Command) {
    own_plugins(folder, command, BAD, &component_of_functions(FUNCTIONS));
}

/// Adds a file that is not a component to the plugins folder.
pub fn with_garbage(folder: &Path, command: &mut Command) {
    own_plugins(folder, command, BAD, b"\0asm\x0d\0\x01\0 and then nothing of the kind");
}

/// The server has started with the bad component in its folder.
pub async fn many_functions(target: &mut Target, _: Size) -> Outcome {
    started(target, "1.6 MB in the plugins folder").await
}

/// The server has started with the bad file in its folder.
pub async fn garbage(target: &mut Target, _: Size) -> Outcome {
    started(target, "a file in the plugins folder").await
}

async fn started(target: &mut Target, what: &str) -> Outcome {
    let log = target.log();
    let line = log.lines().find(|line| line.contains("bad")).ok_or("the log does not name the bad component")?;
    let line: String = line.chars().take(160).collect();
    target.refused(what, format!("started without it; log: {line}")).await
}

/// The compile cache was written by a server and then tampered with: one component's file has its code without the seal, and another's has
/// the sealed code of a third. wasmtime would run both.
pub fn with_planted_cache(folder: &Path, command: &mut Command) {
    let (written, cache) = (written_cache(), folder.join(CACHE));
    fs::DirBuilder::new().mode(0o700).create(&cache).expect("a folder");
    for entry in fs::read_dir(written).expect("the tests' cache") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("its type").is_file() {
            // With its mode: the cache key is refused if others can read it.
            fs::copy(entry.path(), cache.join(entry.file_name())).expect("a copy");
        }
    }
    for name in compiled(&cache, UNSEALED) {
        let mut code = fs::read(cache.join(&name)).expect("compiled code");
        code[..SEAL_BYTES].fill(0);
        plant(folder, &name, &code);
    }
    let other = digest(OTHER);
    for name in compiled(&cache, EXCHANGED) {
        // Of the same engine version. There are files of older ones too, which are ignored.
        if let Ok(code) = fs::read(cache.join(format!("{other}{}", &name[other.len()..]))) {
            plant(folder, &name, &code);
        }
    }
    command.env("MORAG_COMPILE_CACHE_DIR", &cache);
}

/// Writes a file into the cache, with a copy to compare later.
fn plant(folder: &Path, name: &str, code: &[u8]) {
    fs::create_dir_all(folder.join(PLANTED)).expect("a folder");
    fs::write(folder.join(PLANTED).join(name), code).expect("a file");
    fs::write(folder.join(CACHE).join(name), code).expect("our own file");
}

/// The server has started. Its log must say for both components that the cache file is not its own, and the files must have been replaced.
pub async fn planted_cache(target: &mut Target, _: Size) -> Outcome {
    let (folder, log) = (target.folder(), target.log());
    for plugin in [UNSEALED, EXCHANGED] {
        let names = compiled(&folder.join(PLANTED), plugin);
        let says = |name: &str| log.lines().any(|line| line.contains(name) && line.contains("it is made again"));
        let name = names.iter().find(|name| says(name.as_str()));
        let name = name.ok_or_else(|| format!("the log does not say that planted code of {plugin} was not taken"))?;
        let [planted, now] = [PLANTED, CACHE].map(|place| fs::read(folder.join(place).join(name)).unwrap_or_default());
        if planted == now {
            return Err(format!("the planted code of {plugin} is still there"));
        }
    }
    target.refused("2 foreign files", "compiled again, and the log says so").await
}

/// The cache of all tests, filled by starting a server.
fn written_cache() -> PathBuf {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = serve(&folder.path().join("data"));
    let cache = command.get_envs().find(|(name, _)| *name == "MORAG_COMPILE_CACHE_DIR");
    let cache = PathBuf::from(cache.and_then(|(_, value)| value).expect("a compile cache"));
    let (_server, _) = spawn(&mut command, folder.path()).unwrap_or_else(|why| panic!("{why}"));
    cache
}

/// A component's cache files in a folder, of any engine version.
fn compiled(folder: &Path, plugin: &str) -> Vec<String> {
    let digest = digest(plugin);
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let names = entries.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(&digest) && name.ends_with(".cwasm")).collect()
}

/// The digest of a standard step, with which its cache files are named.
fn digest(plugin: &str) -> String {
    hex::encode(Sha256::digest(fs::read(plugins_dir().join(plugin)).expect("a plugin")))
}

/// The standard steps and one more file, in a plugins folder for this attack.
pub fn own_plugins(folder: &Path, command: &mut Command, name: &str, content: &[u8]) {
    let own = Target::own_plugins(folder);
    fs::create_dir(&own).expect("a folder");
    for entry in fs::read_dir(plugins_dir()).expect("the plugins") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            fs::copy(&path, own.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    fs::write(own.join(name), content).expect("a file");
    command.env("MORAG_PLUGINS_DIR", &own);
}

/// A component around a core module with this many empty functions `() -> ()`.
fn component_of_functions(count: u32) -> Vec<u8> {
    let section = |id: u8, content: &[u8]| [&[id][..], &leb128(content.len()), content].concat();
    let many = |entry: &[u8]| {
        let count = usize::try_from(count).expect("at least 32 bits");
        [leb128(count), entry.repeat(count)].concat()
    };
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        // One type: no parameters, no results.
        section(1, &[1, 0x60, 0, 0]),
        section(3, &many(&[0])),
        // A body of two bytes: no locals, end.
        section(10, &many(&[2, 0, 0x0b])),
    ]
    .concat();
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, &module)].concat()
}

/// Unsigned LEB128, as WebAssembly writes sizes.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
