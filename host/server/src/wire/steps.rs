//! The steps of a worker: the WebAssembly engine and the services behind the steps' capabilities.

use super::ai::{self, Ai};
use super::ocr;
use super::plugins::{self, Job};
use morag_adapters::components::ComponentSources;
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::oci::OciRegistries;
use morag_adapters::plugin_http::HttpForPlugins;
use morag_core::ports::{Blobs, Clock, KeyValues, Knowledge};
use morag_core::webhook::AddressPolicy;
use morag_engine::config::Config;
use morag_engine::metrics::ComponentLoads;
use morag_engine::pipelines::Pipelines;
use morag_engine::plugins::Plugins;
use morag_runtime::{Compiler, EngineOptions, PluginRegistry, Services, StepEngine};
use std::sync::Arc;

/// Folder of pulled components, inside the compile cache: both must be writable by the same user only.
const PULLED: &str = "pulled";

/// Loads the components and checks that every pipeline can run with them. The job reloads them while the server runs. Both are counted
/// in `loads`.
pub(super) async fn load(
    config: &Config,
    pipelines: &Pipelines,
    services: Services,
    clock: Arc<dyn Clock>,
    loads: ComponentLoads,
) -> anyhow::Result<(Plugins, Job)> {
    // Twice the concurrency: `describe` and runs that are being dropped occupy an instance too.
    let instances_max = u32::try_from(config.worker_concurrency * 2 + 2)?;
    let engine = StepEngine::new(EngineOptions { instances_max })
        .map_err(|error| anyhow::anyhow!("cannot create the WebAssembly engine: {error:#}"))?;
    let engine = engine.compiling_by(Compiler::of_this_program(config.compiling)?);
    let cache = Some(config.compile_cache_dir.as_path());
    let registry = PluginRegistry::new(engine, services, cache, config.worker_concurrency)?;
    let pulled = config.compile_cache_dir.join(PULLED);
    let registries = OciRegistries::new(config.plugin_registries.clone(), &pulled, clock.clone());
    let parts = plugins::Parts {
        registry,
        loads,
        components: Arc::new(ComponentSources::new(registries)),
        clock,
        tables: config.plugins.clone(),
        folder: config.plugins_dir.clone(),
        reload_interval: config.plugins_reload,
        pipelines: pipelines.clone(),
    };
    Job::start(parts).await
}

/// The services behind the capabilities of steps.
pub(super) fn services(
    config: &Config,
    blobs: &Arc<dyn Blobs>,
    knowledge: &Arc<dyn Knowledge>,
    key_values: &Arc<dyn KeyValues>,
) -> anyhow::Result<Services> {
    let Ai { completer, transcriber } = ai::build(config, blobs)?;
    let policy = AddressPolicy::new(config.plugin_http_allow_networks.clone());
    Ok(Services {
        blobs: blobs.clone(),
        embedder: Arc::new(HashedEmbedder::new()),
        knowledge: knowledge.clone(),
        completer,
        transcriber,
        key_values: key_values.clone(),
        picture_reader: ocr::build(config)?,
        http: Arc::new(HttpForPlugins::new(policy)?),
    })
}
