//! One run of a component on a fresh instance.

use crate::bindings::exports::morag::step::step as wit;
use crate::capabilities::task::TaskState;
use crate::capabilities::{self, CallContext, StagedWrites};
use crate::code::Linked;
use crate::engine::StepEngine;
use crate::failure;
use crate::guest::Guest;
use crate::inner_documents::InnerDocuments;
use crate::limits::{Breach, HANDLES_MAX};
use crate::metered::{self, Ended, MeteredCall};
use crate::plugin::Plugin;
use crate::run_time::{RunTime, Share, ShareOfLimits};
use crate::services::Services;
use crate::store::store;
use morag_core::plugin::{Descriptor, FailureCode, Limits, with_file_urls};
use morag_core::ports::{Revision, StagedArtifact, StepCall, StepReport, StepSuccess};
use morag_core::task::{Resources, StepFailure, TaskId};
use morag_core::{JsonObject, is_depth_allowed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use wasmtime::component::ResourceTableError;

/// Bytes of JSON that a step's data may have. The WIT says so.
const DATA_BYTES_MAX: usize = 256 << 10;

/// Bytes of JSON that a failure's details may have. The WIT says so.
const DETAILS_BYTES_MAX: usize = 64 << 10;

/// Bytes of a failure's message that are kept. The WIT says so.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// The engine and the ports of every call.
#[derive(Clone)]
pub(crate) struct Sandbox {
    pub(crate) engine: StepEngine,
    pub(crate) services: Services,
}

/// A run of a component.
pub(crate) struct Run {
    /// What it is asked for.
    pub(crate) call: StepCall,
    /// The id that it stages its files and writes under.
    pub(crate) id: Uuid,
    /// Time that it has, where that is less than its component's own limits.
    pub(crate) share: Share,
}

impl Sandbox {
    /// Runs a component on a fresh instance of its code.
    pub(crate) async fn call(
        self,
        inner: Arc<dyn InnerDocuments>,
        plugin: Arc<Plugin>,
        linked: Linked,
        run: Run,
    ) -> StepReport {
        let Run { call, id, share } = run;
        let record = call.record.clone();
        let revision = Revision {
            id,
            task: record.id,
            // Collections of two tenants may have the same name.
            collection: record.tenant.collection(&record.collection),
            document: record.document_id.clone(),
        };
        let started = Instant::now();
        let time = RunTime::begins(inner.clock(), &share);
        let ShareOfLimits { limits, is_wall_less, is_cpu_less } = share.limits(&plugin.limits);
        let staged = StagedWrites::new(capabilities::is_staging(&plugin.granted), &self.services, &revision);
        let guest = self.guest(&inner, &plugin, limits.clone(), call, &revision, (started, &time));
        let mut store = store(self.engine.inner(), guest, capabilities::hostcall_bytes_max(&plugin.granted));
        let log = store.data().guest().log.clone();
        let run = async {
            let step = linked.instantiate_async(&mut store).await?;
            step.morag_step_step().call_run(&mut store).await
        };
        let MeteredCall { cpu, ended } = metered::run(run, &time, limits.wall_time_max, limits.cpu_time_max).await;
        let mut guest = store.into_data().into_guest();
        guest.settle();
        guest.calls.report();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // Rounded up: a time over a limit must not be shown as one within it.
        let ms_over = |time: Duration| ms(time + Duration::from_nanos(999_999));
        match &ended {
            Ended::WallTime(measured) => drop(guest.meter.reach(Breach::WallTime, ms_over(*measured))),
            Ended::CpuTime(measured) => drop(guest.meter.reach(Breach::CpuTime, ms_over(*measured))),
            Ended::Returned(Err(error)) if is_out_of_handles(error) => {
                drop(guest.meter.reach(Breach::Handles, HANDLES_MAX as u64 + 1));
            }
            Ended::Returned(_) => {}
        }
        let temporary = guest.states.get().and_then(|task: &mut TaskState| task.temporary_folder());
        if let Some(folder) = temporary
            && let Err(error) = self.services.blobs.delete_all(&folder).await
        {
            tracing::warn!(%error, "a step's temporary files stay until its task has ended");
        }
        let (log_lines, log_bytes) = log.written();
        let mut resources = Resources {
            wall_ms: ms(started.elapsed()),
            cpu_ms: ms(cpu),
            peak_memory_bytes: guest.meter.peak_memory_bytes,
            host_calls: guest.meter.host_calls,
            bytes_in: guest.meter.bytes_in,
            bytes_out: guest.meter.bytes_out(),
            log_lines,
            log_bytes,
            ..Resources::default()
        };
        guest.states.report(&mut resources);
        let result = match (&guest.meter.reached, ended) {
            (Some(reached), _) => Err(failure::limited(
                reached,
                match reached.code {
                    FailureCode::Timeout => is_wall_less,
                    FailureCode::CpuLimit => is_cpu_less,
                    _ => false,
                },
            )),
            (None, Ended::Returned(Err(error))) => Err(failure::trapped(&error, &log)),
            (None, Ended::Returned(Ok(Err(said)))) => {
                let said = step_failure(said);
                Err(match (guest.not_usable.take(), &guest.meter.refused) {
                    (Some(service), _) if said.retryable => failure::not_usable(service),
                    // A step that gives up on a refused file knows one code for all limits of files.
                    (_, Some(refused)) if said.code == FailureCode::OutputLimit.as_str() => {
                        failure::limited(refused, false)
                    }
                    _ => said,
                })
            }
            (None, Ended::Returned(Ok(Ok(outcome)))) => {
                let finished = guest.states.get().map(TaskState::take_finished).unwrap_or_default();
                success(&plugin.descriptor, outcome, finished, record.id)
            }
            // Both are limits, which were noted above.
            (None, Ended::WallTime(_) | Ended::CpuTime(_)) => Err(failure::invalid_result("nothing")),
        };
        let result = result.map(|success| StepSuccess { revision: staged.succeed(), ..success });
        guest.redactor.clean_report(StepReport { result, component: None, resources, log: log.take() })
    }

    /// The host's side of a call: the state of its task and of the granted capabilities.
    fn guest(
        &self,
        inner: &Arc<dyn InnerDocuments>,
        plugin: &Plugin,
        limits: Limits,
        call: StepCall,
        revision: &Revision,
        (started, time): (Instant, &RunTime),
    ) -> Guest {
        let mut guest = Guest::new(limits);
        let blobs = self.services.blobs.clone();
        let task = TaskState::new(call, plugin.descriptor.clone(), blobs, revision.id, started);
        guest.states.add(Box::new(task));
        let ledger = inner.ledger();
        let context = CallContext {
            services: &self.services,
            inner,
            descriptor: &plugin.descriptor,
            grant: &plugin.grant,
            revision,
            log: &guest.log,
            calls: &guest.calls,
            ledger: &ledger,
            time,
        };
        capabilities::start(&plugin.granted, &context).for_each(|state| guest.states.add(state));
        guest
    }
}

/// Whether an instance ended because it has as many handles of the host as it may have.
fn is_out_of_handles(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref::<ResourceTableError>(), Some(ResourceTableError::Full))
}

fn success(
    descriptor: &Descriptor,
    outcome: wit::Outcome,
    artifacts: Vec<StagedArtifact>,
    task: TaskId,
) -> Result<StepSuccess, StepFailure> {
    if outcome.data.len() > DATA_BYTES_MAX {
        return Err(failure::large_result(DATA_BYTES_MAX, outcome.data.len()));
    }
    let data: JsonObject =
        serde_json::from_str(&outcome.data).map_err(|_| failure::invalid_result("data that is not a JSON object"))?;
    if !is_depth_allowed(&data) {
        return Err(failure::invalid_result("data that is nested too deep"));
    }
    let is_written = |name: &_| artifacts.iter().any(|staged| staged.artifact.name == *name);
    let data = with_file_urls(&descriptor.outputs, is_written, task, data);
    Ok(StepSuccess { data, artifacts, revision: None })
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
