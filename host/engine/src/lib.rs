//! The engine: runs tasks ([`tasks`]), delivers webhooks ([`deliveries`]), and forgets what is old ([`janitor`]), as a process that is
//! configured ([`config`]) and knows its named endpoints ([`endpoints`]), pipelines and components. [`App`] holds its parts.
//!
//! Invariant: nothing here decides what an event says, when a retry comes or what may follow what. It feeds inputs to
//! `morag_core`, commits what comes back, and performs the effect. It knows no HTTP interface and no adapter: only ports.
//!
//! # Many processes
//!
//! A process has roles: `api`, `worker`, `dispatcher`. A worker has a wasm engine and steps, the others have none; without `api` only
//! the probes are served. What the API must know of steps it reads in the log. Processes meet in the store only:
//!
//! - The holder of a lease does the work, and its commits carry the fence; nothing else says which process has what.
//! - The embedded store belongs to one process, by the data folder's lock. Only because of that lock may a start assume that every
//!   holder of a lease is gone, and that staged files and files without a task are left over. A bucket has no lock: files without a task
//!   go by how long a process has known them without a task. On Redis none of this is known, so age decides: leases run out, and files that no task owns are deleted
//!   after [`ORPHAN_AGE`], by a clock that cannot be set.
//! - In Redis the server's clock decides; the embedded store goes by a clock that only counts on from the process's start, and notes
//!   both clocks, so that the next start can tell them apart.
//! - A cancellation reaches a worker in another process at its next commit or renewal, a third of the lease at the latest.
//! - Stopping has two stages: no new work is begun; after the drain timeout, what still runs is given back, due at once.

mod app;
pub mod config;
mod deliveries;
pub mod disk;
pub mod endpoints;
mod feed;
mod janitor;
mod lanes;
pub mod metrics;
mod pace;
pub mod pipelines;
pub mod plugins;
mod running;
pub mod services;
pub mod spans;
mod tasks;
#[cfg(test)]
mod testing;
mod time_of_day;
mod verified;
mod version;
mod waits;

pub use app::App;
pub use feed::{Behind, Happened, LiveFeed, News, Subscription};
pub use janitor::ORPHAN_AGE;
pub use lanes::{BreakerCounts, HostSlot, Lanes};
pub use pipelines::Pipelines;
pub use running::Running;
pub use tasks::{CancelOutcome, Retried, RetryError, cancel, damage, retry};
pub use verified::Verified;
pub use version::VERSION;
pub use waits::Waits;

use config::Role;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Starts the loops of the process's roles; those of a worker only where the app has plugins.
///
/// Each ends by itself once `shutdown` is cancelled: running steps and deliveries under way get
/// [`drain_timeout`](crate::config::Config::drain_timeout), then what is left is given back to the queue.
pub fn spawn(app: &Arc<App>, shutdown: &CancellationToken) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    if app.plugins.set().is_some() {
        loops.spawn(tasks::work(app.clone(), shutdown.clone()));
        loops.spawn(janitor::tidy(app.clone(), shutdown.clone()));
    }
    if app.config.roles.has(Role::Dispatcher) {
        loops.spawn(deliveries::dispatch(app.clone(), shutdown.clone()));
        loops.spawn(deliveries::announce(app.clone(), shutdown.clone()));
    }
    loops
}

/// Clears what earlier, killed processes left half done. Before any step runs, and only where no other process uses the
/// stores: what is half done could be another's that is at it.
pub async fn recover(app: &App) -> anyhow::Result<()> {
    let forgotten = app.knowledge.discard_unpublished().await?;
    if forgotten > 0 {
        tracing::info!(forgotten, "staged writes of interrupted steps were discarded; the steps run again");
    }
    if app.config.s3.is_some() {
        // A bucket has no lock: a store that was restored for a trial would clear what the other one has accepted since.
        // What is left over goes by its age.
        return Ok(());
    }
    let folders = janitor::clear_orphans(app).await?;
    if folders > 0 {
        tracing::info!(folders, "files that belong to no task were deleted: uploads that were interrupted");
    }
    Ok(())
}
