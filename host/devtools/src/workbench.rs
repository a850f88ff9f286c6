//! A sandbox for one component without a server, for `morag plugin test` and `run`.
//!
//! It is the server's sandbox with temporary services: files, vectors and graph in a temporary folder, and the embedder that
//! needs no network. External services (completions, transcription, HTTP) are not available.

use anyhow::Context as _;
use morag_adapters::SystemClock;
use morag_adapters::ai::NoService;
use morag_adapters::blobs::ObjectBlobs;
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::plugin_http::NoHttp;
use morag_adapters::store::sqlite::{SqliteKnowledge, SqliteStore};
use morag_core::plugin::{Capability, CompileLimits, Descriptor, Grant, NotGranted};
use morag_core::ports::{Blobs, StepRunner};
use morag_ocr::NoReader;
use morag_runtime::{Compiler, EngineOptions, LoadError, LoadErrorReason, PluginRunner, Services, StepEngine};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Concurrent instances: one that runs, and one that is being dropped.
const INSTANCES: u32 = 2;

/// One component in its sandbox, with its own services.
pub struct Workbench {
    /// Runs the component.
    pub steps: Arc<dyn StepRunner>,
    /// Storage of its files.
    pub blobs: Arc<dyn Blobs>,
    /// Descriptor of the component.
    pub descriptor: Arc<Descriptor>,
    _folder: TempDir,
}

/// Why a workbench cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum WorkbenchError {
    /// The component requires a capability that is not granted.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
    /// Any other error.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Loads a component with the capabilities in `grant`. `cache` is the folder of compiled components.
pub async fn workbench(component: &Path, grant: &Grant, cache: &Path) -> Result<Workbench, WorkbenchError> {
    let folder = tempfile::tempdir().context("cannot create a temporary folder")?;
    let blobs: Arc<dyn Blobs> =
        Arc::new(ObjectBlobs::local(folder.path().join("files")).context("cannot open the temporary file storage")?);
    let knowledge =
        SqliteKnowledge::open(&folder.path().join("knowledge.db"), None).context("cannot open the temporary store")?;
    let key_values = SqliteStore::open(&folder.path().join("morag.db"), Arc::new(SystemClock));
    let services = Services {
        blobs: blobs.clone(),
        embedder: Arc::new(HashedEmbedder::new()),
        knowledge: Arc::new(knowledge),
        completer: Arc::new(NoService),
        transcriber: Arc::new(NoService),
        key_values: key_values.context("cannot open the temporary store")?,
        picture_reader: Arc::new(NoReader),
        http: Arc::new(NoHttp),
    };
    let engine = StepEngine::new(EngineOptions { instances_max: INSTANCES })
        .map_err(|error| anyhow::anyhow!("cannot create the WebAssembly engine: {error:#}"))?;
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
    /// Whether a run may leave state that a later run can see.
    pub fn keeps_state(&self) -> bool {
        self.descriptor.capabilities.contains(&Capability::Kv)
    }
}

/// The component compiler with a server's default limits, so that a component that compiles here compiles there too.
///
/// # Errors
/// The path of the running program is unknown.
pub fn compiler() -> anyhow::Result<Compiler> {
    Ok(Compiler::of_this_program(CompileLimits::default())?)
}
