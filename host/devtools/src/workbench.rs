//! A sandbox for one component on a person's own machine, without a server: `morag plugin test` and `run`.
//!
//! It is the sandbox that servers use, over services that keep nothing: files, vectors and graph in a temporary folder, the
//! embedder that needs no network. What a server asks other services for (completions, transcription, HTTP) is away.

use anyhow::Context as _;
use morag_adapters::SystemClock;
use morag_adapters::ai::NoService;
use morag_adapters::blobs::ObjectBlobs;
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::plugin_http::NoHttp;
use morag_adapters::store::sqlite::{SqliteKnowledge, SqliteStore};
use morag_core::plugin::{Capability, CompileLimits, Descriptor, Grant, NotGranted};
use morag_core::ports::{Blobs, StepRunner};
use morag_runtime::{Compiler, EngineOptions, LoadError, LoadErrorReason, PluginRunner, Services, StepEngine};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Instances at once: the one that runs, and one that is being dropped.
const INSTANCES: u32 = 2;

/// One component in its sandbox, with services of its own.
pub struct Workbench {
    /// Runs it.
    pub steps: Arc<dyn StepRunner>,
    /// Its files.
    pub blobs: Arc<dyn Blobs>,
    /// What it says it is.
    pub descriptor: Arc<Descriptor>,
    _folder: TempDir,
}

/// Why there is no workbench.
#[derive(Debug, thiserror::Error)]
pub enum WorkbenchError {
    /// The component wants more than it is granted.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
    /// Anything else; the text says what.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Loads a component with what `grant` allows. `cache` is the folder of compiled components.
pub async fn workbench(component: &Path, grant: &Grant, cache: &Path) -> Result<Workbench, WorkbenchError> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let blobs: Arc<dyn Blobs> = Arc::new(ObjectBlobs::local(folder.path().join("files")).context("temporary files")?);
    let knowledge = SqliteKnowledge::open(&folder.path().join("knowledge.db"), None).context("a temporary store")?;
    let key_values = SqliteStore::open(&folder.path().join("morag.db"), Arc::new(SystemClock));
    let services = Services {
        blobs: blobs.clone(),
        embedder: Arc::new(HashedEmbedder::new()),
        knowledge: Arc::new(knowledge),
        completer: Arc::new(NoService),
        transcriber: Arc::new(NoService),
        key_values: key_values.context("a temporary store")?,
        http: Arc::new(NoHttp),
    };
    let engine = StepEngine::new(EngineOptions { instances_max: INSTANCES })
        .map_err(|error| anyhow::anyhow!("the WebAssembly engine cannot start: {error:#}"))?;
    let engine = engine.compiling_by(compiler()?);
    let loaded = PluginRunner::load(engine, services, Some(cache), vec![component.into()], |_| grant.clone(), 1).await;
    let steps = loaded.map_err(|error| match error {
        LoadError::Component { reason: LoadErrorReason::NotGranted(missing), .. } => {
            WorkbenchError::NotGranted(missing)
        }
        error => WorkbenchError::Other(error.into()),
    })?;
    let descriptor = steps.plugins().values().next().map(|plugin| plugin.descriptor.clone());
    let descriptor = descriptor.context("the component was not loaded")?;
    Ok(Workbench { steps: Arc::new(steps), blobs, descriptor, _folder: folder })
}

impl Workbench {
    /// Whether a run leaves something behind that a later one could see.
    pub fn remembers(&self) -> bool {
        self.descriptor.capabilities.contains(&Capability::Kv)
    }
}

/// What compiles components for a person: with the limits that a server has by default, so that what is built here is taken there.
///
/// # Errors
/// Where the system does not say which program this is.
pub fn compiler() -> anyhow::Result<Compiler> {
    Ok(Compiler::of_this_program(CompileLimits::default())?)
}
