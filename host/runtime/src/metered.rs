//! Runs a call of a guest under its time limits.

use crate::run_time::{CpuTime, RunTime};
use rustix::time::{ClockId, clock_gettime};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct MeteredCall<T> {
    /// Processor time that it used, with that of the runs for documents inside its document.
    pub(crate) cpu: Duration,
    /// How it ended.
    pub(crate) ended: Ended<T>,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// By itself.
    Returned(T),
    /// It reached the wall-clock limit; its time.
    WallTime(Duration),
    /// It reached the processor limit; its processor time.
    CpuTime(Duration),
}

/// Awaits a call until it returns or reaches a limit; then it is dropped. A guest yields every epoch and in host calls that wait, so
/// it ends within an epoch of its limit. `time` began when it did.
pub(crate) async fn run<T>(
    call: impl Future<Output = T>,
    time: &RunTime,
    wall_max: Duration,
    cpu_max: Duration,
) -> MeteredCall<T> {
    let metered = Metered { inner: pin!(call), cpu: &time.cpu, cpu_max };
    let ended = time.within(wall_max, metered).await;
    let cpu = time.cpu.used();
    let ended = match ended {
        Some(Some(returned)) => Ended::Returned(returned),
        Some(None) => Ended::CpuTime(cpu),
        None => Ended::WallTime(time.elapsed()),
    };
    MeteredCall { cpu, ended }
}

/// Adds up the processor time of the thread while the inner future is polled: that of the guest, and of the host's work for it on
/// the same thread. Wall time would not do, because on a busy machine a thread waits for a core. Runs for documents inside the guest's
/// document are on threads of their own, and add theirs. Ready with none when the limit is reached.
struct Metered<'a, F> {
    inner: Pin<&'a mut F>,
    cpu: &'a CpuTime,
    cpu_max: Duration,
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // A poll begins and ends on one thread.
        let started = thread_time();
        let polled = self.inner.as_mut().poll(context);
        self.cpu.add(thread_time().saturating_sub(started));
        match polled {
            Poll::Ready(returned) => Poll::Ready(Some(returned)),
            Poll::Pending if self.cpu.used() > self.cpu_max => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Processor time of this thread since it began.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::plugin::Limits;

    async fn compute() {
        loop {
            std::hint::black_box((0..100_000u64).fold(0, |sum, n| sum ^ std::hint::black_box(n)));
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_computes_ends_by_the_processors_time() {
        let run = run(compute(), &RunTime::default(), Duration::from_secs(3600), Duration::from_millis(20)).await;
        assert!(matches!(run.ended, Ended::CpuTime(cpu) if cpu == run.cpu && cpu > Duration::from_millis(20)));
    }

    #[tokio::test]
    async fn what_waits_ends_by_the_clock() {
        let time = RunTime::default();
        let run = run(std::future::pending::<()>(), &time, Duration::from_millis(20), Duration::from_secs(60)).await;
        assert!(matches!(run.ended, Ended::WallTime(wall) if wall >= Duration::from_millis(20)), "{run:?}");
    }

    #[tokio::test]
    async fn what_returns_returns() {
        let run = run(async { 7 }, &RunTime::default(), Duration::from_secs(60), Duration::ZERO).await;
        assert!(matches!(run.ended, Ended::Returned(7)));
    }

    #[tokio::test]
    async fn what_documents_inside_used_counts() {
        let (hour, time) = (Duration::from_secs(3600), RunTime::default());
        let inner = RunTime::begins(Default::default(), &time.share(&Limits::default()).unwrap());
        // A guest that waits for the document's conversion, and goes on.
        let call = async {
            inner.cpu.add(2 * hour);
            tokio::task::yield_now().await;
        };
        let run = run(call, &time, hour, hour).await;
        assert!(matches!(run.ended, Ended::CpuTime(cpu) if cpu == run.cpu && cpu >= 2 * hour), "{run:?}");
    }
}
