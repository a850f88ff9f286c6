//! The bindings for C are committed, because their generator takes long to install: they must match the current WIT.

use crate::package::{Package, folder};

/// Checks that a file of the SDK names each of these interfaces that has functions; those with types only are not in it.
fn assert_names(package: &Package, file: &str, interfaces: &[String]) {
    let path = folder().join("../plugins/sdk/c").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let with_functions = package.interfaces().filter(|(_, interface)| !interface.functions.is_empty());
    let named: Vec<_> = with_functions.map(|(name, _)| name.to_owned()).collect();
    for name in interfaces.iter().filter(|name| named.contains(name)) {
        let wanted = format!("morag:step/{name}@{}", package.version());
        assert!(text.contains(&wanted), "{} has no {wanted}: generate it again as its README says", path.display());
    }
}

#[test]
fn the_bindings_for_c_have_every_interface_of_the_world() {
    let package = Package::parse(&folder());
    let (imports, exports) = package.world();
    assert!(imports.len() >= 12, "{imports:?}");
    assert_names(&package, "processing_step.c", &[imports, exports].concat());
    let (_, of_converters) = package.world_named("converter-exports");
    assert_eq!(of_converters, ["converter"]);
    assert_names(&package, "converter_exports.c", &of_converters);
}

/// Each function of what a step imports is in the bindings, as one of its interface: several have a function `model`.
#[test]
fn the_bindings_for_c_have_every_function() {
    let package = Package::parse(&folder());
    let text = std::fs::read_to_string(folder().join("../plugins/sdk/c/processing_step.c")).unwrap();
    let (imports, _) = package.world();
    for (name, interface) in package.interfaces().filter(|(name, _)| imports.iter().any(|import| import == name)) {
        for function in interface.functions.keys() {
            let wanted = format!(
                "__import_module__(\"morag:step/{name}@{}\"), __import_name__(\"{function}\")",
                package.version()
            );
            assert!(text.contains(&wanted), "{wanted} is missing: generate the bindings again as their README says");
        }
    }
}
