//! Memory use of a process, read from `/proc` (`proc(5)`).

/// Measures how far a process's memory grows.
pub struct MemoryWatch {
    process: u32,
    before: u64,
}

impl MemoryWatch {
    /// Starts measuring: resets the recorded peak to the current use.
    pub fn begin(process: u32) -> Self {
        std::fs::write(format!("/proc/{process}/clear_refs"), "5").expect("our own process");
        Self { process, before: line(process, "VmRSS") }
    }

    /// Peak growth since the start, bytes.
    pub fn growth(&self) -> u64 {
        line(self.process, "VmHWM").saturating_sub(self.before)
    }
}

/// A line of the process's status, bytes.
fn line(process: u32, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process's status");
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')).expect("its line");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}
