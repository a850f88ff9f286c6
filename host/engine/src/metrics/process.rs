//! What the process uses, under the names that every Prometheus client gives it: without `morag_`.

use morag_core::ports::ProcessUsage;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells what the process uses.
#[derive(Debug, Default)]
pub(super) struct ProcessMetrics {
    resident: Gauge,
    cpu: Counter<f64, AtomicU64>,
    open_files: Gauge,
    started: Gauge<f64, AtomicU64>,
}

impl ProcessMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Memory of the process that is in RAM";
        registry.register_with_unit("process_resident_memory", help, Unit::Bytes, self.resident.clone());
        let help = "Processor time of the process; that of compiling components is not in it";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, self.cpu.clone());
        registry.register("process_open_fds", "Open files and sockets", self.open_files.clone());
        let help = "When the process was started, since the Unix epoch";
        registry.register_with_unit("process_start_time", help, Unit::Seconds, self.started.clone());
    }

    pub(super) fn set(&self, usage: &ProcessUsage) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.resident.set(number(usage.resident_bytes));
        self.open_files.set(number(usage.open_files));
        // The system counts it: it is taken over, not added to.
        self.cpu.inner().store(usage.cpu.as_secs_f64().to_bits(), Ordering::Relaxed);
        self.started.set(usage.started.as_millis() as f64 / 1000.0);
    }
}
