//! A sandbox for one component without a server, for `morag plugin test` and `run`.
//!
//! It is the server's sandbox with temporary services: files, vectors and graph in a temporary folder, and the embedder that
//! needs no network. External services (completions, transcription, HTTP) are not available. Documents inside the document are for the
//! component itself, or for the converters of a plugins folder.

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
use morag_runtime::{
    Compiler, ConverterCode, EngineOptions, LoadError, LoadErrorReason, Plugin, PluginRegistry, Services, StepEngine,
    facts,
};
use std::path::{Path, PathBuf};
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
    /// Why converters of the plugins folder are left out, one line for each.
    pub left_out: Vec<String>,
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

/// Loads a component with the capabilities in `grant`. `cache` is the folder of compiled components; `plugins` a folder whose converters
/// take documents inside the document.
pub async fn workbench(
    component: &Path,
    grant: &Grant,
    cache: &Path,
    plugins: Option<&Path>,
) -> Result<Workbench, WorkbenchError> {
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
    let registry = PluginRegistry::new(engine, services, Some(cache), 1).map_err(anyhow::Error::from)?;
    let loaded = registry.load_file(component, ConverterCode::Now, |_| grant.clone()).await;
    let tried = loaded.map_err(|error| match error {
        LoadError::Component { reason: LoadErrorReason::NotGranted(missing), .. } => {
            WorkbenchError::NotGranted(missing)
        }
        error => WorkbenchError::Other(error.into()),
    })?;
    let descriptor = tried.descriptor.clone();
    let (mut set, mut left_out) = (vec![tried], Vec::new());
    for path in plugins.map(components).transpose()?.into_iter().flatten() {
        match converter(&registry, &path, &set).await {
            Ok(found) => set.extend(found),
            Err(reason) => left_out.push(format!("{reason:#}")),
        }
    }
    let steps = registry.set(set);
    let steps = if plugins.is_some() { steps.with_all_converters_inside() } else { steps };
    Ok(Workbench { steps: Arc::new(steps), blobs, descriptor, left_out, _folder: folder })
}

/// The components of a plugins folder, by name.
fn components(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unread = || format!("the plugins folder {} cannot be read: give that of the server", folder.display());
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).with_context(unread)?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    Ok(files)
}

/// Loads a converter of a plugins folder, with what a server grants it without a table. None where the file is another step, or where the
/// set has one of its name: the component that is tried replaces that of the folder.
async fn converter(registry: &PluginRegistry, path: &Path, set: &[Arc<Plugin>]) -> anyhow::Result<Option<Arc<Plugin>>> {
    if !facts(path)?.exports.iter().any(|name| name.starts_with("morag:step/converter@")) {
        return Ok(None);
    }
    let found = registry.load_file(path, ConverterCode::WhenNeeded, Grant::standard).await?;
    let is_there = set.iter().any(|other| other.descriptor.name == found.descriptor.name);
    Ok((!is_there).then_some(found))
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
