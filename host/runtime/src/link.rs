//! Which interfaces a component imports and exports, and linking those that it is granted.

use crate::bindings::ProcessingStepPre;
use crate::capabilities;
use crate::guest::Instance;
use crate::interface;
use crate::load_error::LoadErrorReason;
use morag_core::plugin::Capability;
use std::collections::BTreeSet;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

/// Links a component with the interfaces of what it is granted.
pub(crate) fn link(
    engine: &Engine,
    component: &Component,
    granted: &BTreeSet<Capability>,
) -> Result<ProcessingStepPre<Instance>, LoadErrorReason> {
    let interface = |error: wasmtime::Error| LoadErrorReason::Interface(format!("{error:#}"));
    let mut linker = Linker::new(engine);
    capabilities::link(&mut linker, granted).map_err(interface)?;
    let pre = linker.instantiate_pre(component).map_err(interface)?;
    ProcessingStepPre::new(pre).map_err(interface)
}

/// Refuses an import that no grant could satisfy, by its name, which is clearer than the linker's error; and an interface of
/// another version, imported or exported.
pub(crate) fn check_imports(engine: &Engine, component: &Component) -> Result<(), LoadErrorReason> {
    let imports = imports(engine, component);
    let exports = component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    imports.iter().chain(&exports).try_for_each(|name| interface::check_version(name))?;
    match imports.into_iter().find(|name| !interface::is_known(name)) {
        Some(name) => Err(LoadErrorReason::UnknownImport(name)),
        None => Ok(()),
    }
}

/// The capabilities that a component imports.
pub(crate) fn capability_imports(engine: &Engine, component: &Component) -> BTreeSet<Capability> {
    let names = imports(engine, component);
    let is_imported =
        |capability: &Capability| names.iter().any(|name| capabilities::imported(name) == Some(*capability));
    Capability::ALL.into_iter().filter(is_imported).collect()
}

fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect()
}
