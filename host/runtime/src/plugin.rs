//! A component, loaded: compiled, described, linked with what it was granted.

use crate::bindings::{ProcessingStepPre, exports::morag::step::step as wit};
use crate::cache::CompileCache;
use crate::capabilities;
use crate::compile::CompileError;
use crate::compiled;
use crate::engine::StepEngine;
use crate::guest::{Guest, Instance};
use crate::interface::{self, OtherVersion};
use crate::metered::{self, Ended};
use crate::threads::GuestThreads;
use bytes::Bytes;
use morag_core::plugin::{
    COMPONENT_BYTES_MAX, Capability, ConfigSchema, Descriptor, DescriptorSize, Digest, Grant, Input, InvalidDescriptor,
    Limits, NotGranted, Output, UnusableSchema,
};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::{Component, Linker};
use wasmtime::{Store, UpdateDeadline};

/// Time a component has to describe itself; the WIT says so.
const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(5);

/// A loaded component.
pub struct Plugin {
    pub(crate) pre: ProcessingStepPre<Instance>,
    /// What it says it is.
    pub descriptor: Arc<Descriptor>,
    /// How much a run may take.
    pub limits: Limits,
    /// What the operator allows it.
    pub grant: Arc<Grant>,
    /// Capabilities it imports.
    pub used: BTreeSet<Capability>,
    /// SHA-256 of the component, lower-case hexadecimal.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
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
    /// Not WebAssembly, or not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
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
    /// No configuration can be checked by its schema.
    #[error("its configuration schema cannot be used: {0}")]
    Schema(#[from] UnusableSchema),
    /// A defect of the host.
    #[error("the host failed to load it: {0}")]
    Host(#[from] tokio::task::JoinError),
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
        loaded.await.map_err(|reason| LoadError { path: path.to_owned(), reason })
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
        let component = compiled::component(engine, cache, wasm, digest.as_str()).await?;
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
        Ok(Self { pre, descriptor, limits, grant: Arc::new(grant), used, digest, size })
    }
}

/// Reads a component's file, bounded, and tells a module or something else from it.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, LoadErrorReason> {
    let file = std::fs::File::open(path)?;
    if file.metadata()?.len() > COMPONENT_BYTES_MAX {
        return Err(LoadErrorReason::TooLarge);
    }
    let mut wasm = Vec::new();
    // What a file says of its length is no limit: it may grow, or be a pipe.
    file.take(COMPONENT_BYTES_MAX + 1).read_to_end(&mut wasm)?;
    if wasm.len() as u64 > COMPONENT_BYTES_MAX {
        return Err(LoadErrorReason::TooLarge);
    }
    check_kind(&wasm)?;
    Ok(wasm)
}

/// Tells a module or something else from a component by its first bytes.
fn check_kind(wasm: &[u8]) -> Result<(), LoadErrorReason> {
    match wasm.get(..8) {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(()),
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Err(LoadErrorReason::CoreModule),
        _ => Err(CompileError::Invalid("it does not begin as one".into()).into()),
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
    granted: &BTreeSet<Capability>,
) -> Result<ProcessingStepPre<Instance>, LoadErrorReason> {
    let interface = |error: wasmtime::Error| LoadErrorReason::Interface(format!("{error:#}"));
    let mut linker = Linker::new(engine.inner());
    capabilities::link(&mut linker, granted).map_err(interface)?;
    let pre = linker.instantiate_pre(component).map_err(interface)?;
    ProcessingStepPre::new(pre).map_err(interface)
}

/// A store for one instance.
pub(crate) fn store(engine: &StepEngine, guest: Guest) -> Store<Instance> {
    /// Bytes of host memory one call's arguments or results may take: a text of 1 MiB, with room for lists of vectors.
    const HOSTCALL_BYTES_MAX: usize = 32 << 20;
    /// Component handles a guest may hold.
    const HANDLES_MAX: usize = 1000;
    let mut store = Store::new(engine.inner(), Instance::new(guest));
    store.limiter(|instance| instance.meter());
    store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
    store.set_max_component_handles(HANDLES_MAX);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|store| match &store.data().guest().meter.reached {
        // It was told, and goes on: enough.
        Some(_) => Ok(UpdateDeadline::Interrupt),
        None => Ok(UpdateDeadline::Yield(1)),
    });
    store
}

/// Compiles the schema of its configuration, to refuse now what no pipeline could use. Apart from the server's own threads: it is
/// a stranger's, and takes some ms at its limits.
async fn check_schema(descriptor: &Arc<Descriptor>) -> Result<(), LoadErrorReason> {
    let descriptor = descriptor.clone();
    tokio::task::spawn_blocking(move || ConfigSchema::new(&descriptor.config_schema)).await??;
    Ok(())
}

/// Lets a component say what it is. Where what the operator grants it is known only by its name, which it says here, its memory has
/// the default limit.
async fn describe(
    engine: StepEngine,
    pre: ProcessingStepPre<Instance>,
    memory_bytes_max: u64,
) -> Result<Descriptor, LoadErrorReason> {
    let default = Limits::default();
    let memory_bytes_max = memory_bytes_max.min(default.memory_bytes_max);
    let limits = Limits { wall_time_max: DESCRIBE_TIME_MAX, memory_bytes_max, ..default };
    let mut store = store(&engine, Guest::new(limits, None));
    let log = store.data().guest().log.clone();
    let call = async {
        let step = pre.instantiate_async(&mut store).await?;
        step.morag_step_step().call_describe(&mut store).await
    };
    let ended = metered::run(call, DESCRIBE_TIME_MAX, DESCRIBE_TIME_MAX).await.ended;
    let reached = store.data().guest().meter.reached.as_ref().map(|reached| reached.text.clone());
    match (reached, ended) {
        (Some(reached), _) => Err(LoadErrorReason::Describe(reached)),
        (None, Ended::Returned(Ok(described))) => Ok(checked(described)?),
        (None, Ended::Returned(Err(error))) => {
            let said = log.stderr_tail(300);
            Err(LoadErrorReason::Describe(format!("{} {said}", error.root_cause()).trim_end().to_owned()))
        }
        (None, Ended::WallTime(_) | Ended::CpuTime(_)) => {
            Err(LoadErrorReason::Describe(format!("it took longer than {} s", DESCRIBE_TIME_MAX.as_secs())))
        }
    }
}

fn checked(described: wit::Descriptor) -> Result<Descriptor, InvalidDescriptor> {
    Descriptor::check_name(&described.name)?;
    let size = DescriptorSize {
        version: described.version.len(),
        summary: described.summary.len(),
        inputs: described.inputs.len(),
        outputs: described.outputs.len(),
        capabilities: described.capabilities.len(),
        config_schema: described.config_schema.len(),
    };
    size.check()?;
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
            Output::check(&output.media_type, output.data_key.as_deref())?;
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
