//! Threads for guests, apart from the server's own: a guest that computes delays no request.

use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

/// Polls after which a thread checks timers and sockets though it has more work. Each poll may be an epoch (10 ms) of a guest that
/// computes, so tokio's default of 61 would delay a time limit by more than half a second.
const POLLS_BETWEEN_EVENTS: u32 = 4;

/// Niceness of guests: a third of the weight of the server's own threads where both compete for a core, so that a request goes
/// before a step. `benches/hostile.rs` measures the effect.
const NICENESS: i32 = 5;

/// Lowers the priority of the calling thread. On Linux niceness is a thread's own; elsewhere, and where it may not be set, guests and
/// server have the same priority.
fn be_nice() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the priority of guests cannot be lowered: they compete with the server's own threads");
    }
}

/// A pool of threads for guests.
#[derive(Debug)]
pub(crate) struct GuestThreads(Option<Runtime>);

impl GuestThreads {
    /// Starts `count` threads, at least one.
    pub(crate) fn start(count: usize) -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(count.max(1))
            .thread_name("guest")
            .enable_all()
            .event_interval(POLLS_BETWEEN_EVENTS)
            .on_thread_start(be_nice);
        Ok(Self(Some(builder.build()?)))
    }

    /// Runs a future there. Dropping the returned one stops it at its next yield.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        #[expect(clippy::expect_used, reason = "only `drop` takes the runtime")]
        let runtime = self.0.as_ref().expect("only drop takes the runtime");
        let mut stopped_on_drop = tokio::task::JoinSet::new();
        stopped_on_drop.spawn_on(future, runtime.handle());
        #[expect(clippy::expect_used, reason = "one future was spawned, so one result comes")]
        stopped_on_drop.join_next().await.expect("one future was spawned")
    }
}

impl Drop for GuestThreads {
    fn drop(&mut self) {
        // A server drops it inside another runtime, which must not wait for it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
