//! Taking turns, and medians.

use morag_core::ports::{StepCall, StepRunner as _};
use morag_tests::sandbox::Sandbox;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// What a number of calls took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// By the clock.
    pub wall: Duration,
    /// Of the processors, all threads of the process.
    pub cpu: Duration,
}

impl Took {
    /// Measures in this process.
    pub fn of(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let (cpu, started) = (cpu(), Instant::now());
        work()?;
        Ok(Self { wall: started.elapsed(), cpu: self::cpu().saturating_sub(cpu) })
    }
}

/// A turn of a step in the sandbox.
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

/// Median of a call in microseconds: wall and processor.
#[derive(Debug, Clone, Copy)]
pub struct Median {
    /// By the clock.
    pub wall: f64,
    /// Of the processors.
    pub cpu: f64,
}

/// Lets several take turns for so many rounds of so many calls each. The first round warms up and is not counted.
///
/// # Errors
/// What a turn fails with.
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

/// One line of the table.
pub fn line(what: &str, median: Median) {
    println!("  {what:<44} {:>10.1} µs {:>10.1} µs of processor", median.wall, median.cpu);
}

/// A ratio, by the clock and of the processor.
pub fn ratio(what: &str, ours: Median, theirs: Median) {
    println!("  ratio {what:<38} {:>10.2}    {:>10.2}", ours.wall / theirs.wall, ours.cpu / theirs.cpu);
}

/// Processor time of this process so far, all threads that still live.
fn cpu() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    };
    Duration::from_nanos(threads.map(of).sum())
}
