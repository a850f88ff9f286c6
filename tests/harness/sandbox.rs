//! A step runner for the built test guests, with real adapters in a temporary folder.

use morag_adapters::SystemClock;
use morag_adapters::ai::NoService;
use morag_adapters::blobs::ObjectBlobs;
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::plugin_http::NoHttp;
use morag_adapters::store::sqlite::{SqliteKnowledge, SqliteStore};
use morag_core::plugin::{Grant, Limits};
use morag_core::ports::{BlobPath, Blobs, StepCall, StepInputs, StepReport, StepRunner};
use morag_core::task::{DocumentId, Source, TaskRecord};
use morag_core::{JsonObject, Timestamp};
use morag_ocr::NoReader;
use morag_runtime::{EngineOptions, LoadError, PluginRunner, Services, StepEngine};
use morag_testkit::record;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// Path of a built guest, in `MORAG_TEST_GUESTS_DIR` (set by `cargo xtask test`) or its default location.
pub fn guest(name: &str) -> PathBuf {
    let folder = std::env::var_os("MORAG_TEST_GUESTS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests"), PathBuf::from);
    let path = folder.join(format!("guest_{name}.wasm"));
    assert!(path.exists(), "{} is missing: `cargo xtask plugins --guests` builds it", path.display());
    path
}

/// Limits that are low enough to be reached quickly.
pub fn small_limits() -> Limits {
    Limits {
        memory_bytes_max: 64 << 20,
        wall_time_max: Duration::from_millis(700),
        output_bytes_max: 8 << 20,
        ..Limits::default()
    }
}

/// Services of the capabilities: real adapters in a folder.
pub fn services(folder: &Path) -> Services {
    let knowledge = SqliteKnowledge::open(&folder.join("knowledge.db"), None).expect("knowledge store");
    let key_values = SqliteStore::open(&folder.join("morag.db"), Arc::new(SystemClock)).expect("a store");
    Services {
        blobs: Arc::new(ObjectBlobs::local(folder.join("files")).expect("file storage")),
        embedder: Arc::new(HashedEmbedder::new()),
        knowledge: Arc::new(knowledge),
        completer: Arc::new(NoService),
        transcriber: Arc::new(NoService),
        key_values,
        picture_reader: Arc::new(NoReader),
        http: Arc::new(NoHttp),
    }
}

/// A runner with its parts.
pub struct Sandbox {
    /// The runner.
    pub runner: PluginRunner,
    /// Its files.
    pub blobs: Arc<ObjectBlobs>,
    /// All progress reports.
    pub progress: Arc<Mutex<Vec<(f64, String)>>>,
    folder: TempDir,
}

impl Sandbox {
    /// Loads components with these limits and without capabilities.
    pub async fn load(paths: Vec<PathBuf>, limits: Limits) -> Result<Self, LoadError> {
        let engine = StepEngine::new(EngineOptions { instances_max: 4 }).expect("an engine");
        Self::load_on(engine, paths, limits, 2).await
    }

    /// The same on a shared engine, with a number of guest threads.
    pub async fn load_on(
        engine: StepEngine,
        paths: Vec<PathBuf>,
        limits: Limits,
        threads: usize,
    ) -> Result<Self, LoadError> {
        let grant = |_: &str| Grant { limits: limits.clone(), ..Grant::default() };
        Self::of(engine, paths, grant, |_| (), threads, None).await
    }

    /// Loads components without capabilities, with a folder of compiled components.
    pub async fn load_with_cache(engine: StepEngine, paths: Vec<PathBuf>, cache: &Path) -> Result<Self, LoadError> {
        Self::granted_with_cache(engine, paths, |_| Grant::default(), cache).await
    }

    /// The same with a grant by name.
    pub async fn granted_with_cache(
        engine: StepEngine,
        paths: Vec<PathBuf>,
        grant: impl Fn(&str) -> Grant,
        cache: &Path,
    ) -> Result<Self, LoadError> {
        Self::of(engine, paths, grant, |_| (), 2, Some(cache)).await
    }

    /// Loads components with a grant by name. `change` replaces default services, which are a key-value store, and neither
    /// completions, transcription nor HTTP.
    pub async fn granted(
        paths: Vec<PathBuf>,
        grant: impl Fn(&str) -> Grant,
        change: impl FnOnce(&mut Services),
    ) -> Result<Self, LoadError> {
        let engine = StepEngine::new(EngineOptions { instances_max: 4 }).expect("an engine");
        Self::of(engine, paths, grant, change, 2, None).await
    }

    async fn of(
        engine: StepEngine,
        paths: Vec<PathBuf>,
        grant: impl Fn(&str) -> Grant,
        change: impl FnOnce(&mut Services),
        threads: usize,
        cache: Option<&Path>,
    ) -> Result<Self, LoadError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let blobs = Arc::new(ObjectBlobs::local(folder.path().join("files")).expect("file storage"));
        let mut services = Services { blobs: blobs.clone(), ..services(folder.path()) };
        change(&mut services);
        let runner = PluginRunner::load(engine, services, cache, paths, grant, threads).await?;
        Ok(Self { runner, blobs, progress: Arc::default(), folder })
    }

    /// A call of the guest `misbehave` in a mode, with a document.
    pub async fn call(&self, mode: &str, document: &[u8]) -> StepCall {
        let mut config = JsonObject::new();
        config.insert("mode".into(), json!(mode));
        self.call_of("misbehave", config, document).await
    }

    /// A call of a component without configuration, with a document.
    pub async fn plain_call(&self, component: &str, document: &[u8]) -> StepCall {
        self.call_of(component, JsonObject::new(), document).await
    }

    /// A call of a component with a configuration and a document.
    pub async fn call_of(&self, component: &str, config: JsonObject, document: &[u8]) -> StepCall {
        let record = record_of(document);
        let path = BlobPath::file(record.id, &record.source.stored_as);
        let mut writer = self.blobs.create(&path).await.expect("a file");
        writer.write(document.to_vec().into()).await.expect("bytes");
        writer.finish().await.expect("a whole file");
        let progress = self.progress.clone();
        StepCall {
            components: vec![component.to_owned()],
            config,
            record: Arc::new(record),
            attempt: 1,
            inputs: StepInputs { source: path, artifacts: Default::default() },
            on_progress: Arc::new(move |fraction, message| {
                progress.lock().expect("no test panics here").push((fraction, message));
            }),
        }
    }

    /// Paths of all files in the file storage, finished or not.
    pub fn files(&self) -> Vec<String> {
        let root = self.folder.path().join("files");
        let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            // The folder may be removed meanwhile.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    true => folders.push(entry.path()),
                    false => files.extend(entry.path().strip_prefix(&root).map(|path| path.display().to_string())),
                }
            }
        }
        files.sort();
        files
    }

    /// Runs the guest `misbehave` in a mode.
    pub async fn run(&self, mode: &str) -> StepReport {
        self.runner.run(self.call(mode, b"document").await).await
    }
}

fn record_of(document: &[u8]) -> TaskRecord {
    let sample = record();
    let source = Source {
        stored_as: "original.txt".parse().expect("a file name"),
        file_name: "report.txt".into(),
        media_type: "text/plain".into(),
        size: document.len() as u64,
        ..sample.source.clone()
    };
    TaskRecord { document_id: DocumentId::random(), source, created_at: Timestamp::from_millis(0), ..sample }
}
