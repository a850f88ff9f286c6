//! Loads components into one sandbox, while sets of earlier components are running.

use crate::cache::CompileCache;
use crate::compile;
use crate::engine::StepEngine;
use crate::load_error::{LoadError, LoadErrorReason, SandboxError};
use crate::plugin::{ConverterCode, Loader, Plugin};
use crate::runner::PluginRunner;
use crate::sandbox::Sandbox;
use crate::services::Services;
use crate::threads::GuestThreads;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::plugin::{Digest, Grant};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Components that are loaded at once. Each that must be compiled uses every core by itself; those that come from the cache
/// mostly wait for the disk, and gain from a few.
pub(crate) const LOADING_MAX: usize = 8;

/// Opens the folder of compiled components, if there is one.
pub(crate) fn open_cache(folder: Option<&Path>) -> Result<Option<CompileCache>, SandboxError> {
    let open = |folder: &Path| {
        CompileCache::open(folder).map_err(|error| SandboxError::Cache { path: folder.to_owned(), error })
    };
    folder.map(open).transpose()
}

/// Loads components into one engine, with the ports behind the capabilities, threads for guests, and a cache of compiled
/// components. Every [set](PluginRegistry::set) shares them, so that a reload takes no second pool of instances.
#[derive(Clone)]
pub struct PluginRegistry {
    sandbox: Sandbox,
    threads: Arc<GuestThreads>,
    cache: Option<CompileCache>,
}

impl PluginRegistry {
    /// Starts the threads and opens the cache's folder. Its files are used only where other users cannot write to it.
    pub fn new(
        engine: StepEngine,
        services: Services,
        cache_folder: Option<&Path>,
        threads: usize,
    ) -> Result<Self, SandboxError> {
        let cache = open_cache(cache_folder)?;
        let threads = GuestThreads::start(threads).map_err(SandboxError::Threads)?;
        Ok(Self { sandbox: Sandbox { engine, services }, threads: Arc::new(threads), cache })
    }

    /// Loads a component: lets it describe itself, and links what `grant` allows. It is compiled now, unless the cache has its code, or
    /// it is a converter whose `code` may wait. `digest` must be the component's own. Running sets are not affected.
    pub async fn load(
        &self,
        wasm: Bytes,
        digest: &Digest,
        code: ConverterCode,
        grant: Grant,
    ) -> Result<Arc<Plugin>, LoadErrorReason> {
        let started = Instant::now();
        let (engine, threads, cache) = (&self.sandbox.engine, &self.threads, self.cache.as_ref());
        let (digest, memory_bytes_max) = (digest.as_str(), grant.limits.memory_bytes_max);
        let loader = Loader { engine, threads, cache, digest, code, memory_bytes_max };
        let plugin = Plugin::of_bytes(&loader, wasm, |_| grant).await?;
        log_loaded(&plugin, started);
        Ok(Arc::new(plugin))
    }

    /// Loads a component from a file, as [`Self::load`]. `grant` says what the operator allows a step of a name.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub async fn load_file(
        &self,
        path: &Path,
        code: ConverterCode,
        grant: impl FnOnce(&str) -> Grant,
    ) -> Result<Arc<Plugin>, LoadError> {
        let started = Instant::now();
        let plugin = Plugin::load(&self.sandbox.engine, &self.threads, self.cache.as_ref(), path, code, grant).await?;
        log_loaded(&plugin, started);
        Ok(Arc::new(plugin))
    }

    /// Loads files, several at once. The error is that of the first, in their order, that cannot be used; two of the same name
    /// are one too.
    pub(crate) async fn load_files(
        &self,
        paths: Vec<PathBuf>,
        grant: impl Fn(&str) -> Grant,
    ) -> Result<Vec<Arc<Plugin>>, LoadError> {
        let load = async |path: PathBuf| {
            let plugin = self.load_file(&path, ConverterCode::WhenNeeded, &grant).await?;
            Ok::<_, LoadError>((path, plugin))
        };
        let plugins: Vec<_> = stream::iter(paths.into_iter().map(load)).buffered(LOADING_MAX).try_collect().await?;
        let mut names = BTreeSet::new();
        for (path, plugin) in &plugins {
            let name = &plugin.descriptor.name;
            if !names.insert(name.clone()) {
                let reason = LoadErrorReason::DuplicateName(name.clone());
                return Err(LoadError::Component { path: path.clone(), reason });
            }
        }
        Ok(plugins.into_iter().map(|(_, plugin)| plugin).collect())
    }

    /// Makes a set of loaded components. It runs them until the last task that holds it has ended.
    pub fn set(&self, plugins: Vec<Arc<Plugin>>) -> PluginRunner {
        PluginRunner::new(self.sandbox.clone(), self.threads.clone(), plugins)
    }

    /// Removes components from the cache that none of these is, where it has grown beyond its limits.
    pub fn tidy_cache<'a>(&self, plugins: impl IntoIterator<Item = &'a Arc<Plugin>>) {
        let Some(cache) = &self.cache else { return };
        let used: BTreeSet<_> = plugins.into_iter().map(|plugin| plugin.digest.as_str()).collect();
        if let Err(error) = cache.tidy(compile::now(), |digest| used.contains(digest)) {
            tracing::warn!(%error, "unused compiled components could not be removed from the cache");
        }
    }
}

impl PluginRunner {
    /// Loads components, in order, compiling those that `cache_folder` does not hold. `grant` says what the operator
    /// allows a step of a name, `threads` how many threads guests share.
    ///
    /// # Errors
    /// That of the first component that cannot be used; two components of the same name are an error too.
    pub async fn load(
        engine: StepEngine,
        services: Services,
        cache_folder: Option<&Path>,
        paths: Vec<PathBuf>,
        grant: impl Fn(&str) -> Grant,
        threads: usize,
    ) -> Result<Self, LoadError> {
        let registry = PluginRegistry::new(engine, services, cache_folder, threads)?;
        let plugins = registry.load_files(paths, grant).await?;
        Ok(registry.set(plugins))
    }
}

/// Logs a component that is loaded. Whether it is taken into a set is decided later.
fn log_loaded(plugin: &Plugin, started: Instant) {
    tracing::info!(plugin = %plugin.descriptor.name, version = %plugin.descriptor.version, digest = %plugin.digest,
        code = plugin.origin.as_str(), elapsed_ms = started.elapsed().as_millis() as u64, "component loaded");
}
