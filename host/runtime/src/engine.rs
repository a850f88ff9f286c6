//! The wasmtime engine and its clock.

use crate::compile::Compiler;
use crate::engine_config::{self, Tier};
use crate::inner_documents::DEPTH_MAX;
use crate::limits::TABLE_ELEMENTS_MAX;
use std::sync::{Arc, Weak};
use std::time::Duration;
use wasmtime::{Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// Length of an epoch. A guest yields at least this often, so a cancelled one stops within it; shorter costs more
/// wake-ups of the ticker than it gains.
pub(crate) const EPOCH: Duration = Duration::from_millis(10);

/// Memory of a slot that stays resident between instances: measured to be faster than returning it.
const KEEP_RESIDENT_BYTES: usize = 4 << 20;

/// How the engine is set up.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// Guests that may run at once: sizes the pool. At least 1.
    pub instances_max: u32,
}

/// A wasmtime engine with its epoch ticker. The ticker's thread ends when the last clone is gone.
#[derive(Clone)]
pub struct StepEngine {
    engine: Engine,
    /// For descriptions; none where the processor has no baseline compiler.
    baseline: Option<Engine>,
    compiler: Compiler,
    // Every clone has a strong reference; the ticker has a weak one.
    _alive: Arc<()>,
}

impl StepEngine {
    /// Builds the engine and starts its ticker. Fails where the machine gives no address space for the pool.
    pub fn new(options: EngineOptions) -> wasmtime::Result<Self> {
        // A guest waits while documents inside its document are converted, each by a guest of its own.
        let instances = options.instances_max.max(1).saturating_mul(1 + DEPTH_MAX);
        let mut pool = PoolingAllocationConfig::default();
        // A Python component has 38 core instances, 16 tables and few memories.
        pool.total_component_instances(instances)
            .total_core_instances(instances.saturating_mul(64))
            .total_memories(instances.saturating_mul(4))
            .total_tables(instances.saturating_mul(16))
            .total_stacks(instances.saturating_mul(2))
            .max_core_instances_per_component(64)
            .max_tables_per_component(16)
            .max_memories_per_component(4)
            .table_elements(TABLE_ELEMENTS_MAX as usize)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
            .decommit_batch_size(1);
        let mut config = engine_config::config(Tier::Optimised);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        // Its instances are few and short-lived: they need no pool, which would take address space.
        let baseline = engine_config::for_compiling(Tier::Baseline)
            .inspect_err(
                |error| tracing::debug!(%error, "no baseline compiler: every component is compiled when it is loaded"),
            )
            .ok();
        let alive = Arc::new(());
        tick([Some(engine.clone()), baseline.clone()].into_iter().flatten().collect(), Arc::downgrade(&alive));
        Ok(Self { engine, baseline, compiler: Compiler::InProcess, _alive: alive })
    }

    /// Compiles in this way instead of in the process itself.
    #[must_use]
    pub fn compiling_by(self, compiler: Compiler) -> Self {
        Self { compiler, ..self }
    }

    /// The compiler that it uses.
    pub(crate) fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// The engine for descriptions by baseline code; none where the processor has no baseline compiler.
    pub(crate) fn baseline(&self) -> Option<&Engine> {
        self.baseline.as_ref()
    }

    /// The engine itself.
    pub fn inner(&self) -> &Engine {
        &self.engine
    }
}

impl std::fmt::Debug for StepEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StepEngine")
    }
}

fn tick(engines: Vec<Engine>, alive: Weak<()>) {
    // A thread and not a task: a guest that keeps every runtime thread busy must not stop the clock that stops it.
    let ticker = std::thread::Builder::new().name("epoch".into());
    let spawned = ticker.spawn(move || {
        while alive.strong_count() > 0 {
            std::thread::sleep(EPOCH);
            engines.iter().for_each(Engine::increment_epoch);
        }
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "no thread for the epoch clock: guests will only yield at their time limit");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{Hash as _, Hasher as _};

    #[test]
    fn code_of_the_compiling_engine_fits_the_one_that_runs() {
        let hash = |engine: &Engine| {
            let mut hasher = std::hash::DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let runs = StepEngine::new(EngineOptions { instances_max: 1 }).unwrap();
        assert_eq!(hash(runs.inner()), hash(&engine_config::for_compiling(Tier::Optimised).unwrap()));
        assert!(runs.baseline().is_none_or(|baseline| hash(baseline) != hash(runs.inner())));
    }
}
