//! The clock of a step's run, which stands still while a component is compiled for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Time that a step's clock stands still at most, altogether. Compiling one component may take 21 minutes by the default limits, on a
/// machine that is busy; the standard converters take seconds each. A worker that waits longer is no longer excused.
const STOOD_MAX: Duration = Duration::from_secs(30 * 60);

/// How often the time that is left is looked at while the clock stands still, and how exact its end is: as an epoch, at which a guest ends.
const LOOK: Duration = Duration::from_millis(10);

/// Time of a step's run, with that of the runs for documents inside its document: they have one clock. What a run waits for because a
/// component must be compiled first is not its own time, or the first document after a start would fail.
#[derive(Debug, Clone)]
pub(crate) struct Stopwatch(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    started: Instant,
    /// How long it has stood still before.
    stood: Duration,
    /// Since when it stands still now. The runs of a step wait for each other, so it is stopped by one at a time.
    stopped: Option<Instant>,
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Hands { started: Instant::now(), stood: Duration::ZERO, stopped: None })))
    }
}

impl Stopwatch {
    /// Its time.
    pub(crate) fn time(&self) -> Duration {
        self.set(|hands| {
            let stands = hands.stopped.map_or(Duration::ZERO, |stopped| stopped.elapsed());
            hands.started.elapsed().saturating_sub((hands.stood + stands).min(STOOD_MAX))
        })
    }

    /// Does work while it stands still.
    pub(crate) async fn stopped_for<T>(&self, work: impl Future<Output = T>) -> T {
        // Goes on when the work is dropped, too.
        struct Standing<'a>(&'a Stopwatch);
        impl Drop for Standing<'_> {
            fn drop(&mut self) {
                self.0.set(|hands| {
                    hands.stood += hands.stopped.take().map_or(Duration::ZERO, |stopped| stopped.elapsed());
                });
            }
        }
        self.set(|hands| hands.stopped = Some(Instant::now()));
        let _standing = Standing(self);
        work.await
    }

    /// The result of work that ends before this time; none where it does not.
    pub(crate) async fn until<T>(&self, end: Duration, mut work: impl Future<Output = T> + Unpin) -> Option<T> {
        loop {
            let left = end.saturating_sub(self.time());
            // While it stands still, the time that is left is looked at again and again.
            let pause = if left.is_zero() { left } else { left.max(LOOK) };
            match tokio::time::timeout(pause, &mut work).await {
                Ok(done) => return Some(done),
                Err(_) if self.time() < end => {}
                Err(_) => return None,
            }
        }
    }

    fn set<T>(&self, change: impl FnOnce(&mut Hands) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::pin;
    use tokio::time::sleep;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_stands_still_during_work_and_goes_on_after_it() {
        let clock = Stopwatch::default();
        sleep(SECOND).await;
        clock.clone().stopped_for(sleep(20 * SECOND)).await;
        assert_eq!(clock.time(), SECOND);
        sleep(SECOND).await;
        assert_eq!(clock.time(), 2 * SECOND);
        let given_up = tokio::time::timeout(20 * SECOND, clock.stopped_for(pending::<()>())).await;
        assert!(given_up.is_err());
        sleep(SECOND).await;
        assert_eq!(clock.time(), 3 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_stand_still_without_end() {
        let clock = Stopwatch::default();
        clock.stopped_for(sleep(STOOD_MAX + SECOND)).await;
        assert_eq!(clock.time(), SECOND);
        clock.stopped_for(sleep(SECOND)).await;
        assert_eq!(clock.time(), 2 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn work_ends_by_its_time() {
        let (clock, real) = (Stopwatch::default(), Instant::now());
        let work = async {
            clock.stopped_for(sleep(20 * SECOND)).await;
            sleep(SECOND).await;
            7
        };
        assert_eq!(clock.until(2 * SECOND, pin!(work)).await, Some(7));
        assert_eq!((clock.time(), real.elapsed()), (SECOND, 21 * SECOND));
        assert_eq!(clock.until(3 * SECOND, pin!(pending::<()>())).await, None);
        assert_eq!(clock.time(), 3 * SECOND);
        assert_eq!(clock.until(SECOND, std::future::ready(7)).await, Some(7), "what is ready is taken");
    }
}
