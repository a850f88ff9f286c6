//! Limits of one run, counted where they are used up.

use morag_core::plugin::Limits;
use wasmtime::ResourceLimiter;

/// A limit that was reached. It decides the step's failure, whatever the guest made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    Memory,
    Table,
    Output,
    Artifacts,
    HostBytes,
    HttpRequests,
}

/// Table elements of all tables together: a large component has some ten thousand functions.
const TABLE_ELEMENTS_MAX: usize = 200_000;

/// Counts what a run takes, and refuses what is too much.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) limits: Limits,
    pub(crate) breach: Option<Breach>,
    memory_bytes: u64,
    pub(crate) peak_memory_bytes: u64,
    table_elements: usize,
    pub(crate) host_calls: u64,
    pub(crate) http_requests: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            breach: None,
            memory_bytes: 0,
            peak_memory_bytes: 0,
            table_elements: 0,
            host_calls: 0,
            http_requests: 0,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// Counts a call from the guest that brings it so many bytes. `Err`: the limit's text.
    pub(crate) fn count_in(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes_in = self.bytes_in.saturating_add(bytes);
        match self.bytes_in <= self.limits.host_bytes_max {
            true => Ok(()),
            false => Err(self.reach(Breach::HostBytes)),
        }
    }

    /// Counts bytes written to artifacts. `Err`: the limit's text.
    pub(crate) fn count_out(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes_out = self.bytes_out.saturating_add(bytes);
        match self.bytes_out <= self.limits.output_bytes_max {
            true => Ok(()),
            false => Err(self.reach(Breach::Output)),
        }
    }

    /// Counts a request to another host. `Err`: the limit's text.
    pub(crate) fn count_http_request(&mut self) -> Result<(), String> {
        self.http_requests = self.http_requests.saturating_add(1);
        match self.http_requests <= self.limits.http_requests_max {
            true => Ok(()),
            false => Err(self.reach(Breach::HttpRequests)),
        }
    }

    /// Notes a limit that was reached, and says it in words. The first one counts.
    pub(crate) fn reach(&mut self, breach: Breach) -> String {
        self.breach.get_or_insert(breach);
        self.explain(breach).1
    }

    /// Code and text of a breach.
    pub(crate) fn explain(&self, breach: Breach) -> (&'static str, String) {
        let limits = &self.limits;
        let mib = |bytes: u64| bytes >> 20;
        match breach {
            Breach::Memory => (
                "PLUGIN_MEMORY_LIMIT",
                format!("the step wanted more than its {} MiB of memory", mib(limits.memory_bytes_max)),
            ),
            Breach::Table => {
                ("PLUGIN_MEMORY_LIMIT", format!("the step wanted more than its {TABLE_ELEMENTS_MAX} table elements"))
            }
            Breach::Output => (
                "PLUGIN_OUTPUT_LIMIT",
                format!("the step wrote more than its {} MiB of artifacts", mib(limits.output_bytes_max)),
            ),
            Breach::Artifacts => {
                ("PLUGIN_OUTPUT_LIMIT", format!("the step wrote more than its {} artifacts", limits.artifacts_max))
            }
            Breach::HostBytes => (
                "PLUGIN_HOST_LIMIT",
                format!("the step read more than its {} MiB from the host", mib(limits.host_bytes_max)),
            ),
            Breach::HttpRequests => (
                "PLUGIN_HTTP_LIMIT",
                format!("the step made more than its {} requests to other hosts", limits.http_requests_max),
            ),
        }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let grown = self.memory_bytes.saturating_add((desired - current) as u64);
        if grown > self.limits.memory_bytes_max {
            self.reach(Breach::Memory);
            return Ok(false);
        }
        self.memory_bytes = grown;
        self.peak_memory_bytes = self.peak_memory_bytes.max(grown);
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let grown = self.table_elements.saturating_add(desired - current);
        if grown > TABLE_ELEMENTS_MAX {
            self.reach(Breach::Table);
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
        let limits = Limits { memory_bytes_max: 100, output_bytes_max: 10, host_bytes_max: 10, ..Limits::default() };
        Meter::new(limits)
    }

    #[test]
    fn memories_count_together() {
        let mut meter = meter();
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert_eq!(meter.breach, Some(Breach::Memory));
        assert_eq!(meter.peak_memory_bytes, 60);
    }

    #[test]
    fn the_first_breach_counts() {
        let mut meter = meter();
        assert!(meter.count_out(10).is_ok());
        assert!(meter.count_out(1).is_err());
        assert!(meter.count_in(11).is_err());
        assert_eq!(meter.breach, Some(Breach::Output));
    }
}
