//! `docs/wit-reference.md` is generated from the WIT.
//!
//! `MORAG_BLESS=1 cargo test -p morag-tests --test compat reference` writes it.

use crate::languages::{Language, type_name, value_name};
use crate::package::{Package, folder, plain_name};
use std::fmt::Write as _;
use wit_parser::{Docs, FunctionKind, Interface, TypeDefKind};

const HEAD: &str = "# Reference of the step interface

<!-- Made of wit/*.wit by `MORAG_BLESS=1 cargo test -p morag-tests --test compat reference`; a test keeps it equal. -->

Everything a step can call, and what it exports, in the words of the WIT. [The plugin guide](plugin-guide.md) says how to use it,
[wit-versioning.md](wit-versioning.md) what of it may change. The SDKs (`morag-step` for Rust, `morag_step` for Python, `morag-step`
for JavaScript) wrap these functions; the lines below each function are the bindings under them, as `wit-bindgen`,
`componentize-py` and `jco` make them. In Python, `task` is `wit_world.imports.task`; in JavaScript,
`import * as task from \"morag:step/task@VERSION\"`.

Sizes are bytes, times milliseconds, texts UTF-8. A call that returns a `result` raises its error in Python (`Err`) and throws it in
JavaScript.
";

/// The generated text.
fn render(package: &Package) -> String {
    let mut out = format!("{HEAD}\nPackage `morag:step@VERSION`.\n").replace("VERSION", &package.version());
    let (imports, exports) = package.world();
    let (_, of_converters) = package.world_named("converting-step");
    let free = ["task", "log"];
    let _ = writeln!(out, "\n| interface | for a step it is |\n|---|---|");
    for (name, interface) in ordered(package) {
        let what = match name {
            name if exports.iter().any(|export| export == name) => "what it exports".to_owned(),
            name if of_converters.iter().any(|export| export == name) => "what a converter exports too".to_owned(),
            name if free.contains(&name) => "there without a grant".to_owned(),
            name if imports.iter().any(|import| import == name) && !interface.functions.is_empty() => {
                format!("a capability, `{name}`")
            }
            _ => "types that others use".to_owned(),
        };
        let _ = writeln!(out, "| [`{name}`](#{name}) | {what} |");
    }
    out.push_str("| `wasi:http` | a capability, `http`: [capabilities.md](capabilities.md) |\n");
    for (name, interface) in ordered(package) {
        interface_text(package, name, interface, &mut out);
    }
    out
}

/// The interfaces in reading order: what every step has first, then the capabilities in the order of the world.
fn ordered(package: &Package) -> Vec<(&str, &Interface)> {
    let (imports, _) = package.world();
    let first = ["step", "converter", "task", "log", "capability"];
    let rank = |name: &str| {
        let placed = first.iter().position(|known| *known == name);
        placed.unwrap_or(first.len() + imports.iter().position(|import| import == name).unwrap_or(imports.len()))
    };
    let mut interfaces: Vec<_> = package.interfaces().collect();
    interfaces.sort_by_key(|(name, _)| rank(name));
    interfaces
}

fn docs(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().trim().to_owned()
}

/// Documentation after a name.
fn after(docs: &Docs) -> String {
    let text = self::docs(docs).replace('\n', " ");
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

fn interface_text(package: &Package, name: &str, interface: &Interface, out: &mut String) {
    let _ = writeln!(out, "\n## {name}\n\n{}", docs(&interface.docs));
    for (type_name, id) in &interface.types {
        let definition = &package.resolve.types[*id];
        if matches!(definition.kind, TypeDefKind::Type(_)) {
            continue;
        }
        type_text(package, type_name, *id, out);
        for function in interface.functions.values() {
            if matches!(function.kind, FunctionKind::Method(of) if of == *id) {
                let shown = format!("{type_name}.{}", plain_name(function));
                function_text(package, name, &shown, function, out);
            }
        }
    }
    for function in interface.functions.values() {
        if matches!(function.kind, FunctionKind::Freestanding) {
            function_text(package, name, plain_name(function), function, out);
        }
    }
}

fn type_text(package: &Package, name: &str, id: wit_parser::TypeId, out: &mut String) {
    let definition = &package.resolve.types[id];
    let (word, rows): (_, Vec<String>) = match &definition.kind {
        TypeDefKind::Record(record) => (
            "record",
            record
                .fields
                .iter()
                .map(|field| format!("- `{}: {}`{}", field.name, package.name(&field.ty), after(&field.docs)))
                .collect(),
        ),
        TypeDefKind::Variant(variant) => (
            "variant",
            variant
                .cases
                .iter()
                .map(|case| {
                    let held = case.ty.as_ref().map(|ty| format!("({})", package.name(ty))).unwrap_or_default();
                    format!("- `{}{held}`{}", case.name, after(&case.docs))
                })
                .collect(),
        ),
        TypeDefKind::Enum(cases) => {
            ("enum", cases.cases.iter().map(|case| format!("- `{}`{}", case.name, after(&case.docs))).collect())
        }
        TypeDefKind::Resource => ("resource", Vec::new()),
        kind => panic!("a kind of type that this test does not know yet: {kind:?}"),
    };
    let _ = writeln!(out, "\n### {word} `{name}`");
    for part in [docs(&definition.docs), rows.join("\n")] {
        if !part.is_empty() {
            let _ = writeln!(out, "\n{part}");
        }
    }
}

fn function_text(package: &Package, interface: &str, shown: &str, function: &wit_parser::Function, out: &mut String) {
    let _ = writeln!(out, "\n### `{shown}`\n\n```wit\n{}: {}\n```", plain_name(function), package.signature(function));
    let text = docs(&function.docs);
    if !text.is_empty() {
        let _ = writeln!(out, "\n{text}");
    }
    // Functions that a step exports are written by its author, with the SDK's own types.
    if ["step", "converter"].contains(&interface) {
        return;
    }
    out.push('\n');
    for language in Language::ALL {
        let _ = writeln!(out, "- {}: `{}`", language.name(), package.call(language, interface, function));
    }
}

#[test]
fn the_reference_is_that_of_the_wit() {
    let text = render(&Package::parse(&folder()));
    let path = folder().join("../docs/wit-reference.md");
    if std::env::var_os("MORAG_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let different = text.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(
        text == kept,
        "docs/wit-reference.md is not what the WIT says, first at {different:?}; MORAG_BLESS=1 writes it anew"
    );
}

#[test]
fn every_interface_type_and_function_has_its_words() {
    let package = Package::parse(&folder());
    for (name, interface) in package.interfaces() {
        assert!(!docs(&interface.docs).is_empty(), "interface {name} says nothing");
        for function in interface.functions.values() {
            assert!(!docs(&function.docs).is_empty(), "{name}.{} says nothing", function.name);
        }
    }
}

#[test]
fn names_are_those_of_each_language() {
    assert_eq!(type_name("artifact-writer"), "ArtifactWriter");
    assert_eq!(value_name(Language::Python, "create-artifact"), "create_artifact");
    assert_eq!(value_name(Language::JavaScript, "create-artifact"), "createArtifact");
    let package = Package::parse(&folder());
    let call = |language, interface: &str, name: &str| {
        let (_, found) = package.interfaces().find(|(known, _)| *known == interface).unwrap();
        package.call(language, interface, &found.functions[name])
    };
    assert_eq!(
        call(Language::Rust, "task", "[method]blob.read"),
        "Blob::read(&self, offset: u64, len: u32) -> Result<Vec<u8>, FileError>"
    );
    assert_eq!(
        call(Language::Python, "task", "create-artifact"),
        "task.create_artifact(name: str) -> ArtifactWriter  # raises Err[FileError]"
    );
    assert_eq!(
        call(Language::JavaScript, "kv", "set"),
        "kv.set(key: string, value: Uint8Array): void  // throws Error"
    );
    assert_eq!(
        call(Language::Python, "task", "create-temporary-file"),
        "task.create_temporary_file(name: str, media_type: str) -> ArtifactWriter  # raises Err[FileError]"
    );
    assert_eq!(
        call(Language::Rust, "conversion", "convert"),
        "conversion::convert(document: &Blob, name: &str) -> Result<Outcome, Error>"
    );
    assert_eq!(call(Language::Rust, "ocr", "read"), "ocr::read(picture: &Picture) -> Result<Reading, Error>");
    assert_eq!(call(Language::JavaScript, "ocr", "read"), "ocr.read(picture: Picture): Reading  // throws Error");
    assert_eq!(
        call(Language::Rust, "kv", "keys"),
        "kv::keys(prefix: &str, after: Option<&str>) -> Result<Vec<String>, Error>"
    );
}
