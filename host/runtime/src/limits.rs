//! Limits of one run, and the meter that counts against them.

use morag_core::plugin::{FailureCode, Limits};
use std::time::Duration;
use wasmtime::ResourceLimiter;

/// Table elements of all tables together: a large component has some ten thousand functions.
pub(crate) const TABLE_ELEMENTS_MAX: u64 = 200_000;

/// Handles (blobs, writers, streams) that a guest may hold at once. A blob holds up to 1 MiB read ahead, so this bounds the
/// host's memory for one guest, beside the guest's own.
pub(crate) const HANDLES_MAX: usize = 64;

/// Share of the limit of bytes that files of a pattern may take. There are as many of them as a document says, and what a step writes of
/// every document must have room beside them. The pictures of a document, of at most 128 MiB, are within two thirds of the default.
const LISTED_SHARE: (u64, u64) = (2, 3);

/// A limit that a run can reach. Reaching one decides the step's failure, whatever the guest does with the error; only a file of a pattern
/// is refused ([`Meter::refused`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    Memory,
    Table,
    WallTime,
    CpuTime,
    Output,
    Artifacts,
    HostBytes,
    HostCalls,
    Handles,
}

impl Breach {
    /// Its code, its name in the configuration and in the failure's details, and the unit that both are in.
    fn facts(self) -> (FailureCode, &'static str, &'static str) {
        match self {
            Self::Memory => (FailureCode::MemoryLimit, "memory", "bytes"),
            Self::Table => (FailureCode::TableLimit, "table_elements", "elements"),
            Self::WallTime => (FailureCode::Timeout, "wall_time", "ms"),
            Self::CpuTime => (FailureCode::CpuLimit, "cpu_time", "ms"),
            Self::Output => (FailureCode::OutputLimit, "output", "bytes"),
            Self::Artifacts => (FailureCode::ArtifactLimit, "artifacts", "artifacts"),
            Self::HostBytes => (FailureCode::HostLimit, "host_bytes", "bytes"),
            Self::HostCalls => (FailureCode::HostCallLimit, "host_calls", "calls"),
            Self::Handles => (FailureCode::HandleLimit, "handles", "handles"),
        }
    }
}

/// A limit that was reached, with the measured value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) code: FailureCode,
    /// Name of the limit, as in the configuration.
    pub(crate) limit: &'static str,
    pub(crate) allowed: u64,
    /// What the run had used, or requested, when it was stopped.
    pub(crate) measured: u64,
    /// Unit of both.
    pub(crate) unit: &'static str,
    /// One clause of a message.
    pub(crate) text: String,
}

/// Counts what a run uses, and refuses what is beyond its limits.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) limits: Limits,
    /// The first limit that was reached.
    pub(crate) reached: Option<Reached>,
    /// Why a file of a pattern was refused first. The guest goes on: what it has written under names of its own is worth as much without
    /// it. A guest that tries again and again ends by its calls.
    pub(crate) refused: Option<Reached>,
    memory_bytes: u64,
    pub(crate) peak_memory_bytes: u64,
    table_elements: u64,
    pub(crate) host_calls: u64,
    pub(crate) bytes_in: u64,
    /// Bytes written to artifacts.
    artifact_bytes: u64,
    /// Of those, bytes written to files of a pattern.
    listed_bytes: u64,
    /// Bytes of the temporary files that there are.
    temporary_bytes: u64,
    /// Bytes written to temporary files, also to those that were replaced since.
    temporary_bytes_written: u64,
    /// Bytes sent to other hosts.
    sent_bytes: u64,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            reached: None,
            refused: None,
            memory_bytes: 0,
            peak_memory_bytes: 0,
            table_elements: 0,
            host_calls: 0,
            bytes_in: 0,
            artifact_bytes: 0,
            listed_bytes: 0,
            temporary_bytes: 0,
            temporary_bytes_written: 0,
            sent_bytes: 0,
        }
    }

    /// Counts a call from the guest. One too many ends the guest at the end of the epoch.
    pub(crate) fn count_call(&mut self) {
        self.host_calls = self.host_calls.saturating_add(1);
        if self.host_calls > self.limits.host_calls_max {
            self.reach(Breach::HostCalls, self.host_calls);
        }
    }

    /// Counts bytes that a call returns to the guest. `Err`: the limit's text.
    pub(crate) fn count_in(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes_in = self.bytes_in.saturating_add(bytes);
        self.check_host_bytes()
    }

    /// Counts bytes sent to other hosts, which share the limit of received bytes. `Err`: the limit's text.
    pub(crate) fn count_sent(&mut self, bytes: u64) -> Result<(), String> {
        self.sent_bytes = self.sent_bytes.saturating_add(bytes);
        self.check_host_bytes()
    }

    fn check_host_bytes(&mut self) -> Result<(), String> {
        let bytes = self.host_bytes();
        match bytes <= self.limits.host_bytes_max {
            true => Ok(()),
            false => Err(self.reach(Breach::HostBytes, bytes)),
        }
    }

    /// Bytes that the limit `host_bytes` counts: read from the host, exchanged with other hosts, and written to temporary files, which
    /// may be replaced any number of times.
    pub(crate) fn host_bytes(&self) -> u64 {
        self.bytes_in.saturating_add(self.sent_bytes).saturating_add(self.temporary_bytes_written)
    }

    /// Bytes that the guest wrote and sent.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.artifact_bytes.saturating_add(self.sent_bytes).saturating_add(self.temporary_bytes_written)
    }

    /// Counts bytes written to artifacts. `Err`: the limit's text.
    pub(crate) fn count_out(&mut self, bytes: u64) -> Result<(), String> {
        self.artifact_bytes = self.artifact_bytes.saturating_add(bytes);
        self.check_output()
    }

    /// Counts bytes written to a temporary file. Those that there are at once share the limit of artifacts. `Err`: the limit's text.
    pub(crate) fn count_temporary(&mut self, bytes: u64) -> Result<(), String> {
        self.temporary_bytes = self.temporary_bytes.saturating_add(bytes);
        self.temporary_bytes_written = self.temporary_bytes_written.saturating_add(bytes);
        self.check_output()?;
        self.check_host_bytes()
    }

    /// Notes that a temporary file is gone: it was replaced, or not finished.
    pub(crate) fn release_temporary(&mut self, bytes: u64) {
        self.temporary_bytes = self.temporary_bytes.saturating_sub(bytes);
    }

    fn check_output(&mut self) -> Result<(), String> {
        let bytes = self.artifact_bytes.saturating_add(self.temporary_bytes);
        match bytes <= self.limits.output_bytes_max {
            true => Ok(()),
            false => Err(self.reach(Breach::Output, bytes)),
        }
    }

    /// Checks the number of artifacts that are begun or finished. `Err`: the limit's text.
    pub(crate) fn check_artifacts(&mut self, artifacts: usize) -> Result<(), String> {
        match artifacts <= self.limits.artifacts_max {
            true => Ok(()),
            false => Err(self.reach(Breach::Artifacts, artifacts as u64)),
        }
    }

    /// Counts bytes written to a file of a pattern, unless they are too many. `Err`: the limit's text; the guest goes on.
    pub(crate) fn count_listed(&mut self, bytes: u64) -> Result<(), String> {
        let (part, whole) = LISTED_SHARE;
        let others = (self.artifact_bytes - self.listed_bytes).saturating_add(self.temporary_bytes);
        let output_max = self.limits.output_bytes_max;
        // Without a product, which might be too large.
        let share = output_max / whole * part + output_max % whole * part / whole;
        let allowed = share.min(output_max.saturating_sub(others));
        let listed = self.listed_bytes.saturating_add(bytes);
        if listed > allowed {
            return Err(self.refuse(Breach::Output, allowed, listed));
        }
        self.listed_bytes = listed;
        self.artifact_bytes = self.artifact_bytes.saturating_add(bytes);
        Ok(())
    }

    /// Checks the number of artifacts with one more of a pattern, so that so many others can still be begun. `Err`: the limit's text; the
    /// guest goes on.
    pub(crate) fn check_listed(&mut self, artifacts: usize, kept_free: usize) -> Result<(), String> {
        let allowed = self.limits.artifacts_max.saturating_sub(kept_free);
        match artifacts <= allowed {
            true => Ok(()),
            false => Err(self.refuse(Breach::Artifacts, allowed as u64, artifacts as u64)),
        }
    }

    /// Notes that a file of a pattern is refused, and returns why. The first refusal counts.
    fn refuse(&mut self, breach: Breach, allowed: u64, measured: u64) -> String {
        let reached = self.explain(breach, measured);
        let text = format!("{}, of which files of a pattern leave some to the others", reached.text);
        self.refused.get_or_insert(Reached { allowed, text: text.clone(), ..reached });
        text
    }

    /// Notes a limit that was reached with the measured value, and returns it as text. The first one counts.
    pub(crate) fn reach(&mut self, breach: Breach, measured: u64) -> String {
        let reached = self.explain(breach, measured);
        let text = reached.text.clone();
        self.stop(reached);
        text
    }

    /// Notes a limit that an interface counts itself, so that the guest is ended. The first one counts.
    pub(crate) fn stop(&mut self, reached: Reached) {
        self.reached.get_or_insert(reached);
    }

    fn explain(&self, breach: Breach, measured: u64) -> Reached {
        let limits = &self.limits;
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (code, limit, unit) = breach.facts();
        let (allowed, text) = match breach {
            Breach::Memory => (
                limits.memory_bytes_max,
                format!("the step wanted more than its {} of memory", size(limits.memory_bytes_max)),
            ),
            Breach::Table => {
                (TABLE_ELEMENTS_MAX, format!("the step wanted more than its {TABLE_ELEMENTS_MAX} table elements"))
            }
            Breach::WallTime => (
                ms(limits.wall_time_max),
                format!("the step ran longer than its {} s", limits.wall_time_max.as_secs_f64()),
            ),
            Breach::CpuTime => (
                ms(limits.cpu_time_max),
                format!("the step computed longer than its {} s", limits.cpu_time_max.as_secs_f64()),
            ),
            Breach::Output => (
                limits.output_bytes_max,
                format!("the step wrote more than its {} of files", size(limits.output_bytes_max)),
            ),
            Breach::Artifacts => (
                limits.artifacts_max as u64,
                format!("the step wrote more than its {} artifacts", limits.artifacts_max),
            ),
            Breach::HostBytes => (
                limits.host_bytes_max,
                format!(
                    "the step read more than its {} from the host, what it exchanged with others and wrote to temporary files included",
                    size(limits.host_bytes_max)
                ),
            ),
            Breach::HostCalls => (
                limits.host_calls_max,
                format!("the step called the host more than its {} times", limits.host_calls_max),
            ),
            Breach::Handles => {
                (HANDLES_MAX as u64, format!("the step held more than its {HANDLES_MAX} handles of the host at once"))
            }
        };
        Reached { code, limit, allowed, measured, unit, text }
    }
}

/// Bytes in the largest unit in which they are whole.
fn size(bytes: u64) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let grown = self.memory_bytes.saturating_add((desired - current) as u64);
        if grown > self.limits.memory_bytes_max {
            self.reach(Breach::Memory, grown);
            return Ok(false);
        }
        self.memory_bytes = grown;
        self.peak_memory_bytes = self.peak_memory_bytes.max(grown);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let grown = self.table_elements.saturating_add((desired - current) as u64);
        if grown > TABLE_ELEMENTS_MAX {
            self.reach(Breach::Table, grown);
            return Ok(false);
        }
        self.table_elements = grown;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter() -> Meter {
        let limits = Limits {
            memory_bytes_max: 100,
            output_bytes_max: 10,
            host_bytes_max: 10,
            host_calls_max: 2,
            artifacts_max: 1,
            ..Limits::default()
        };
        Meter::new(limits)
    }

    fn reached(meter: &Meter) -> (FailureCode, &'static str, u64, u64, &'static str) {
        let reached = meter.reached.clone().unwrap();
        (reached.code, reached.limit, reached.allowed, reached.measured, reached.unit)
    }

    #[test]
    fn memories_count_together() {
        let mut meter = meter();
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert_eq!(reached(&meter), (FailureCode::MemoryLimit, "memory", 100, 120, "bytes"));
        assert_eq!(meter.peak_memory_bytes, 60);
    }

    #[test]
    fn tables_count_together() {
        let mut meter = meter();
        assert!(meter.table_growing(0, 150_000, None).unwrap());
        assert!(!meter.table_growing(0, 50_001, None).unwrap());
        assert_eq!(reached(&meter), (FailureCode::TableLimit, "table_elements", 200_000, 200_001, "elements"));
    }

    #[test]
    fn the_first_limit_counts() {
        let mut meter = meter();
        assert!(meter.count_out(10).is_ok());
        assert!(meter.count_out(1).is_err());
        assert!(meter.count_in(11).is_err());
        assert_eq!(reached(&meter), (FailureCode::OutputLimit, "output", 10, 11, "bytes"));
    }

    #[test]
    fn limits_can_be_used_up_exactly() {
        let mut meter = meter();
        assert!(meter.count_in(10).is_ok() && meter.check_artifacts(1).is_ok());
        meter.count_call();
        meter.count_call();
        assert_eq!(meter.reached, None);
        meter.count_call();
        assert_eq!(reached(&meter), (FailureCode::HostCallLimit, "host_calls", 2, 3, "calls"));
    }

    #[test]
    fn sent_bytes_count_with_received_ones_and_not_with_artifacts() {
        let mut meter = meter();
        assert!(meter.count_out(10).is_ok() && meter.count_sent(6).is_ok() && meter.count_in(4).is_ok());
        assert_eq!((meter.bytes_in, meter.bytes_out(), meter.reached.clone()), (4, 16, None));
        assert!(meter.count_sent(1).is_err());
        assert_eq!(reached(&meter), (FailureCode::HostLimit, "host_bytes", 10, 11, "bytes"));
    }

    #[test]
    fn temporary_files_count_as_long_as_they_are_there() {
        let mut meter = meter();
        assert!(meter.count_temporary(6).is_ok() && meter.count_out(4).is_ok());
        meter.release_temporary(6);
        assert!(meter.count_temporary(4).is_ok(), "the first is gone");
        assert_eq!((meter.bytes_out(), meter.reached.clone()), (14, None));
        assert!(meter.count_out(3).is_err(), "with those that there are");
        assert_eq!(reached(&meter), (FailureCode::OutputLimit, "output", 10, 11, "bytes"));
    }

    #[test]
    fn a_temporary_file_that_is_replaced_without_end_reaches_a_limit() {
        let mut meter = meter();
        for _ in 0..2 {
            assert!(meter.count_temporary(5).is_ok());
            meter.release_temporary(5);
        }
        assert!(meter.count_temporary(1).is_err());
        assert_eq!(reached(&meter), (FailureCode::HostLimit, "host_bytes", 10, 11, "bytes"));
    }

    #[test]
    fn artifacts_have_their_own_code() {
        let mut artifacts = meter();
        assert!(artifacts.check_artifacts(2).is_err());
        assert_eq!(reached(&artifacts), (FailureCode::ArtifactLimit, "artifacts", 1, 2, "artifacts"));
    }

    fn refused(meter: &Meter) -> (FailureCode, &'static str, u64, u64, &'static str) {
        let refused = meter.refused.clone().unwrap();
        (refused.code, refused.limit, refused.allowed, refused.measured, refused.unit)
    }

    #[test]
    fn files_of_a_pattern_leave_bytes_to_the_others_and_a_refusal_ends_nothing() {
        let mut meter = meter();
        assert!(meter.count_listed(6).is_ok());
        let text = meter.count_listed(1).unwrap_err();
        assert_eq!(
            text,
            "the step wrote more than its 10 bytes of files, of which files of a pattern leave some to the others"
        );
        assert_eq!(refused(&meter), (FailureCode::OutputLimit, "output", 6, 7, "bytes"), "two thirds of 10");
        assert!(meter.count_out(4).is_ok(), "what was refused is not counted");
        assert_eq!((meter.bytes_out(), meter.reached.clone()), (10, None));
        assert!(meter.count_out(1).is_err());
        assert_eq!(reached(&meter), (FailureCode::OutputLimit, "output", 10, 11, "bytes"));
    }

    #[test]
    fn files_of_a_pattern_have_what_the_others_leave() {
        let mut meter = meter();
        assert!(meter.count_out(5).is_ok() && meter.count_temporary(2).is_ok());
        assert!(meter.count_listed(4).is_err() && meter.count_listed(3).is_ok());
        assert_eq!((refused(&meter).2, refused(&meter).3, meter.reached.clone()), (3, 4, None));
    }

    #[test]
    fn the_share_of_files_of_a_pattern_is_that_of_any_limit() {
        for (limit, share) in [(0, 0), (1, 0), (3, 2), (200 << 20, 139_810_133), (u64::MAX, u64::MAX / 3 * 2)] {
            let limits = Limits { output_bytes_max: limit, ..Limits::default() };
            assert!(Meter::new(limits.clone()).count_listed(share).is_ok(), "{limit}");
            assert!(Meter::new(limits).count_listed(share + 1).is_err(), "{limit}");
        }
    }

    #[test]
    fn files_of_a_pattern_leave_files_to_the_others() {
        let mut meter = Meter::new(Limits { artifacts_max: 5, ..Limits::default() });
        assert!(meter.check_listed(3, 2).is_ok() && meter.check_listed(4, 2).is_err());
        assert_eq!(refused(&meter), (FailureCode::ArtifactLimit, "artifacts", 3, 4, "artifacts"));
        assert!(meter.check_listed(1, 9).is_err(), "there is no room for the others either");
        assert!(meter.check_artifacts(5).is_ok());
        assert_eq!(meter.reached, None);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(
            [0, 700, 2048, 64 << 20, (1 << 20) + 1].map(size),
            ["0 bytes", "700 bytes", "2 KiB", "64 MiB", "1048577 bytes"]
        );
    }
}
