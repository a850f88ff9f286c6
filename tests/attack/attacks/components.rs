//! Components and compiled code that the server must not run, or not pay for.

use crate::Size;
use crate::report::{Outcome, Refused};
use crate::target::Target;
use morag_tests::server::plugins_dir;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// As many as once took 50 s and 2.2 GB to compile.
const FUNCTIONS: u32 = 400_000;

/// The name of the bad component's file.
const BAD: &str = "bad.wasm";

/// The plugins folder has, beside the standard steps, a component of very many empty functions.
pub fn with_many_functions(folder: &Path, command: &mut Command) {
    own_plugins(folder, command, &component_of_functions(FUNCTIONS));
}

/// The plugins folder has a file that is no component.
pub fn with_garbage(folder: &Path, command: &mut Command) {
    own_plugins(folder, command, b"\0asm\x0d\0\x01\0 and then nothing of the kind");
}

/// The server has started by now, with the bad component in its folder.
pub async fn many_functions(target: &mut Target, _: Size) -> Outcome {
    started(target, "1.6 MB in the plugins folder").await
}

/// The server has started by now.
pub async fn garbage(target: &mut Target, _: Size) -> Outcome {
    started(target, "a file in the plugins folder").await
}

async fn started(target: &mut Target, what: &str) -> Outcome {
    let log = target.log();
    let line = log.lines().find(|line| line.contains("bad")).ok_or("the log does not name the bad component")?;
    let line: String = line.chars().take(160).collect();
    target.refused(what, format!("started without it; log: {line}")).await
}

/// A compile cache that everybody may write to, with foreign files in it under every name that a first start made.
pub fn with_planted_cache(folder: &Path, command: &mut Command) {
    let cache = folder.join("cache");
    fs::create_dir(&cache).expect("a folder");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).expect("our own folder");
    command.env("MORAG_COMPILE_CACHE_DIR", &cache);
}

/// The server may refuse to use it, or refuse to start, but not use what others can write.
pub async fn planted_cache(target: &mut Target, _: Size) -> Outcome {
    let log = target.log();
    let line = log.lines().find(|line| line.contains("cache")).ok_or("the log does not warn of the cache folder")?;
    let how: String = line.chars().take(160).collect();
    target.other_is_served().await?;
    Ok(Refused { after: "a folder of mode 777".into(), how })
}

fn own_plugins(folder: &Path, command: &mut Command, bad: &[u8]) {
    let own = Target::own_plugins(folder);
    fs::create_dir(&own).expect("a folder");
    for entry in fs::read_dir(plugins_dir()).expect("the plugins") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            fs::copy(&path, own.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
    fs::write(own.join(BAD), bad).expect("a file");
    command.env("MORAG_PLUGINS_DIR", &own);
}

/// A component around a core module of so many functions `() -> ()` that do nothing.
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
