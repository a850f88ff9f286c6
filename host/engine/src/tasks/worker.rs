//! Claims due tasks and runs them, as many at once as configured.

use super::run::run_task;
use crate::App;
use crate::pace::{STORE_PAUSE, until};
use morag_core::ports::Queue;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs due tasks until `shutdown`, then lets running steps go on for the drain timeout and gives the rest back.
pub(crate) async fn work(app: Arc<App>, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.config.worker_concurrency));
    let tasks = TaskTracker::new();
    let give_up = CancellationToken::new();
    while !shutdown.is_cancelled() {
        let permit = tokio::select! {
            () = shutdown.cancelled() => break,
            permit = slots.clone().acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        // Only a process with plugins works.
        let Some(set) = app.plugins.set() else { break };
        // One claim a free slot: a claimed task never waits behind another while its lease runs.
        match app.queue.claim(Queue::Tasks, 1, app.config.lease).await {
            Ok(claim) => match claim.leases.into_iter().next() {
                Some(lease) => {
                    // The task ends on the components that it begins on, whatever is loaded meanwhile.
                    let (app, steps, give_up) = (app.clone(), set.steps.clone(), give_up.clone());
                    tasks.spawn(async move {
                        run_task(&app, steps, lease, give_up).await;
                        drop(permit);
                    });
                }
                None => {
                    drop(permit);
                    let idle = until(claim.next_due, app.clock.now());
                    tokio::select! {
                        () = shutdown.cancelled() => {}
                        () = app.queue.wait(Queue::Tasks, idle) => {}
                    }
                }
            },
            Err(error) => {
                tracing::error!(%error, "cannot claim a task");
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(STORE_PAUSE) => {}
                }
            }
        }
    }
    tasks.close();
    if tokio::time::timeout(app.config.drain_timeout, tasks.wait()).await.is_err() {
        tracing::info!(running = tasks.len(), "drain timeout over: giving back the running tasks");
        give_up.cancel();
        tasks.wait().await;
    }
}
