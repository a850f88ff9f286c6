//! What the host holds for one instance.

use crate::budget::Budget;
use crate::capabilities::http::GuestHttp;
use crate::limits::Meter;
use crate::log::{StepLog, Stream};
use crate::redact::Redactor;
use crate::runner::Services;
use morag_core::plugin::{Descriptor, Grant, Limits};
use morag_core::ports::{Revision, StagedArtifact, StepCall};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

/// Handles (blobs, writers, streams) a guest may hold at once. A blob holds up to 1 MiB read ahead, so this bounds what
/// the host keeps for one guest outside the guest's own memory.
const HANDLES_MAX: usize = 64;

/// The host's side of one instance.
pub(crate) struct Guest {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) meter: Meter,
    pub(crate) log: StepLog,
    pub(crate) http: GuestHttp,
    /// Secrets that the guest was given.
    pub(crate) redactor: Redactor,
    /// The task; none while the component describes itself.
    pub(crate) scope: Option<TaskScope>,
}

/// The task an instance works on.
pub(crate) struct TaskScope {
    pub(crate) call: StepCall,
    pub(crate) services: Services,
    pub(crate) descriptor: Arc<Descriptor>,
    pub(crate) grant: Arc<Grant>,
    /// What of it is left.
    pub(crate) budget: Budget,
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
        let http = match &scope {
            Some(scope) => GuestHttp::granted(&scope.grant, scope.services.http.clone(), log.clone()),
            None => GuestHttp::none(log.clone()),
        };
        Self { wasi, table, meter: Meter::new(limits), log, http, redactor: Redactor::default(), scope }
    }

    /// The task. Traps while the component describes itself: there is none then.
    pub(crate) fn scope(&mut self) -> wasmtime::Result<&mut TaskScope> {
        self.meter.host_calls += 1;
        self.scope.as_mut().ok_or_else(|| wasmtime::format_err!("`describe` must not use the task: there is none yet"))
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.meter.host_calls += 1;
        self.http.settle(&mut self.meter);
        WasiHttpCtxView { hooks: &mut self.http.hooks, table: &mut self.table, ctx: &mut self.http.ctx }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Bodies of requests are read and written by streams of WASI.
        self.http.settle(&mut self.meter);
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
