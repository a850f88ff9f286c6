//! A component, loaded: compiled, described, linked with what it was granted.

use crate::bindings::{ProcessingStepPre, exports::morag::step::step as wit};
use crate::cache::CompileCache;
use crate::engine::StepEngine;
use crate::guest::Guest;
use crate::interface::{self, OtherVersion};
use crate::{capabilities, limits};
use morag_core::plugin::{Capability, Descriptor, Grant, Input, InvalidDescriptor, Limits, NotGranted, Output};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

/// Largest component taken: a Python one is 18 MB; compiling costs some 150 ms a megabyte.
const COMPONENT_BYTES_MAX: u64 = 64 << 20;

/// Time a component has to describe itself; the WIT says so.
const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(5);

/// A loaded component.
pub struct Plugin {
    pub(crate) pre: ProcessingStepPre<Guest>,
    /// What it says it is.
    pub descriptor: Arc<Descriptor>,
    /// How much a run may take.
    pub limits: Limits,
    /// What the operator allows it.
    pub(crate) grant: Arc<Grant>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub digest: String,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.descriptor.name).field("digest", &self.digest).finish()
    }
}

/// Why a component cannot be used. One line, for the operator.
#[derive(Debug, thiserror::Error)]
#[error("plugin {}: {reason}", .path.display())]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: LoadErrorReason,
}

/// What is wrong with a component.
#[derive(Debug, thiserror::Error)]
pub enum LoadErrorReason {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is too large.
    #[error("it has more than {} MiB, the largest component taken", COMPONENT_BYTES_MAX >> 20)]
    TooLarge,
    /// A core module.
    #[error(
        "it is a core WebAssembly module, not a component: build it for wasm32-wasip2, or use `wasm-tools component new`"
    )]
    CoreModule,
    /// Not WebAssembly.
    #[error("it is not a WebAssembly component (damaged, or cut off): {0}")]
    NotComponent(String),
    /// It needs something the host does not give it.
    #[error("it imports {0}, which this host does not have")]
    UnknownImport(String),
    /// It was built against an interface that the host does not have.
    #[error(transparent)]
    Version(#[from] OtherVersion),
    /// It needs a capability it does not say it wants.
    #[error("it imports {0}, a capability its descriptor does not ask for")]
    UndeclaredImport(String),
    /// It wants a capability that was not granted.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
    /// It does not export the step interface.
    #[error("it does not fit the interface morag:step/step@{version}: {0}", version = interface::VERSION)]
    Interface(String),
    /// It does not describe itself.
    #[error("it failed to describe itself: {0}")]
    Describe(String),
    /// Its description cannot be taken.
    #[error(transparent)]
    Descriptor(#[from] InvalidDescriptor),
}

impl Plugin {
    /// Loads a component from a file. `grant` is asked for what the operator allows the step of that name.
    pub(crate) async fn load(
        engine: &StepEngine,
        cache: Option<&CompileCache>,
        path: &Path,
        grant: impl FnOnce(&str) -> Grant,
    ) -> Result<Self, LoadError> {
        let loaded = Self::load_inner(engine, cache, path, grant).await;
        loaded.map_err(|reason| LoadError { path: path.to_owned(), reason })
    }

    async fn load_inner(
        engine: &StepEngine,
        cache: Option<&CompileCache>,
        path: &Path,
        grant: impl FnOnce(&str) -> Grant,
    ) -> Result<Self, LoadErrorReason> {
        let wasm = read(path)?;
        let digest = hex::encode(Sha256::digest(&wasm));
        let component = compile(engine, cache, wasm, &digest).await?;
        check_imports(engine, &component)?;
        // Every capability is linked while it describes itself: a call of one traps, for there is no task.
        let everything = Capability::ALL.into_iter().collect();
        let descriptor = Arc::new(describe(engine, &link(engine, &component, &everything)?).await?);
        let grant = grant(&descriptor.name);
        let granted = grant.decide(&descriptor)?;
        if let Some(name) = capability_imports(engine, &component).find(|capability| !granted.contains(capability)) {
            return Err(LoadErrorReason::UndeclaredImport(name.as_str().into()));
        }
        let pre = link(engine, &component, &granted)?;
        Ok(Self { pre, descriptor, limits: grant.limits.clone(), grant: Arc::new(grant), digest })
    }
}

/// Reads a component's file, bounded, and tells a module or something else from it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LoadErrorReason> {
    if std::fs::metadata(path)?.len() > COMPONENT_BYTES_MAX {
        return Err(LoadErrorReason::TooLarge);
    }
    let wasm = std::fs::read(path)?;
    match wasm.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(wasm),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(LoadErrorReason::CoreModule),
        _ => Err(LoadErrorReason::NotComponent("it does not begin as one".into())),
    }
}

async fn compile(
    engine: &StepEngine,
    cache: Option<&CompileCache>,
    wasm: Vec<u8>,
    digest: &str,
) -> Result<Component, LoadErrorReason> {
    let (engine, cache, digest) = (engine.clone(), cache.cloned(), digest.to_owned());
    let compiled = tokio::task::spawn_blocking(move || match cache {
        Some(cache) => cache.load(engine.inner(), &wasm, &digest).map(|(component, _)| component),
        None => Component::new(engine.inner(), &wasm),
    });
    match compiled.await {
        Ok(component) => component.map_err(|error| LoadErrorReason::NotComponent(error.root_cause().to_string())),
        Err(panic) => Err(LoadErrorReason::NotComponent(panic.to_string())),
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
        .filter(move |capability| names.iter().any(|name| interface::capability(name) == Some(*capability)))
}

/// Refuses an import that no grant could satisfy, by its name: clearer than what linking says. And an interface of another
/// version, whether it imports or exports it.
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
    granted: &std::collections::BTreeSet<Capability>,
) -> Result<ProcessingStepPre<Guest>, LoadErrorReason> {
    let interface = |error: wasmtime::Error| LoadErrorReason::Interface(error.root_cause().to_string());
    let mut linker = Linker::new(engine.inner());
    capabilities::link(&mut linker, granted).map_err(interface)?;
    let pre = linker.instantiate_pre(component).map_err(interface)?;
    ProcessingStepPre::new(pre).map_err(interface)
}

/// A store for one instance.
pub(crate) fn store(engine: &StepEngine, guest: Guest) -> Store<Guest> {
    /// Bytes of host memory one call's arguments or results may take: a text of 1 MiB, with room for lists of vectors.
    const HOSTCALL_BYTES_MAX: usize = 32 << 20;
    /// Component handles a guest may hold.
    const HANDLES_MAX: usize = 1000;
    let mut store = Store::new(engine.inner(), guest);
    store.limiter(|guest| &mut guest.meter);
    store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
    store.set_max_component_handles(HANDLES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store
}

async fn describe(engine: &StepEngine, pre: &ProcessingStepPre<Guest>) -> Result<Descriptor, LoadErrorReason> {
    let mut store = store(engine, Guest::new(Limits::default(), None));
    let log = store.data().log.clone();
    let call = async {
        let step = pre.instantiate_async(&mut store).await?;
        step.morag_step_step().call_describe(&mut store).await
    };
    match tokio::time::timeout(DESCRIBE_TIME_MAX, call).await {
        Ok(Ok(described)) => Ok(checked(described)?),
        Ok(Err(error)) => {
            let breach = store.data().meter.breach.map(|breach: limits::Breach| store.data().meter.explain(breach).1);
            let said = log.stderr_tail(300);
            Err(LoadErrorReason::Describe(breach.unwrap_or_else(|| format!("{} {said}", error.root_cause()))))
        }
        Err(_) => Err(LoadErrorReason::Describe(format!("it took longer than {} s", DESCRIBE_TIME_MAX.as_secs()))),
    }
}

fn checked(described: wit::Descriptor) -> Result<Descriptor, InvalidDescriptor> {
    Descriptor::check_name(&described.name)?;
    let artifact =
        |name: String| name.parse().map_err(|_| InvalidDescriptor::Artifact(name.chars().take(64).collect()));
    let inputs = described
        .inputs
        .into_iter()
        .map(|input| Ok(Input { name: artifact(input.name)?, required: input.required }))
        .collect::<Result<_, InvalidDescriptor>>()?;
    let outputs = described
        .outputs
        .into_iter()
        .map(|output| {
            let name = artifact(output.name)?;
            Ok(Output { name, media_type: output.media_type, data_key: output.data_key })
        })
        .collect::<Result<_, InvalidDescriptor>>()?;
    let capabilities = described
        .capabilities
        .into_iter()
        .map(|name| name.parse().map_err(|()| InvalidDescriptor::Capability(name.chars().take(64).collect())))
        .collect::<Result<_, InvalidDescriptor>>()?;
    let config_schema: serde_json::Value =
        serde_json::from_str(&described.config_schema).map_err(|_| InvalidDescriptor::Schema)?;
    if !config_schema.is_object() {
        return Err(InvalidDescriptor::Schema);
    }
    Ok(Descriptor {
        name: described.name,
        version: described.version,
        summary: described.summary,
        inputs,
        outputs,
        capabilities,
        config_schema,
    })
}
