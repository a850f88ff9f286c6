//! The bindings for C are committed, because their generator takes long to install: they must match the current WIT.

use crate::package::{Package, folder};

#[test]
fn the_bindings_for_c_have_every_interface_of_the_world() {
    let package = Package::parse(&folder());
    let path = folder().join("../plugins/sdk/c/processing_step.c");
    let text = std::fs::read_to_string(&path).unwrap();
    let (imports, exports) = package.world();
    // Interfaces with types only have no functions to look for.
    let with_functions = package.interfaces().filter(|(_, interface)| !interface.functions.is_empty());
    let named: Vec<_> = with_functions.map(|(name, _)| name.to_owned()).collect();
    let wanted: Vec<_> = imports.iter().chain(&exports).filter(|name| named.contains(name)).collect();
    assert!(wanted.len() >= 10, "{wanted:?}");
    for name in wanted {
        let wanted = format!("morag:step/{name}@{}", package.version());
        assert!(text.contains(&wanted), "{} has no {wanted}: generate it again as its README says", path.display());
    }
}
