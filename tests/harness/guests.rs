//! Components of the guests written as WebAssembly text (`tests/guests/NAME.wat`), built by the build script.

use std::path::{Path, PathBuf};

/// All components by name.
static COMPONENTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/components.rs"));

/// The component of a guest.
pub fn component(name: &str) -> &'static [u8] {
    let found = COMPONENTS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("there is no tests/guests/{name}.wat")).1
}

/// Writes a guest's component into a folder, as `NAME.wasm`.
pub fn write_component(name: &str, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{name}.wasm"));
    std::fs::write(&path, component(name)).expect("a file in a temporary folder");
    path
}
