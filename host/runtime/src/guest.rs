//! What the host holds for one instance.

use crate::limits::Meter;
use crate::log::{StepLog, Stream};
use crate::runner::Services;
use morag_core::plugin::{Descriptor, Limits};
use morag_core::ports::{Revision, StagedArtifact, StepCall};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

/// Handles (blobs, writers, streams) a guest may hold at once. A blob holds up to 1 MiB read ahead, so this bounds what
/// the host keeps for one guest outside the guest's own memory.
const HANDLES_MAX: usize = 64;

/// The host's side of one instance.
pub(crate) struct Guest {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) meter: Meter,
    pub(crate) log: StepLog,
    /// The task; none while the component describes itself.
    pub(crate) scope: Option<TaskScope>,
}

/// The task an instance works on.
pub(crate) struct TaskScope {
    pub(crate) call: StepCall,
    pub(crate) services: Services,
    pub(crate) descriptor: Arc<Descriptor>,
    pub(crate) revision: Revision,
    pub(crate) started: Instant,
    /// Highest fraction reported; the next must be above it.
    pub(crate) reported: f64,
    /// Artifacts written whole.
    pub(crate) finished: Vec<StagedArtifact>,
    /// Names with an open writer.
    pub(crate) open: BTreeSet<String>,
}

impl Guest {
    pub(crate) fn new(limits: Limits, scope: Option<TaskScope>) -> Self {
        let log = StepLog::new(limits.log_lines_max);
        // No preopens, no arguments, no environment, no network: the builder's defaults, and UDP, TCP and names off.
        let wasi = WasiCtx::builder()
            .stdout(log.stream(Stream::Stdout))
            .stderr(log.stream(Stream::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Self { wasi, table, meter: Meter::new(limits), log, scope }
    }

    /// The task. Traps while the component describes itself: there is none then.
    pub(crate) fn scope(&mut self) -> wasmtime::Result<&mut TaskScope> {
        self.meter.host_calls += 1;
        self.scope.as_mut().ok_or_else(|| wasmtime::format_err!("`describe` must not use the task: there is none yet"))
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
