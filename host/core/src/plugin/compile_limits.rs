//! How much compiling one component may take.

use std::time::Duration;

/// Limits of one compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompileLimits {
    /// Memory of the process, bytes.
    pub memory_bytes_max: u64,
    /// Processor time of all its threads, whole seconds.
    pub cpu_time_max: Duration,
}

impl Default for CompileLimits {
    /// What the largest components take, by a debug build: redact in JavaScript 18 s and less than 384 MiB, in Python 16 s and less; so
    /// 6 times the time and 4 times the memory.
    fn default() -> Self {
        Self { memory_bytes_max: 1536 << 20, cpu_time_max: Duration::from_secs(120) }
    }
}

impl CompileLimits {
    /// Wall-clock time: ten times the processor time, and a minute. The process is nice, and gets a tenth of a core and less where
    /// others want all of them; what waits longer waits for something that does not come.
    pub fn wall_time_max(self) -> Duration {
        self.cpu_time_max * 10 + Duration::from_secs(60)
    }
}
