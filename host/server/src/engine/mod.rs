//! Does what the core decides: runs tasks ([`worker`], [`run`], [`publish`]), delivers webhooks ([`dispatcher`], [`deliver`], [`attempt`], [`give_up`],
//! in [`lanes`]), stops tasks ([`cancel`]) and runs them again ([`retry`]), checks files ([`verify`]), and forgets what is old ([`janitor`]).
//!
//! Invariant: nothing here decides what an event says, when a retry comes or what may follow what. It feeds inputs to
//! `morag_core`, commits what comes back, and performs the effect.

mod announce;
mod attempt;
mod cancel;
#[cfg(test)]
mod damage_tests;
mod deliver;
#[cfg(test)]
mod delivery_tests;
mod dispatcher;
mod endpoint_state;
mod feed;
mod give_up;
mod janitor;
mod lanes;
mod misfit;
#[cfg(test)]
mod policy_tests;
mod publish;
mod retry;
mod run;
mod running;
mod target;
mod turns;
mod verify;
mod wall_time;
mod worker;

pub use cancel::{CancelOutcome, cancel};
pub use feed::{Behind, LiveFeed, News, Subscription, happened};
pub use janitor::ORPHAN_AGE;
pub use lanes::{BreakerCounts, Lanes, LanesMax};
pub use retry::{Retried, RetryError, retry};
pub use running::Running;
pub use verify::{Verified, damage};

use crate::App;
use crate::config::Role;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long an idle loop sleeps at most: the safety net below wake-ups, for a key that another process made due.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// How long a loop waits after the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Starts the loops of the process's roles; of a worker where the app has plugins. Each ends by itself, after giving back what it holds, once `shutdown` is cancelled: running steps and deliveries under way
/// may go on for [`drain_timeout`](crate::config::Config::drain_timeout) then.
pub fn spawn(app: &Arc<App>, shutdown: &CancellationToken) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    if app.plugins.set().is_some() {
        loops.spawn(worker::work(app.clone(), shutdown.clone()));
        loops.spawn(janitor::tidy(app.clone(), shutdown.clone()));
    }
    if app.config.roles.has(Role::Dispatcher) {
        loops.spawn(dispatcher::dispatch(app.clone(), shutdown.clone()));
        loops.spawn(announce::announce(app.clone(), shutdown.clone()));
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

/// How long to wait for the next due key: until it is due, but not longer than the safety net.
fn until(next_due: Option<morag_core::Timestamp>, now: morag_core::Timestamp) -> Duration {
    next_due.map_or(IDLE_MAX, |due| due.since(now).min(IDLE_MAX))
}
