//! Guests written in WebAssembly text: what no compiler would make, such as a handle that was never given, and what needs none.
//!
//! A file `tests/guests/NAME.wat` holds the fields of a core module that follows the canonical ABI of `wit/`; this module makes
//! a component of it, in milliseconds. A line `;; include PART` stands for the file of that name in `build/parts/`, `VERSION` for the
//! interface's version, `NAME` for the guest's name. Three more lines change the interface that the guest is built for: `;; version 2.0.0`,
//! `;; task has FUNCTION` and `;; package …`.

use std::path::PathBuf;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Includes within includes.
const INCLUDE_DEPTH_MAX: usize = 4;

/// The component of a text guest. Panics where its text is not one, and says where.
pub fn component(name: &str) -> Vec<u8> {
    let path = PathBuf::from(format!("guests/{name}.wat"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let interface = Interface::for_guest(&text);
    let fields = included(&text, 0)
        .replace("VERSION", &interface.version)
        .replace("NAME_BYTES", &name.len().to_string())
        .replace("NAME", name);
    let module = wat::parse_str(format!("(module\n{fields}\n)")).unwrap_or_else(|error| panic!("{name}: {error}"));
    interface.componentize(name, module)
}

fn included(text: &str, depth: usize) -> String {
    assert!(depth <= INCLUDE_DEPTH_MAX, "parts include each other");
    let line = |line: &str| match line.trim().strip_prefix(";; include ") {
        Some(part) => {
            let path = PathBuf::from(format!("build/parts/{part}.wat"));
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            included(&text, depth + 1)
        }
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The interface that a guest is built for.
struct Interface {
    version: String,
    resolve: Resolve,
    world: wit_parser::WorldId,
}

impl Interface {
    /// That of `wit/`, with what the guest's own lines change of it.
    fn for_guest(text: &str) -> Self {
        let directive = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned);
        let mut wit = released();
        let version = version(&wit);
        let wanted = directive(";; version ").unwrap_or_else(|| version.clone());
        wit = wit.replacen(&format!("@{version};"), &format!("@{wanted};"), 1);
        if let Some(function) = directive(";; task has ") {
            wit = wit.replacen("interface task {", &format!("interface task {{\n{function}"), 1);
        }
        if let Some(package) = directive(";; package ") {
            let (name, _) = package.split_once(' ').expect("a package has a body");
            let (package_name, version) = name.split_once('@').expect("a package has a version");
            let interface = package.split("interface ").nth(1).and_then(|rest| rest.split(' ').next());
            let import = format!("import {package_name}/{}@{version};", interface.expect("it has an interface"));
            wit = wit.replacen("world processing-step {", &format!("world processing-step {{\n{import}"), 1);
            wit.push_str(&format!("\npackage {package}\n"));
        }
        let mut resolve = Resolve::default();
        let package = resolve.push_source("wit", &wit).unwrap_or_else(|error| panic!("the interface: {error:#}"));
        let world = resolve.select_world(&[package], Some("processing-step")).expect("the world of a step");
        Self { version: wanted, resolve, world }
    }

    fn componentize(&self, name: &str, mut module: Vec<u8>) -> Vec<u8> {
        embed_component_metadata(&mut module, &self.resolve, self.world, StringEncoding::UTF8)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let mut encoder = ComponentEncoder::default()
            .validate(true)
            .module(&module)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        encoder.encode().unwrap_or_else(|error| panic!("{name}: {error:#}"))
    }
}

/// The files of `wit/` as one text, the package's own line first.
fn released() -> String {
    let entries = std::fs::read_dir("../wit").expect("the folder wit");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wit"));
    // Only one file has the package's line, and it must come first.
    paths.sort_by_key(|path| path.file_name().is_none_or(|name| name != "world.wit"));
    let text = |path: &PathBuf| std::fs::read_to_string(path).expect("a file of the interface");
    paths.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn version(wit: &str) -> String {
    let line = wit.lines().find_map(|line| line.strip_prefix("package morag:step@"));
    line.and_then(|line| line.strip_suffix(';')).expect("the package's line").to_owned()
}
