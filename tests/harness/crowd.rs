//! Well-behaved steps beside hostile ones, with the concurrency of a server's workers.

use crate::guests::write_component;
use crate::sandbox::Sandbox;
use morag_core::plugin::Limits;
use morag_core::ports::{StepCall, StepRunner as _};
use morag_runtime::{EngineOptions, StepEngine};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Hostile guests that exhaust the processor, memory, files, the log or the host's time.
pub const HOSTILE: [&str; 10] = [
    "endless_loop",
    "loop_in_realloc",
    "endless_recursion",
    "memory_bomb",
    "table_bomb",
    "output_flood",
    "log_flood",
    "host_call_flood",
    "host_bytes_flood",
    "handle_flood",
];

/// Limits of the hostile guests.
pub fn limits() -> Limits {
    Limits {
        memory_bytes_max: 32 << 20,
        output_bytes_max: 8 << 20,
        // Below the memory limit: the reading guest keeps everything it gets.
        host_bytes_max: 8 << 20,
        host_calls_max: 100_000,
        cpu_time_max: Duration::from_millis(200),
        // No guest waits, so the processor time limit ends them, however busy the machine is.
        wall_time_max: Duration::from_secs(120),
        ..Limits::default()
    }
}

/// A sandbox with the well-behaved guest and the hostile ones.
pub struct Crowd {
    sandbox: Arc<Sandbox>,
    workers: usize,
    _components: tempfile::TempDir,
}

/// Result of a round.
#[derive(Debug, Default)]
pub struct Round {
    /// Duration of each well-behaved step.
    pub good: Vec<Duration>,
    /// Error code of each hostile step; `none` for one that succeeded.
    pub hostile: Vec<String>,
}

impl Round {
    /// Quantile of the durations of well-behaved steps, for example 0.5.
    pub fn good_at(&self, share: f64) -> Duration {
        let mut times = self.good.clone();
        times.sort();
        times[((times.len() - 1) as f64 * share).round() as usize]
    }
}

impl Crowd {
    /// As in a server with `workers` workers: twice as many instances plus two, and a guest thread per worker.
    pub async fn new(workers: usize) -> Self {
        let components = tempfile::tempdir().expect("a temporary folder");
        let guests = HOSTILE.into_iter().chain(["good"]);
        let paths = guests.map(|guest| write_component(guest, components.path())).collect();
        let instances_max = u32::try_from(workers * 2 + 2).expect("a small number");
        let engine = StepEngine::new(EngineOptions { instances_max }).expect("an engine");
        let sandbox = Sandbox::load_on(engine, paths, limits(), workers).await.expect("the guests load");
        Self { sandbox: Arc::new(sandbox), workers, _components: components }
    }

    /// Runs well-behaved and hostile steps, interleaved. Panics if a well-behaved one fails.
    pub async fn round(&self, good: usize, hostile: usize) -> Round {
        let workers = Arc::new(Semaphore::new(self.workers));
        let mut running = JoinSet::new();
        let document = vec![b'x'; 64 << 10];
        for n in 0..good.max(hostile) {
            if n < hostile {
                let call = self.sandbox.plain_call(HOSTILE[n % HOSTILE.len()], &document).await;
                running.spawn(run(self.sandbox.clone(), workers.clone(), call));
            }
            if n < good {
                let call = self.sandbox.plain_call("good", &document).await;
                running.spawn(run(self.sandbox.clone(), workers.clone(), call));
            }
        }
        let mut round = Round::default();
        while let Some(ended) = running.join_next().await {
            match ended.expect("no run panics") {
                (true, time, code) => {
                    assert_eq!(code, "none", "a good step failed");
                    round.good.push(time);
                }
                (false, _, code) => round.hostile.push(code),
            }
        }
        round
    }
}

async fn run(sandbox: Arc<Sandbox>, workers: Arc<Semaphore>, call: StepCall) -> (bool, Duration, String) {
    let is_good = call.components == ["good"];
    let _worker = workers.acquire().await.expect("it is never closed");
    let started = Instant::now();
    let report = sandbox.runner.run(call).await;
    let code = report.result.map_or_else(|failure| failure.code, |_| "none".into());
    (is_good, started.elapsed(), code)
}

/// Polling interval of [`PeakMemory`]. A memory bomb is ended at the end of an epoch of 10 ms, so it holds its memory for longer
/// than this interval.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Polls [`resident_bytes`] in a thread of its own.
pub struct PeakMemory {
    highest: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    polling: std::thread::JoinHandle<()>,
}

impl PeakMemory {
    /// Starts polling.
    pub fn watch() -> Self {
        let (highest, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, over) = (highest.clone(), is_over.clone());
        let polling = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                seen.fetch_max(resident_bytes(), Ordering::Relaxed);
                std::thread::sleep(POLL_INTERVAL);
            }
        });
        Self { highest, is_over, polling }
    }

    /// Stops polling and returns the maximum, bytes.
    pub fn end(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.polling.join().expect("it only polls");
        self.highest.load(Ordering::Relaxed)
    }
}

/// Resident memory of this process, bytes.
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
    kib << 10
}
