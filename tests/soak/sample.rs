//! Resource use of the process at a time.

use crate::work::Minute;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// A sample.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Time since the start.
    pub at: Duration,
    /// Resident memory.
    pub memory_bytes: u64,
    /// Open file handles.
    pub handles: u64,
    /// Threads.
    pub threads: u64,
    /// Size of the data folder.
    pub disk_bytes: u64,
}

impl Sample {
    /// Header of the table.
    pub const HEAD: &str = "minute   memory  handles  threads     disk  completed  failed  cancelled  webhooks   submit p50/p99   status p50/p99";

    /// Measures a process and its data folder.
    pub fn of(process: u32, data: &Path, at: Duration) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
        };
        let handles = fs::read_dir(format!("/proc/{process}/fd")).map_or(0, |entries| entries.count() as u64);
        let (memory_bytes, threads) = (field("VmRSS:") * 1024, field("Threads:"));
        Self { at, memory_bytes, handles, threads, disk_bytes: size_of(data) }
    }
}

/// A line of the table: the last sample of a minute, and the work done in it.
pub fn line(samples: &[Sample], minute: &Minute) -> String {
    let Some(last) = samples.last() else { return String::new() };
    let [submit, status] = [&minute.submits, &minute.statuses].map(|times| {
        let mut times = times.clone();
        times.sort_unstable();
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied();
        let [half, most] = [50, 99].map(|share| at(share).unwrap_or_default().as_secs_f64() * 1e3);
        format!("{half:.0}/{most:.0} ms")
    });
    format!(
        "{:>6} {:>4} MiB {:>8} {:>8} {:>4} MiB {:>10} {:>7} {:>10} {:>9} {submit:>16} {status:>16}",
        last.at.as_secs() / 60,
        last.memory_bytes >> 20,
        last.handles,
        last.threads,
        last.disk_bytes >> 20,
        minute.completed,
        minute.failed,
        minute.cancelled,
        minute.webhooks,
    )
}

/// Bytes of the files below a folder. Files that disappear meanwhile are skipped.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
