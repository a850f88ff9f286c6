//! The steps of a worker: the components of the plugins folder in their sandbox.

use super::ai::{self, Ai};
use crate::Pipelines;
use crate::config::Config;
use anyhow::Context as _;
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::plugin_http::HttpForPlugins;
use morag_core::plugin::{Capability, Grant, check_dataflow};
use morag_core::ports::{Blobs, KeyValues, Knowledge, StepRunner};
use morag_core::webhook::AddressPolicy;
use morag_runtime::{EngineOptions, PluginRunner, Services, StepEngine};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Loads the components and checks that every pipeline can run with them.
pub(super) async fn load(
    config: &Config,
    pipelines: &Pipelines,
    services: Services,
) -> anyhow::Result<Arc<dyn StepRunner>> {
    // Twice the workers: `describe` and a run that is being dropped take a place too.
    let instances_max = u32::try_from(config.worker_concurrency * 2 + 2)?;
    let engine = StepEngine::new(EngineOptions { instances_max })
        .map_err(|error| anyhow::anyhow!("the WebAssembly engine cannot start: {error:#}"))?;
    let components = components(&config.plugins_dir)?;
    let (cache, threads) = (Some(config.compile_cache_dir.as_path()), config.worker_concurrency);
    let steps = PluginRunner::load(engine, services, cache, components, grant, threads).await?;
    check(pipelines, &steps, &config.plugins_dir)?;
    Ok(Arc::new(steps))
}

/// What stands behind the capabilities of steps.
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
        http: Arc::new(HttpForPlugins::new(policy)?),
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
