//! The Rust SDK's bindings are generated from the WIT.
//!
//! `MORAG_BLESS=1 cargo test -p morag-tests --test compat bindings` generates them again.

use crate::package::{Package, folder};
use std::path::Path;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::Opts;

/// A world of the WIT, the file of its bindings, their module, and the macro that exports a type of them.
struct Bindings {
    world: &'static str,
    file: &'static str,
    module: &'static str,
    export_macro: &'static str,
}

const ALL: [Bindings; 2] = [
    Bindings { world: "processing-step", file: "generated.rs", module: "morag_step::bindings", export_macro: "export" },
    Bindings {
        world: "converter-exports",
        file: "converter.rs",
        module: "morag_step::bindings::converter",
        export_macro: "export_converter_exports",
    },
];

/// The file's text.
fn generate(bindings: &Bindings) -> String {
    let mut package = Package::parse(&folder());
    let world = package.resolve.select_world(&[package.id], Some(bindings.world)).unwrap();
    let options = Opts {
        format: true,
        pub_export_macro: true,
        export_macro_name: Some(bindings.export_macro.to_owned()),
        default_bindings_module: Some(bindings.module.to_owned()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut package.resolve, world, &mut files).unwrap();
    let files: Vec<_> = files.iter().collect();
    let [(_, text)] = files.as_slice() else { panic!("{} files", files.len()) };
    String::from_utf8(text.to_vec()).unwrap()
}

#[test]
fn the_bindings_of_the_rust_sdk_are_those_of_the_wit() {
    for bindings in &ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/sdk/src/bindings");
        let (path, generated) = (folder.join(bindings.file), generate(bindings));
        if std::env::var_os("MORAG_BLESS").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept == generated, "{} is not what wit/ gives; generate it again with MORAG_BLESS=1", path.display());
    }
}
