//! What a run has used of its time, and what of it a document inside its document may use.

use crate::stopwatch::Stopwatch;
use morag_core::plugin::Limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Processor time that a run has used, with that of the runs for documents inside its document.
#[derive(Debug, Clone, Default)]
pub(crate) struct CpuTime(Arc<Account>);

#[derive(Debug, Default)]
struct Account {
    nanos: AtomicU64,
    /// That of the run around it.
    outer: Option<CpuTime>,
}

impl CpuTime {
    /// That of a run for a document inside the document of this one.
    fn inside(&self) -> Self {
        Self(Arc::new(Account { nanos: AtomicU64::default(), outer: Some(self.clone()) }))
    }

    /// Counts what was used, for the runs around it too.
    pub(crate) fn add(&self, used: Duration) {
        // Five hundred years fit.
        let nanos = u64::try_from(used.as_nanos()).unwrap_or(u64::MAX);
        let mut account = Some(self);
        while let Some(Self(counted)) = account {
            counted.nanos.fetch_add(nanos, Ordering::Relaxed);
            account = counted.outer.as_ref();
        }
    }

    /// What is used.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed))
    }
}

/// Time that a run has used.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunTime {
    clock: Stopwatch,
    /// When the run began, by that clock.
    began: Duration,
    /// Its processor time.
    pub(crate) cpu: CpuTime,
}

/// A kind of time of which a step has nothing left for documents inside its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsedUp {
    Wall,
    Cpu,
}

impl UsedUp {
    /// As the step is told.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Wall => "the step's time is nearly used up: the rest of it is for what was converted already",
            Self::Cpu => {
                "the step's processor time is nearly used up: the rest of it is for what was converted already"
            }
        }
    }
}

impl RunTime {
    /// That of a run that begins now, by the clock of its step.
    pub(crate) fn begins(clock: Stopwatch, share: &Share) -> Self {
        let cpu = share.0.as_ref().map(|parts| parts.cpu.inside()).unwrap_or_default();
        Self { began: clock.time(), clock, cpu }
    }

    /// Time by the clock since it began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.time().saturating_sub(self.began)
    }

    /// The result of work that ends within a time since the run began; none where it does not.
    pub(crate) async fn within<T>(&self, time_max: Duration, work: impl Future<Output = T> + Unpin) -> Option<T> {
        self.clock.until(self.began.saturating_add(time_max), work).await
    }

    /// What the next document inside the run's document may use of the run's `limits`.
    pub(crate) fn share(&self, limits: &Limits) -> Result<Share, UsedUp> {
        let wall_until = for_documents(limits.wall_time_max);
        let cpu_until = for_documents(limits.cpu_time_max);
        if self.elapsed() >= wall_until {
            return Err(UsedUp::Wall);
        }
        if self.cpu.used() >= cpu_until {
            return Err(UsedUp::Cpu);
        }
        let clock_until = self.began.saturating_add(wall_until);
        Ok(Share(Some(Parts { clock: self.clock.clone(), clock_until, cpu: self.cpu.clone(), cpu_until })))
    }
}

/// What a step may spend on documents inside its document: all but a tenth, in which it writes what it has.
fn for_documents(whole: Duration) -> Duration {
    whole.saturating_sub(whole / 10)
}

/// Time that a document may take of the step that it is inside of; all that a component has, for a task's own document. It is one for
/// all components that are asked to convert the document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Share(Option<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    clock: Stopwatch,
    /// When the document must be done, by that clock.
    clock_until: Duration,
    /// Processor time of the run around it.
    cpu: CpuTime,
    /// What that run may have used when the document is done.
    cpu_until: Duration,
}

/// Limits of a run, and which of them are less than its component's own.
#[derive(Debug)]
pub(crate) struct ShareOfLimits {
    pub(crate) limits: Limits,
    pub(crate) is_wall_less: bool,
    pub(crate) is_cpu_less: bool,
}

impl Share {
    /// The limits of a component's run that begins now: the component's own, and no more time than is left.
    pub(crate) fn limits(&self, own: &Limits) -> ShareOfLimits {
        let mut limits = own.clone();
        if let Some(parts) = &self.0 {
            // In whole milliseconds, as it is shown.
            let left = |until: Duration, used| Duration::from_millis(until.saturating_sub(used).as_millis() as u64);
            limits.wall_time_max = own.wall_time_max.min(left(parts.clock_until, parts.clock.time()));
            limits.cpu_time_max = own.cpu_time_max.min(left(parts.cpu_until, parts.cpu.used()));
        }
        let (wall, cpu) = (limits.wall_time_max, limits.cpu_time_max);
        ShareOfLimits { limits, is_wall_less: wall < own.wall_time_max, is_cpu_less: cpu < own.cpu_time_max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::sleep;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn limits(wall: u64, cpu: u64) -> Limits {
        Limits { wall_time_max: seconds(wall), cpu_time_max: seconds(cpu), ..Limits::default() }
    }

    fn left(share: &Share, own: &Limits) -> (Duration, Duration) {
        let ShareOfLimits { limits, is_wall_less, is_cpu_less } = share.limits(own);
        assert_eq!(is_wall_less, limits.wall_time_max < own.wall_time_max);
        assert_eq!(is_cpu_less, limits.cpu_time_max < own.cpu_time_max);
        (limits.wall_time_max, limits.cpu_time_max)
    }

    #[test]
    fn what_a_run_inside_uses_is_used_by_those_around_it() {
        let outer = CpuTime::default();
        let (one, other) = (outer.inside(), outer.inside());
        let innermost = one.inside();
        for (cpu, used) in [(&outer, 1), (&one, 10), (&other, 100), (&innermost, 1000)] {
            cpu.add(seconds(used));
        }
        assert_eq!([outer, one, other, innermost].map(|cpu| cpu.used().as_secs()), [1111, 1010, 100, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_keeps_a_tenth_of_its_time_for_what_was_converted() {
        let run = RunTime::default();
        let share = || run.share(&limits(100, 50)).map(|share| left(&share, &limits(1000, 1000)));
        assert_eq!(share(), Ok((seconds(90), seconds(45))));
        run.cpu.add(seconds(44));
        sleep(seconds(30)).await;
        assert_eq!(share(), Ok((seconds(60), seconds(1))));
        run.cpu.add(seconds(1));
        assert_eq!(share(), Err(UsedUp::Cpu));
        sleep(seconds(60)).await;
        assert_eq!(share(), Err(UsedUp::Wall));
    }

    #[tokio::test(start_paused = true)]
    async fn components_that_are_asked_one_after_another_share_the_time_of_the_document() {
        let clock = Stopwatch::default();
        let run = RunTime::begins(clock.clone(), &Share::default());
        let share = run.share(&limits(100, 100)).unwrap();
        let first = RunTime::begins(clock.clone(), &share);
        first.cpu.add(seconds(80));
        sleep(seconds(50)).await;
        assert_eq!(left(&share, &limits(1000, 1000)), (seconds(40), seconds(10)));
        // A component has its own limits too.
        assert_eq!(left(&share, &limits(30, 1000)), (seconds(30), seconds(10)));
        // Compiling the next one takes nothing of it.
        clock.stopped_for(sleep(seconds(500))).await;
        assert_eq!(left(&share, &limits(1000, 1000)), (seconds(40), seconds(10)));
        sleep(seconds(50)).await;
        assert_eq!(left(&share, &limits(1000, 1000)), (seconds(0), seconds(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_inside_passes_on_what_it_was_given() {
        let clock = Stopwatch::default();
        let outer = RunTime::begins(clock.clone(), &Share::default());
        let share = outer.share(&limits(100, 100)).unwrap();
        let inner = RunTime::begins(clock.clone(), &share);
        let given = share.limits(&limits(1000, 1000)).limits;
        inner.cpu.add(seconds(41));
        let innermost = inner.share(&given).unwrap();
        assert_eq!(left(&innermost, &limits(1000, 1000)), (seconds(81), seconds(40)));
        assert_eq!(outer.cpu.used(), seconds(41));
    }

    #[test]
    fn the_tasks_own_document_has_all_that_its_component_has() {
        assert_eq!(left(&Share::default(), &limits(7, 8)), (seconds(7), seconds(8)));
    }
}
