//! Limits of compiling a step component.

use super::sources::Written;
use morag_core::plugin::CompileLimits;
use std::time::Duration;

/// The compiler itself needs the minimum; more than the maximum no component needs.
const MEMORY_BYTES_ALLOWED: std::ops::RangeInclusive<u64> = 64 << 20..=64 << 30;

/// Reads the limits.
pub(super) fn read(written: &Written<'_>) -> CompileLimits {
    let key = "compile_memory_bytes";
    let memory_bytes_max = written.size(key);
    if !MEMORY_BYTES_ALLOWED.contains(&memory_bytes_max) {
        written.refuse(key, "64MiB to 64GiB");
    }
    let key = "compile_cpu_seconds";
    let second = Duration::from_secs(1);
    let cpu_time_max = written.time(key, second, second..=second * 3600);
    // `RLIMIT_CPU` counts whole seconds.
    if cpu_time_max.subsec_nanos() != 0 {
        written.refuse(key, "whole seconds");
    }
    CompileLimits { memory_bytes_max, cpu_time_max }
}
