//! What the host holds for one instance.

use crate::budget::Budget;
use crate::capabilities::http::GuestHttp;
use crate::limits::{Breach, HANDLES_MAX, Meter};
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

/// Random bytes one call may ask for: they are made one by one, on the guest's thread.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// What a store holds: a [`Guest`] that can be reached by [`Instance::called`] alone while the guest runs. So no function that
/// the guest can call, ours or WASI's, is linked without being counted.
pub(crate) struct Instance(Guest);

impl Instance {
    pub(crate) fn new(guest: Guest) -> Self {
        Self(guest)
    }

    /// The host's side, for a function that the guest calls: counts the call. What links an interface hands this over.
    pub(crate) fn called(&mut self) -> &mut Guest {
        self.0.meter.count_call();
        &mut self.0
    }

    /// The host's side, for the host's own purposes.
    pub(crate) fn guest(&self) -> &Guest {
        &self.0
    }

    /// The meter, which wasmtime asks whether memories and tables may grow.
    pub(crate) fn meter(&mut self) -> &mut Meter {
        &mut self.0.meter
    }

    /// The host's side when the instance is gone.
    pub(crate) fn into_guest(self) -> Guest {
        self.0
    }
}

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
        let log = StepLog::new(limits.log_lines_max, limits.log_bytes_max);
        // No preopens, no arguments, no environment, no network: the builder's defaults, and UDP, TCP and names off.
        let wasi = WasiCtx::builder()
            .stdout(log.stream(Stream::Stdout))
            .stderr(log.stream(Stream::Stderr))
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES_MAX)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        let http = match &scope {
            Some(scope) => GuestHttp::granted(&scope.grant, scope.services.http.clone(), log.clone()),
            None => GuestHttp::none(log.clone()),
        };
        Self { wasi, table, meter: Meter::new(limits), log, http, redactor: Redactor::default(), scope }
    }

    /// The task. Traps while the component describes itself: there is none then; and after the last call that it may make.
    pub(crate) fn scope(&mut self) -> wasmtime::Result<&mut TaskScope> {
        if self.meter.host_calls > self.meter.limits.host_calls_max {
            return Err(wasmtime::format_err!("{}", self.meter.reach(Breach::HostCalls, self.meter.host_calls)));
        }
        self.scope.as_mut().ok_or_else(|| wasmtime::format_err!("`describe` must not use the task: there is none yet"))
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let guest = self.called();
        guest.http.settle(&mut guest.meter);
        WasiHttpCtxView { hooks: &mut guest.http.hooks, table: &mut guest.table, ctx: &mut guest.http.ctx }
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let guest = self.called();
        // Bodies of requests are read and written by streams of WASI.
        guest.http.settle(&mut guest.meter);
        WasiCtxView { ctx: &mut guest.wasi, table: &mut guest.table }
    }
}
