//! Loading a component: it is compiled, described, and linked with what it was granted.

use crate::bindings::ProcessingStepPre;
use crate::cache::CompileCache;
use crate::capabilities;
use crate::compiled::{self, CodeOrigin};
use crate::component_file::{check_kind, read};
use crate::describe::describe;
use crate::engine::StepEngine;
use crate::guest::Instance;
use crate::interface;
use crate::load_error::{LoadError, LoadErrorReason};
use crate::threads::GuestThreads;
use bytes::Bytes;
use morag_core::plugin::{Capability, ConfigSchema, Descriptor, Digest, Grant, Limits};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use wasmtime::component::{Component, Linker};

/// A loaded component.
pub struct Plugin {
    pub(crate) pre: ProcessingStepPre<Instance>,
    /// Its own description.
    pub descriptor: Arc<Descriptor>,
    /// How much a run may take.
    pub limits: Limits,
    /// What the operator allows it.
    pub grant: Arc<Grant>,
    /// Capabilities that it is linked with: those that it asks for, all of which are allowed.
    pub(crate) granted: BTreeSet<Capability>,
    /// Capabilities it imports.
    pub used: BTreeSet<Capability>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Origin of its native code.
    pub code: CodeOrigin,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.descriptor.name).field("digest", &self.digest).finish()
    }
}

impl Plugin {
    /// Loads a component from a file. `grant` is asked for what the operator allows the step of that name.
    pub(crate) async fn load(
        engine: &StepEngine,
        threads: &GuestThreads,
        cache: Option<&CompileCache>,
        path: &Path,
        grant: impl FnOnce(&str) -> Grant,
    ) -> Result<Self, LoadError> {
        let loaded = async {
            let wasm = Bytes::from(read(path)?);
            let digest = Digest::of(&wasm);
            Self::of_bytes(engine, threads, cache, wasm, &digest, u64::MAX, grant).await
        };
        loaded.await.map_err(|reason| LoadError::Component { path: path.to_owned(), reason })
    }

    /// Loads a component that has been read; `digest` is its own. It describes itself on a thread of guests, with `memory_bytes_max`
    /// of memory and never more than the default.
    pub(crate) async fn of_bytes(
        engine: &StepEngine,
        threads: &GuestThreads,
        cache: Option<&CompileCache>,
        wasm: Bytes,
        digest: &Digest,
        memory_bytes_max: u64,
        grant: impl FnOnce(&str) -> Grant,
    ) -> Result<Self, LoadErrorReason> {
        check_kind(&wasm)?;
        let size = wasm.len() as u64;
        let (component, code) = compiled::component(engine, cache, wasm, digest.as_str()).await?;
        check_imports(engine, &component)?;
        // Every capability is linked while it describes itself: a call of one traps, for there is no task.
        let everything = Capability::ALL.into_iter().collect();
        let linked = link(engine, &component, &everything)?;
        let descriptor = Arc::new(threads.run(describe(engine.clone(), linked, memory_bytes_max)).await??);
        check_schema(&descriptor).await?;
        let grant = grant(&descriptor.name);
        let granted = grant.decide(&descriptor)?;
        let used: BTreeSet<_> = capability_imports(engine, &component).collect();
        if let Some(undeclared) = used.difference(&granted).next() {
            return Err(LoadErrorReason::UndeclaredImport(undeclared.as_str().into()));
        }
        let pre = link(engine, &component, &granted)?;
        let (limits, digest) = (grant.limits.clone(), digest.to_string());
        Ok(Self { pre, descriptor, limits, grant: Arc::new(grant), granted, used, digest, size, code })
    }
}

/// Names of the component's imports.
pub(crate) fn imports(engine: &StepEngine, component: &Component) -> Vec<String> {
    component.component_type().imports(engine.inner()).map(|(name, _)| name.to_owned()).collect()
}

fn capability_imports(engine: &StepEngine, component: &Component) -> impl Iterator<Item = Capability> {
    let names = imports(engine, component);
    Capability::ALL
        .into_iter()
        .filter(move |capability| names.iter().any(|name| capabilities::imported(name) == Some(*capability)))
}

/// Refuses an import that no grant could satisfy, by its name, which is clearer than the linker's error; and an interface of
/// another version, imported or exported.
fn check_imports(engine: &StepEngine, component: &Component) -> Result<(), LoadErrorReason> {
    let imports = imports(engine, component);
    let exports =
        component.component_type().exports(engine.inner()).map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    imports.iter().chain(&exports).try_for_each(|name| interface::check_version(name))?;
    match imports.into_iter().find(|name| !interface::is_known(name)) {
        Some(name) => Err(LoadErrorReason::UnknownImport(name)),
        None => Ok(()),
    }
}

fn link(
    engine: &StepEngine,
    component: &Component,
    granted: &BTreeSet<Capability>,
) -> Result<ProcessingStepPre<Instance>, LoadErrorReason> {
    let interface = |error: wasmtime::Error| LoadErrorReason::Interface(format!("{error:#}"));
    let mut linker = Linker::new(engine.inner());
    capabilities::link(&mut linker, granted).map_err(interface)?;
    let pre = linker.instantiate_pre(component).map_err(interface)?;
    ProcessingStepPre::new(pre).map_err(interface)
}

/// Compiles the schema of its configuration, to refuse now a component that no pipeline could use. Not on the server's own threads:
/// the schema is untrusted, and takes some ms at its limits.
async fn check_schema(descriptor: &Arc<Descriptor>) -> Result<(), LoadErrorReason> {
    let descriptor = descriptor.clone();
    tokio::task::spawn_blocking(move || ConfigSchema::new(&descriptor.config_schema)).await??;
    Ok(())
}
