//! The steps of a worker: components in their sandbox, and what they stand on.

use super::plugins::{self, Job};
use crate::Pipelines;
use crate::config::Config;
use crate::plugins::Plugins;
use anyhow::Context as _;
use morag_adapters::components::ComponentSources;
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::oci::OciRegistries;
use morag_core::plugin::{Descriptor, check_dataflow};
use morag_core::ports::{Blobs, Clock, Knowledge};
use morag_runtime::{EngineOptions, PluginRegistry, Services, StepEngine};
use std::sync::Arc;

/// Folder of what was pulled, in that of compiled components: what may be written there must be the same user's.
const PULLED: &str = "pulled";

/// Loads the components and checks that every pipeline can run with them. The job replaces them while the server runs.
pub(super) async fn load(
    config: &Config,
    pipelines: &Pipelines,
    blobs: Arc<dyn Blobs>,
    knowledge: Arc<dyn Knowledge>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<(Plugins, Job)> {
    // Twice the workers: `describe` and a run that is being dropped take a place too.
    let instances_max = u32::try_from(config.worker_concurrency * 2 + 2)?;
    let engine = StepEngine::new(EngineOptions { instances_max })
        .map_err(|error| anyhow::anyhow!("the WebAssembly engine cannot start: {error:#}"))?;
    let services = Services { blobs, embedder: Arc::new(HashedEmbedder::new()), knowledge };
    let cache = Some(config.compile_cache_dir.as_path());
    let registry = PluginRegistry::new(engine, services, cache, config.worker_concurrency)?;
    let registries = OciRegistries::new(config.plugin_registries.clone(), &config.compile_cache_dir.join(PULLED));
    let parts = plugins::Parts {
        registry,
        components: Arc::new(ComponentSources::new(registries)),
        clock,
        tables: config.plugins.clone(),
        folder: config.plugins_dir.clone(),
        pause: config.plugins_reload,
        pipelines: pipelines.clone(),
    };
    Job::start(parts).await
}

/// Checks that every step of every pipeline is loaded, and that they fit together.
pub(super) fn check(
    pipelines: &Pipelines,
    descriptor_of: &dyn Fn(&str) -> Option<Arc<Descriptor>>,
) -> anyhow::Result<()> {
    for pipeline in [&pipelines.ingest, &pipelines.process, &pipelines.convert] {
        let mut descriptors = Vec::new();
        for step in pipeline.steps() {
            let descriptor = descriptor_of(&step.component).with_context(|| {
                let step = &step.component;
                format!("the step {step} is not loaded: build it with `cargo xtask plugins`, or set MORAG_PLUGINS_DIR")
            })?;
            descriptors.push((step.name.as_str(), descriptor));
        }
        check_dataflow(descriptors.iter().map(|(name, descriptor)| (*name, descriptor.as_ref())))
            .with_context(|| format!("pipeline {}", pipeline.name()))?;
    }
    Ok(())
}
