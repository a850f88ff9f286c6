//! Runs steps on fresh instances: the [`StepRunner`] port.

use crate::bindings::exports::morag::step::step as wit;
use crate::budget::Budget;
use crate::engine::StepEngine;
use crate::failure;
use crate::guest::{Guest, TaskScope};
use crate::limits::{Breach, HANDLES_MAX};
use crate::metered::{self, Ended, Run};
use crate::plugin::{LoadError, Plugin, store};
use crate::registry::PluginRegistry;
use crate::threads::GuestThreads;
use async_trait::async_trait;
use morag_core::plugin::{Descriptor, Grant};
use morag_core::ports::{
    Blobs, Completer, Embedder, KeyValues, Knowledge, PluginHttp, Revision, StagedArtifact, StepCall, StepReport,
    StepRunner, StepSuccess, Transcriber,
};
use morag_core::task::{Resources, StepFailure};
use morag_core::{JsonObject, is_depth_allowed};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use wasmtime::component::ResourceTableError;

/// Bytes of JSON a step's data may have; the WIT says so.
const DATA_BYTES_MAX: usize = 256 << 10;

/// Bytes of JSON a failure's details may have; the WIT says so.
const DETAILS_BYTES_MAX: usize = 64 << 10;

/// Bytes of a failure's message that are kept; the WIT says so.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// What stands behind the capabilities.
#[derive(Clone)]
pub struct Services {
    /// Files.
    pub blobs: Arc<dyn Blobs>,
    /// Embeddings.
    pub embedder: Arc<dyn Embedder>,
    /// Vectors and graph.
    pub knowledge: Arc<dyn Knowledge>,
    /// Completions.
    pub completer: Arc<dyn Completer>,
    /// Transcripts.
    pub transcriber: Arc<dyn Transcriber>,
    /// What plugins keep between tasks.
    pub key_values: Arc<dyn KeyValues>,
    /// Requests of plugins to other hosts.
    pub http: Arc<dyn PluginHttp>,
}

/// The loaded components of one set: what was loaded together, and stays as it is while a task runs on it.
pub struct PluginRunner {
    sandbox: Sandbox,
    threads: Arc<GuestThreads>,
    plugins: BTreeMap<String, Arc<Plugin>>,
}

/// What every call needs besides its plugin.
#[derive(Clone)]
pub(crate) struct Sandbox {
    pub(crate) engine: StepEngine,
    pub(crate) services: Services,
}

impl PluginRunner {
    /// Loads components, in order, compiling those that `cache_folder` does not hold. `grant` says what the operator
    /// allows a step of a name, `threads` how many threads guests share. The first component that cannot be used is the error; two of the same name are one too.
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

    /// A set of components.
    pub(crate) fn new(sandbox: Sandbox, threads: Arc<GuestThreads>, plugins: Vec<Arc<Plugin>>) -> Self {
        let plugins = plugins.into_iter().map(|plugin| (plugin.descriptor.name.clone(), plugin)).collect();
        Self { sandbox, threads, plugins }
    }

    /// The loaded components by name.
    pub fn plugins(&self) -> &BTreeMap<String, Arc<Plugin>> {
        &self.plugins
    }
}

impl Sandbox {
    async fn call(self, plugin: Arc<Plugin>, call: StepCall) -> StepReport {
        let record = call.record.clone();
        let revision = Revision {
            id: uuid::Uuid::new_v4(),
            task: record.id,
            // Two tenants may call a collection the same.
            collection: record.tenant.collection(&record.collection),
            document: record.document_id.clone(),
        };
        let scope = TaskScope {
            call,
            services: self.services.clone(),
            descriptor: plugin.descriptor.clone(),
            grant: plugin.grant.clone(),
            budget: Budget::new(plugin.grant.budgets.clone()),
            revision: revision.clone(),
            started: Instant::now(),
            reported: 0.0,
            finished: Vec::new(),
            open: Default::default(),
        };
        let mut staged = StagedWrites::new(&plugin.descriptor, &self.services, &revision);
        let (started, limits) = (scope.started, &plugin.limits);
        let mut store = store(&self.engine, Guest::new(limits.clone(), Some(scope)));
        let log = store.data().guest().log.clone();
        let run = async {
            let step = plugin.pre.instantiate_async(&mut store).await?;
            step.morag_step_step().call_run(&mut store).await
        };
        let Run { cpu, ended } = metered::run(run, limits.wall_time_max, limits.cpu_time_max).await;
        let mut guest = store.into_data().into_guest();
        guest.http.settle(&mut guest.meter);
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // Rounded up: what is over a limit must not read as if it were not.
        let ms_over = |time: Duration| ms(time + Duration::from_nanos(999_999));
        match &ended {
            Ended::WallTime(measured) => drop(guest.meter.reach(Breach::WallTime, ms_over(*measured))),
            Ended::CpuTime(measured) => drop(guest.meter.reach(Breach::CpuTime, ms_over(*measured))),
            Ended::Returned(Err(error)) if is_out_of_handles(error) => {
                drop(guest.meter.reach(Breach::Handles, HANDLES_MAX as u64 + 1));
            }
            Ended::Returned(_) => {}
        }
        let (log_lines, log_bytes) = log.written();
        let resources = Resources {
            wall_ms: ms(started.elapsed()),
            cpu_ms: ms(cpu),
            peak_memory_bytes: guest.meter.peak_memory_bytes,
            host_calls: guest.meter.host_calls,
            bytes_in: guest.meter.bytes_in,
            bytes_out: guest.meter.bytes_out(),
            http_requests: guest.meter.http_requests,
            log_lines,
            log_bytes,
        };
        let result = match (&guest.meter.reached, ended) {
            (Some(reached), _) => Err(failure::limited(reached)),
            (None, Ended::Returned(Err(error))) => Err(failure::trapped(&error, &log)),
            (None, Ended::Returned(Ok(Err(said)))) => Err(step_failure(said)),
            (None, Ended::Returned(Ok(Ok(outcome)))) => {
                let finished = guest.scope.map(|scope| scope.finished).unwrap_or_default();
                success(&plugin.descriptor, outcome, finished, revision.clone(), record.id)
            }
            // Both are limits, and noted above.
            (None, Ended::WallTime(_) | Ended::CpuTime(_)) => Err(failure::invalid_result("nothing")),
        };
        if result.is_ok() {
            staged.keep();
        }
        guest.redactor.clean_report(StepReport { result, resources, log: log.take() })
    }
}

/// Whether an instance ended because the host keeps no more handles for it.
fn is_out_of_handles(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full))
}

/// Staged writes of a run: discarded when it ends in anything but success, by being dropped half-way too.
struct StagedWrites {
    discard: Option<(Arc<dyn Knowledge>, Revision)>,
}

impl StagedWrites {
    fn new(descriptor: &Descriptor, services: &Services, revision: &Revision) -> Self {
        Self { discard: stores(descriptor).then(|| (services.knowledge.clone(), revision.clone())) }
    }

    fn keep(&mut self) {
        self.discard = None;
    }
}

impl Drop for StagedWrites {
    fn drop(&mut self) {
        let (Some((knowledge, revision)), Ok(runtime)) = (self.discard.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            if let Err(error) = knowledge.discard(&revision).await {
                tracing::warn!(%error, "staged writes of a step stay until the next start");
            }
        });
    }
}

/// Whether the step may stage writes.
fn stores(descriptor: &Descriptor) -> bool {
    use morag_core::plugin::Capability::{Graph, Vectors};
    descriptor.capabilities.iter().any(|capability| matches!(capability, Vectors | Graph))
}

fn success(
    descriptor: &Descriptor,
    outcome: wit::Outcome,
    artifacts: Vec<StagedArtifact>,
    revision: Revision,
    task: morag_core::task::TaskId,
) -> Result<StepSuccess, StepFailure> {
    if outcome.data.len() > DATA_BYTES_MAX {
        return Err(failure::large_result(DATA_BYTES_MAX, outcome.data.len()));
    }
    let mut data: JsonObject =
        serde_json::from_str(&outcome.data).map_err(|_| failure::invalid_result("data that is not a JSON object"))?;
    if !is_depth_allowed(&data) {
        return Err(failure::invalid_result("data that is nested too deep"));
    }
    let mut published = JsonObject::new();
    for output in &descriptor.outputs {
        let written = artifacts.iter().any(|staged| staged.artifact.name == output.name);
        if let (true, Some(key)) = (written, &output.data_key) {
            data.remove(key);
            published.insert(key.clone(), format!("/api/files/temp/{task}/{}", output.name).into());
        }
    }
    // URLs come first, as in the guide's examples.
    published.extend(data);
    Ok(StepSuccess { data: published, artifacts, revision: stores(descriptor).then_some(revision) })
}

fn step_failure(said: wit::Failure) -> StepFailure {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if !(1..=64).contains(&said.code.len()) || !said.code.chars().all(plain) {
        return failure::invalid_result("a failure whose code is not upper snake case");
    }
    let details = match said.details.len() <= DETAILS_BYTES_MAX {
        true => serde_json::from_str(&said.details).ok().filter(is_depth_allowed).unwrap_or_default(),
        false => JsonObject::new(),
    };
    let mut message = said.message;
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.truncate(end);
    StepFailure { code: said.code, message, details, retryable: said.retryable }
}

#[async_trait]
impl StepRunner for PluginRunner {
    fn descriptor(&self, component: &str) -> Option<Arc<Descriptor>> {
        self.plugins.get(component).map(|plugin| plugin.descriptor.clone())
    }

    async fn run(&self, call: StepCall) -> StepReport {
        let nothing = |failure| StepReport { result: Err(failure), resources: Resources::default(), log: Vec::new() };
        let Some(plugin) = self.plugins.get(&call.component) else {
            return nothing(failure::unknown(&call.component));
        };
        let run = self.sandbox.clone().call(plugin.clone(), call);
        self.threads.run(run).await.unwrap_or_else(|error| nothing(failure::host_error(&error)))
    }
}
