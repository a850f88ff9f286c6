//! The SDKs for Python and JavaScript look for the interfaces of a project's world by name: one that they do not know is not there.

use crate::package::{Package, folder};

#[test]
fn every_sdk_knows_every_capability() {
    let package = Package::parse(&folder());
    let (imports, _) = package.world();
    let has_functions =
        |name: &String| package.interfaces().any(|(known, interface)| known == name && !interface.functions.is_empty());
    let is_free = |name: &String| ["task", "log"].contains(&name.as_str());
    let capabilities: Vec<_> = imports.into_iter().filter(|name| has_functions(name) && !is_free(name)).collect();
    assert!(capabilities.len() >= 9, "{capabilities:?}");
    for file in ["python/morag_step/_host.py", "javascript/src/host.js", "javascript/build/build.mjs"] {
        let text = std::fs::read_to_string(folder().join("../plugins/sdk").join(file)).unwrap();
        for name in &capabilities {
            assert!(text.contains(&format!("\"{name}\"")), "{file} does not know {name}");
        }
    }
    for file in ["python/morag_step/mock.py", "javascript/src/mock.js"] {
        let text = std::fs::read_to_string(folder().join("../plugins/sdk").join(file)).unwrap();
        for name in &capabilities {
            let known = [format!("\"{name}\":"), format!(" {name}: ")].iter().any(|key| text.contains(key));
            assert!(known, "{file} has no mock of {name}");
        }
    }
}
