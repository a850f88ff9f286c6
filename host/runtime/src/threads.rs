//! Threads that guests run on, apart from the server's own: a guest that computes holds up no request.

use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

/// Polls after which a thread looks at timers and sockets though it has more to do. Each may be an epoch (10 ms) of a guest that
/// computes, so the 61 of tokio's default would be more than half a second by which a limit of time comes late.
const POLLS_BETWEEN_EVENTS: u32 = 4;

/// How far guests stand back behind the server's own threads where both want a core (`nice`): a third of the weight, so that a
/// request goes before a step. `benches/hostile.rs` shows what it comes to.
const NICENESS: i32 = 5;

/// Lets the calling thread stand back. On Linux niceness is a thread's own; where it is not, or may not be set, guests and server
/// are equals.
fn be_nice() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "guests compete with the server's own threads");
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
        // A runtime must not be waited for inside another one, where a server drops it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
