//! Puts a server together. The only module that names concrete adapters.

use crate::config::Config;
use crate::engine::{self, Running};
use crate::{App, Pipelines, api};
use anyhow::Context as _;
use morag_adapters::SystemClock;
use morag_adapters::blobs::ObjectBlobs;
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::store::sqlite::{Options, SqliteKnowledge, SqliteStore};
use morag_adapters::webhook_http::HttpSender;
use morag_core::plugin::{Capability, Grant, check_dataflow};
use morag_core::ports::{Clock, StepRunner};
use morag_core::webhook::AddressPolicy;
use morag_runtime::{EngineOptions, PluginRunner, Services, StepEngine};
use std::fs::File;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long running steps may go on after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Runs a server until it is asked to stop (SIGTERM or Ctrl-C), then lets what runs come to an end or hands it back.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let address = config.listen_address();
    let _lock = lock(&config.data_dir)?;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: is another server there? Choose another API_PORT"))?;
    let bound = listener.local_addr()?;
    let app = Arc::new(build(config).await?);
    engine::recover(&app).await?;

    let shutdown = CancellationToken::new();
    let mut loops = engine::spawn(&app, &shutdown, DRAIN);
    // Read by scripts and tests that asked for port 0.
    println!("morag listens on http://{bound}");
    tracing::info!(address = %bound, version = crate::VERSION, "ready");

    let stop = shutdown.clone();
    tokio::spawn(async move {
        match asked_to_stop().await {
            Ok(()) => {
                tracing::info!("stopping: what runs has up to {} s; a second signal ends at once", DRAIN.as_secs())
            }
            Err(error) => tracing::error!(%error, "no signal can be waited for: stopping"),
        }
        stop.cancel();
        if asked_to_stop().await.is_ok() {
            // Nothing is lost: what was not handed back is due at the next start.
            std::process::exit(1);
        }
    });
    let served = api::serve(listener, api::router(app.clone()), shutdown.clone().cancelled_owned()).await;
    shutdown.cancel();
    while loops.join_next().await.is_some() {}
    served
}

async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// Makes the data folder the server's own, and takes its lock: two servers on one embedded store would not wake each
/// other.
fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let unusable = || format!("the data folder {} cannot be used: set MORAG_DATA_DIR", data_dir.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).with_context(unusable)?;
    let file = File::create(data_dir.join("lock")).with_context(unusable)?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!("another server uses the data folder {}: stop it, or set MORAG_DATA_DIR", data_dir.display())
    })?;
    Ok(file)
}

/// Builds the parts of a server.
pub async fn build(config: Config) -> anyhow::Result<App> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let data = &config.data_dir;
    // The folder's lock is ours, so whoever held a lease is gone.
    let options = Options { queue_max: config.queue_tasks_max, ends_leases: true, ..Options::default() };
    let store = SqliteStore::open_with(&data.join("morag.db"), clock.clone(), options)?;
    let knowledge = Arc::new(SqliteKnowledge::open(&data.join("knowledge.db"), None)?);
    let blobs = Arc::new(ObjectBlobs::local(data.join("files"))?);
    let policy = AddressPolicy::new(config.webhook_allow_networks.clone());
    let sender = Arc::new(HttpSender::new(policy, clock.clone())?);

    // Twice the workers: `describe` and a run that is being dropped take a place too.
    let instances_max = u32::try_from(config.worker_concurrency * 2 + 2)?;
    let engine = StepEngine::new(EngineOptions { instances_max })
        .map_err(|error| anyhow::anyhow!("the WebAssembly engine cannot start: {error:#}"))?;
    let services =
        Services { blobs: blobs.clone(), embedder: Arc::new(HashedEmbedder::new()), knowledge: knowledge.clone() };
    let components = components(&config.plugins_dir)?;
    let steps = Arc::new(
        PluginRunner::load(
            engine,
            services,
            Some(&config.compile_cache_dir),
            components,
            grant,
            config.worker_concurrency,
        )
        .await?,
    );

    let pipelines = Pipelines::standard();
    check(&pipelines, steps.as_ref(), &config.plugins_dir)?;
    Ok(App {
        tasks: store.clone(),
        queue: store.clone(),
        deliveries: store,
        blobs,
        knowledge,
        sender,
        steps,
        clock,
        pipelines,
        running: Running::default(),
        config,
    })
}

/// What each step may do: of the standard six only the one that stores gets anything.
fn grant(step: &str) -> Grant {
    match step {
        "ingestion" => Grant::of(Capability::ALL),
        _ => Grant::default(),
    }
}

/// The components of the plugins folder, by name.
fn components(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unusable = || format!("the plugins folder {} cannot be read: set MORAG_PLUGINS_DIR", folder.display());
    let entries = std::fs::read_dir(folder).with_context(unusable)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut paths = paths.with_context(unusable)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    paths.sort();
    Ok(paths)
}

/// Checks that every step of every pipeline is loaded, and that they fit together.
fn check(pipelines: &Pipelines, steps: &dyn StepRunner, folder: &Path) -> anyhow::Result<()> {
    for pipeline in [&pipelines.ingest, &pipelines.process, &pipelines.convert] {
        let mut descriptors = Vec::new();
        for step in pipeline.steps() {
            let descriptor = steps.descriptor(&step.component).with_context(|| {
                let (step, folder) = (&step.component, folder.display());
                format!(
                    "the step {step} is not in {folder}: build it with `cargo xtask plugins`, or set MORAG_PLUGINS_DIR"
                )
            })?;
            descriptors.push((step.name.as_str(), descriptor));
        }
        check_dataflow(descriptors.iter().map(|(name, descriptor)| (*name, descriptor.as_ref())))
            .with_context(|| format!("pipeline {}", pipeline.name()))?;
    }
    Ok(())
}
