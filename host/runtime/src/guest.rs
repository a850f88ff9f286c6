//! What the host holds for one instance.

use crate::call_spans::CallSpans;
use crate::limits::{Breach, HANDLES_MAX, Meter};
use crate::log::{StepLog, Stream};
use crate::redact::Redactor;
use crate::state::{State, States};
use morag_core::plugin::{FailureCode, Limits};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

/// Random bytes that one call may ask for: they are made one by one, on the guest's thread.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// What a store holds: a [`Guest`] that can be reached by [`Instance::called`] alone while the guest runs. So no function that
/// the guest can call, ours or WASI's, is linked without being counted.
pub(crate) struct Instance(Guest);

impl Instance {
    pub(crate) fn new(guest: Guest) -> Self {
        Self(guest)
    }

    /// The host's side, for a function that the guest calls: counts the call, and what was transferred since the last one. What
    /// links an interface passes this on.
    pub(crate) fn called(&mut self) -> &mut Guest {
        self.0.meter.count_call();
        self.0.settle();
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

    /// The host's side when the instance has ended.
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
    /// Spans of its calls.
    pub(crate) calls: CallSpans,
    /// Secrets that the guest was given.
    pub(crate) redactor: Redactor,
    /// States of the task and of what is granted; none while the component describes itself.
    pub(crate) states: States,
    /// Set where the last service that was away for the guest is one that its operator has to mend.
    pub(crate) not_usable: Option<NotUsable>,
}

/// A service that cannot work as the operator has set it up. A guest is told that it is away, as its interface has no other word: a step
/// that fails in passing because of it would be run again for minutes, so its failure becomes this one.
pub(crate) struct NotUsable {
    /// Code of the failure.
    pub(crate) code: FailureCode,
    /// What the operator must do.
    pub(crate) text: String,
}

impl Guest {
    /// A guest whose output goes to `log`. It has no state of any interface.
    pub(crate) fn new(limits: Limits) -> Self {
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
        let (calls, redactor, states) = (CallSpans::default(), Redactor::default(), States::default());
        Self { wasi, table, meter: Meter::new(limits), log, calls, redactor, states, not_usable: None }
    }

    /// The state of an interface.
    ///
    /// # Errors
    /// A trap, while the component describes itself: there is no task and no state then; and after the last call that the guest may
    /// make.
    pub(crate) fn state<T: State>(&mut self) -> wasmtime::Result<&mut T> {
        if self.meter.host_calls > self.meter.limits.host_calls_max {
            return Err(wasmtime::format_err!("{}", self.meter.reach(Breach::HostCalls, self.meter.host_calls)));
        }
        self.states.get().ok_or_else(|| wasmtime::format_err!("`describe` must not use the task: there is none yet"))
    }

    /// Counts what was transferred since the last call.
    pub(crate) fn settle(&mut self) {
        self.states.settle(&mut self.meter);
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let guest = self.called();
        WasiCtxView { ctx: &mut guest.wasi, table: &mut guest.table }
    }
}
