//! Makes components of the guests that are written as WebAssembly text, and lists all guest programs, so that one without a
//! test does not compile (see `runtime/hostile/`).

mod components;

use std::fmt::Write as _;
use std::path::Path;

fn main() {
    for watched in ["build", "guests", "../wit"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let entries = std::fs::read_dir("guests").expect("the folder tests/guests");
    let mut guests: Vec<Guest> = entries.filter_map(|entry| guest(&entry.expect("an entry").path())).collect();
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    let folder = std::env::var_os("OUT_DIR").expect("cargo sets it");
    let folder = Path::new(&folder);
    let (mut calls, mut table) = (String::new(), String::new());
    for Guest { name, is_text } in &guests {
        let _ = writeln!(calls, "        $test!({name});");
        if *is_text {
            std::fs::write(folder.join(format!("{name}.wasm")), components::component(name))
                .expect("cargo's own folder");
            let _ = writeln!(table, "    ({name:?}, include_bytes!(\"{name}.wasm\")),");
        }
    }
    let list = format!("macro_rules! each_guest {{\n    ($test:ident) => {{\n{calls}    }};\n}}\n");
    std::fs::write(folder.join("each_guest.rs"), list).expect("cargo's own folder");
    std::fs::write(folder.join("components.rs"), format!("&[\n{table}]\n")).expect("cargo's own folder");
}

struct Guest {
    name: String,
    is_text: bool,
}

/// A guest: a text `NAME.wat`, or a package in a folder of its own.
fn guest(path: &Path) -> Option<Guest> {
    let is_text = path.extension().is_some_and(|extension| extension == "wat");
    let name = path.file_stem()?.to_str()?.to_owned();
    (is_text || path.join("Cargo.toml").exists()).then_some(Guest { name, is_text })
}
