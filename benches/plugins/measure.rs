//! Alternating measurements and their medians.

use morag_core::ports::{StepCall, StepRunner as _};
use morag_tests::sandbox::Sandbox;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Time of a number of calls.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// Wall time.
    pub wall: Duration,
    /// Processor time of all threads of the process.
    pub cpu: Duration,
}

impl Took {
    /// Measures work in this process.
    pub fn of(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let (cpu, started) = (cpu(), Instant::now());
        work()?;
        Ok(Self { wall: started.elapsed(), cpu: self::cpu().saturating_sub(cpu) })
    }
}

/// A measured round of a step in the sandbox.
pub fn steps<'a>(
    runtime: &'a Runtime,
    sandbox: &'a Sandbox,
    call: &'a StepCall,
) -> impl FnMut(u32) -> anyhow::Result<Took> + 'a {
    move |calls| {
        Took::of(|| {
            runtime.block_on(async {
                for _ in 0..calls {
                    let report = sandbox.runner.run(call.clone()).await;
                    anyhow::ensure!(report.result.is_ok(), "{:?}", report.result);
                }
                Ok(())
            })
        })
    }
}

/// Median time of a call in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Median {
    /// Wall time.
    pub wall: f64,
    /// Processor time.
    pub cpu: f64,
}

/// Alternates between the contestants for a number of rounds of this many calls each. The first round is a warm-up and is not counted.
///
/// # Errors
/// The first error of a round.
pub fn take_turns<const N: usize>(
    rounds: usize,
    calls: u32,
    mut turns: [&mut dyn FnMut(u32) -> anyhow::Result<Took>; N],
) -> anyhow::Result<[Median; N]> {
    let mut taken: [Vec<Took>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=rounds {
        for (turn, taken) in turns.iter_mut().zip(&mut taken) {
            let took = turn(calls)?;
            if round > 0 {
                taken.push(took);
            }
        }
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(calls);
    Ok(taken.map(|taken| Median {
        wall: median(taken.iter().map(|took| micros(took.wall)).collect()),
        cpu: median(taken.iter().map(|took| micros(took.cpu)).collect()),
    }))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Prints a line of the table.
pub fn line(what: &str, median: Median) {
    println!("  {what:<44} {:>10.1} µs {:>10.1} µs of processor", median.wall, median.cpu);
}

/// Prints the ratios of wall time and of processor time.
pub fn ratio(what: &str, ours: Median, theirs: Median) {
    println!("  ratio {what:<38} {:>10.2}    {:>10.2}", ours.wall / theirs.wall, ours.cpu / theirs.cpu);
}

/// Processor time of this process so far, of all threads that still run.
fn cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(threads.map(of).sum())
}
