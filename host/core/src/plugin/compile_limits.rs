//! Limits for compiling a component.

use std::time::Duration;

/// Limits of one compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompileLimits {
    /// Memory of the compiling process, bytes.
    pub memory_bytes_max: u64,
    /// Processor time of all its threads; whole seconds.
    pub cpu_time_max: Duration,
}

impl Default for CompileLimits {
    /// About 6 times the time and 4 times the memory of the largest components in a debug build: redact takes 18 s and less than
    /// 384 MiB in JavaScript, 16 s and less memory in Python.
    fn default() -> Self {
        Self { memory_bytes_max: 1536 << 20, cpu_time_max: Duration::from_secs(120) }
    }
}

impl CompileLimits {
    /// Wall-clock limit: ten times the processor time plus a minute. The process runs at low priority and gets a tenth of a
    /// core or less on a busy machine; beyond that it is considered stuck.
    pub fn wall_time_max(self) -> Duration {
        self.cpu_time_max * 10 + Duration::from_secs(60)
    }
}
