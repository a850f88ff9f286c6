//! What this process uses, from Linux's `/proc/self`. Nothing else of `/proc` is read: a service may be confined to that.

use async_trait::async_trait;
use morag_core::Timestamp;
use morag_core::ports::{Process, ProcessUsage};
use rustix::time::{ClockId, clock_gettime};
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a result is reused: `/metrics` needs no key, and open files are counted one by one. Short against the interval between
/// scrapes, so that rates are right.
const STALE_MAX: Duration = Duration::from_secs(1);

/// This process.
pub struct ThisProcess {
    started: Timestamp,
    cached: Mutex<Option<(Instant, Option<ProcessUsage>)>>,
}

impl ThisProcess {
    /// The process, which was started at `started`; `None` on a system without `/proc`. Reads it once.
    pub fn of_linux(started: Timestamp) -> Option<Self> {
        let is_told = read(started).is_ok();
        is_told.then(|| Self { started, cached: Mutex::default() })
    }
}

#[async_trait]
impl Process for ThisProcess {
    async fn usage(&self) -> Option<ProcessUsage> {
        // The lock is held while reading: concurrent callers share one result.
        let mut cached = self.cached.lock().await;
        if let Some((_, usage)) = cached.as_ref().filter(|(at, _)| at.elapsed() < STALE_MAX) {
            return *usage;
        }
        let started = self.started;
        let usage = tokio::task::spawn_blocking(move || read(started)).await.ok().and_then(Result::ok);
        *cached = Some((Instant::now(), usage));
        usage
    }
}

/// Blocks for a moment.
fn read(started: Timestamp) -> io::Result<ProcessUsage> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident_bytes = resident_bytes(&status).ok_or_else(|| io::Error::other("/proc/self/status has no VmRSS"))?;
    let listed = std::fs::read_dir("/proc/self/fd")?.count() as u64;
    // One of them is the folder that is listed.
    Ok(ProcessUsage { resident_bytes, cpu: cpu_time(), open_files: listed.saturating_sub(1), started })
}

/// The line `VmRSS:  123 kB`.
fn resident_bytes(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Processor time of all threads since the start, those that have ended included.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_in_kibibytes() {
        assert_eq!(resident_bytes("Name:\tmorag\nVmRSS:\t   65536 kB\nThreads:\t9\n"), Some(64 << 20));
        for odd in ["", "VmRSS:\t 1 MB\n", "VmRSS:\t kB\n", "VmRSS:\t 18446744073709551615 kB\n"] {
            assert_eq!(resident_bytes(odd), None, "{odd:?}");
        }
    }

    #[tokio::test]
    async fn this_process_has_memory_and_files_and_is_read_once_a_second() {
        let started = Timestamp::from_millis(5);
        let process = ThisProcess::of_linux(started).unwrap();
        let usage = process.usage().await.unwrap();
        assert!(usage.resident_bytes > 1 << 16 && usage.open_files >= 1 && usage.cpu > Duration::ZERO, "{usage:?}");
        assert_eq!(usage.started, started);
        *process.cached.lock().await = Some((Instant::now(), Some(ProcessUsage { open_files: 7, ..usage })));
        assert_eq!(process.usage().await.unwrap().open_files, 7, "it is reused");
    }
}
